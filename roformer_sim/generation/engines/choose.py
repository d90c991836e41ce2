"""Which engine decodes."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import NamedTuple, cast

from corpus_builder.errors import InputError
from roformer_sim.generation.engines.base import Engine
from roformer_sim.network import Network

ENGINES = ("keras", "openvino-float32", "openvino-bfloat16", "openvino-int8")


NO_OPENVINO = "OpenVINO is not installed (pip install 'roformer-sim[openvino]')"


class Choice(NamedTuple):
    """An engine's name and why it was chosen."""

    name: str
    why: str


def best_engine() -> Choice:
    """What ``"auto"`` stands for on this machine (docs/generation.md has the figures)."""
    if on_accelerator():
        return Choice("keras", "there is a GPU or TPU that Keras uses")
    if importlib.util.find_spec("openvino") is None:
        return Choice("keras", NO_OPENVINO)
    return Choice("openvino-float32", "the fastest on a CPU with float32's results")


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
        InputError: No such engine, or it is not installed.
    """
    name = best_engine().name if name == "auto" else name
    if name not in ENGINES:
        raise InputError(f"engine must be auto, {', '.join(ENGINES)}, not {name!r}")
    return network.once(name, lambda: _made(name, network))


def _made(name: str, network: Network) -> Engine:
    if name == "keras":
        from roformer_sim.generation.engines.keras_engine import KerasEngine

        return KerasEngine(network.backbone)
    if importlib.util.find_spec("openvino") is None:
        raise InputError(f"engine {name} needs OpenVINO: pip install 'roformer-sim[openvino]'")
    from roformer_sim.generation.engines.openvino import OpenVINOEngine, Precision

    precision = cast(Precision, name.removeprefix("openvino-"))
    return OpenVINOEngine(network.config, network.weights(), precision)
