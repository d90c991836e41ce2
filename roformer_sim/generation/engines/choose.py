"""Which engine decodes."""

from __future__ import annotations

import importlib.util
from typing import NamedTuple, cast

import keras

from corpus_builder.errors import InputError
from roformer_sim.generation.engines.base import Engine
from roformer_sim.models import Backbone

ENGINES = ("keras", "openvino-float32", "openvino-bfloat16", "openvino-int8")


class Choice(NamedTuple):
    """An engine's name and why it was chosen."""

    name: str
    why: str


def best_engine() -> Choice:
    """What ``"auto"`` stands for on this machine (docs/generation.md has the figures)."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        on_gpu = bool(tf.config.list_physical_devices("GPU"))
    elif keras.backend.backend() == "jax":
        import jax

        on_gpu = jax.default_backend() != "cpu"
    else:
        on_gpu = False
    if on_gpu:
        return Choice("keras", "there is a GPU")
    if importlib.util.find_spec("openvino") is None:
        return Choice("keras", "OpenVINO is not installed (pip install 'roformer-sim[openvino]')")
    return Choice("openvino-float32", "the fastest on a CPU with float32's results")


def make_engine(name: str, backbone: Backbone) -> Engine:
    """The engine of that name, ``"auto"`` or one of :data:`ENGINES`.

    Raises:
        InputError: No such engine, or it is not installed.
    """
    name = best_engine().name if name == "auto" else name
    if name not in ENGINES:
        raise InputError(f"engine must be auto, {', '.join(ENGINES)}, not {name!r}")
    if name == "keras":
        from roformer_sim.generation.engines.keras_engine import KerasEngine

        return KerasEngine(backbone)
    if importlib.util.find_spec("openvino") is None:
        raise InputError(f"engine {name} needs OpenVINO: pip install 'roformer-sim[openvino]'")
    from roformer_sim.generation.engines.openvino import OpenVINOEngine, Precision

    return OpenVINOEngine(backbone, cast(Precision, name.removeprefix("openvino-")))
