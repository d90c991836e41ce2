"""Which engine decodes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from corpus_builder.errors import InputError
from roformer_sim.generation.engines.base import Engine
from roformer_sim.network import Network

if TYPE_CHECKING:
    from roformer_sim.native import NativeNetwork, Precision

ENGINES = ("keras", "native-float32", "native-int8")


class Choice(NamedTuple):
    """An engine's name and why it was chosen."""

    name: str
    why: str


def best_engine(network: Network | None = None) -> Choice:
    """What ``"auto"`` stands for on this machine and, if one is given, for this network.

    docs/generation.md has the figures behind it.
    """
    if network is not None and str(getattr(network.dtype, "name", network.dtype)) != "float32":
        return Choice("keras", "the Keras model computes in bfloat16, as was asked for")
    if on_accelerator():
        return Choice("keras", "there is a GPU or TPU that Keras uses")
    return Choice("native-float32", "the fastest on a CPU with float32's results")


# What drivers of NVIDIA, AMD, Google and Windows's Linux put into the folder of devices.
_DEVICE_FILES = ("nvidia[0-9]*", "nvidiactl", "kfd", "accel*", "vfio/[0-9]*", "dxg")


def on_accelerator(devices: Path = Path("/dev")) -> bool:
    """Whether Keras computes on a GPU or TPU.

    Importing a backend to ask it takes seconds, so it is not asked on Linux where no driver has put a device
    file of a GPU or TPU into ``/dev``, or where ``CUDA_VISIBLE_DEVICES`` hides all NVIDIA devices and there
    is no other; unless it is loaded already.
    """
    loaded = any(name in sys.modules for name in ("tensorflow", "jax"))
    if sys.platform == "linux" and not loaded and not accelerator_files(devices):
        return False
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))
    if keras.backend.backend() == "jax":
        import jax

        return bool(jax.default_backend() != "cpu")
    return False


def accelerator_files(devices: Path) -> list[Path]:
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1")
    patterns = [pattern for pattern in _DEVICE_FILES if not (hidden and pattern.startswith("nvidia"))]
    return [path for pattern in patterns for path in devices.glob(pattern)]


def make_engine(name: str, network: Network) -> Engine:
    """The network's engine of that name, ``"auto"`` or one of :data:`ENGINES`, made at the first call.

    Raises:
        InputError: No such engine, or this processor cannot run it.
    """
    name = best_engine(network).name if name == "auto" else name
    if name not in ENGINES:
        raise InputError(f"engine must be auto, {', '.join(ENGINES)}, not {name!r}")
    return network.once(name, lambda: _made(name, network))


def _made(name: str, network: Network) -> Engine:
    if name == "keras":
        from roformer_sim.generation.engines.keras_engine import KerasEngine

        return KerasEngine(network.backbone)
    from roformer_sim.generation.engines.native_engine import NativeEngine

    return NativeEngine(native_network(name, network))


def native_network(name: str, network: Network) -> NativeNetwork:
    """The packed weights that a native engine of that name computes with, one for all that do."""
    from roformer_sim.native import NativeNetwork

    precision = cast("Precision", name.removeprefix("native-"))
    return network.once(
        f"packed {precision}", lambda: NativeNetwork(network.config, network.weights(), precision)
    )
