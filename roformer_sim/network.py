"""A network that is arrays until something asks for the Keras model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from roformer_sim.checkpoints.mapped import MappedWeights, release
from roformer_sim.checkpoints.weights import assign_weights, check_shapes, read_weights, weight_shapes
from roformer_sim.models.config import ModelConfig

if TYPE_CHECKING:
    from roformer_sim.models.backbone import Backbone

Made = TypeVar("Made")


class Network:
    """Configuration and weights; the Keras model of them is built when it is first asked for.

    Engines that run without Keras take :attr:`config` and :meth:`weights`, so that a process that generates
    and encodes with them imports neither Keras nor TensorFlow and holds no second copy of the weights.
    Threads may share a network.

    Args:
        config: Its shape.
        weights: Arrays by name, see :func:`roformer_sim.checkpoints.weights.weight_shapes`; not copied.
        dtype: Keras dtype policy of the Keras model, ``"float32"`` or ``"mixed_bfloat16"``.
        where: What an error calls the weights.

    Raises:
        InputError: A weight that is missing, extra or of another shape.

    Example:
        >>> network = Network(preset.config, preset.weights)
        >>> network.built
        False
        >>> vectors = network.backbone([[101, 2769, 102]])  # imports Keras
    """

    def __init__(
        self,
        config: ModelConfig,
        weights: Mapping[str, np.ndarray],
        *,
        dtype: Any = "float32",
        where: str | Path = "the weights",
    ) -> None:
        found = weights.shapes() if isinstance(weights, MappedWeights) else _shapes(weights)
        check_shapes(weight_shapes(config), found, where)
        self.config, self._dtype = config, dtype
        self._weights: Mapping[str, np.ndarray] | None = weights
        self._backbone: Backbone | None = None
        self._lock = threading.RLock()
        self._kept: dict[str, Any] = {}

    @classmethod
    def of(cls, model: Network | Backbone) -> Network:
        """The network itself, or one around a Keras model."""
        if isinstance(model, Network):
            return model
        network = cls.__new__(cls)
        network.config, network._dtype = model.config, model.dtype_policy
        network._weights, network._backbone = None, model
        network._lock, network._kept = threading.RLock(), {}
        return network

    @property
    def built(self) -> bool:
        """Whether there is a Keras model, whose weights may change from now on."""
        return self._backbone is not None

    @property
    def dtype(self) -> Any:
        """Keras dtype policy of the Keras model."""
        return self._dtype

    @property
    def backbone(self) -> Backbone:
        """The Keras model, built at the first call. From then on its weights are the network's."""
        with self._lock:
            if self._backbone is None:
                from roformer_sim.models.backbone import Backbone

                weights = self.weights()
                backbone = Backbone(self.config, dtype=self._dtype)
                assign_weights(backbone, weights, "the weights")
                self._backbone, self._weights = backbone, None
                release(weights)
            return self._backbone

    def weights(self) -> Mapping[str, np.ndarray]:
        """float32 arrays by name, as they are now; not to be written into."""
        with self._lock:
            if self._backbone is not None:
                return read_weights(self._backbone)
            return cast(Mapping[str, np.ndarray], self._weights)

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """What ``make`` gives, made when ``name`` is first asked for: engines, each with its own weights."""
        with self._lock:
            if name not in self._kept:
                self._kept[name] = make()
            return cast(Made, self._kept[name])

    def forget(self) -> None:
        """Have it all made anew: training has changed the weights since."""
        with self._lock:
            self._kept.clear()


def _shapes(weights: Mapping[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(array.shape) for name, array in weights.items()}
