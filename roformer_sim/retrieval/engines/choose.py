"""Which engine encodes."""

from __future__ import annotations

import importlib.util
from typing import cast

from corpus_builder.errors import InputError
from roformer_sim.generation.engines.choose import NO_OPENVINO, Choice, make_engine, on_accelerator
from roformer_sim.network import Network
from roformer_sim.retrieval.engines.base import EncoderEngine

ENCODERS = ("keras", "openvino-float32", "openvino-bfloat16", "openvino-int8")


def best_encoder(network: Network | None = None) -> Choice:
    """What ``"auto"`` stands for on this machine and, if one is given, for this network."""
    if network is not None and network.built:
        return Choice("keras", "there is a Keras model, whose weights may change")
    if on_accelerator():
        return Choice("keras", "there is a GPU or TPU that Keras uses")
    if importlib.util.find_spec("openvino") is None:
        return Choice("keras", NO_OPENVINO)
    return Choice("openvino-float32", "the fastest on a CPU with float32's results")


def make_encoder(name: str, network: Network) -> EncoderEngine:
    """The network's engine of that name, ``"auto"`` or one of :data:`ENCODERS`, made at the first call.

    Raises:
        InputError: No such engine, or it is not installed.
    """
    name = best_encoder(network).name if name == "auto" else name
    if name not in ENCODERS:
        raise InputError(f"engine must be auto, {', '.join(ENCODERS)}, not {name!r}")
    return network.once(f"encoder {name}", lambda: _made(name, network))


def _made(name: str, network: Network) -> EncoderEngine:
    if name == "keras":
        from roformer_sim.retrieval.engines.keras_engine import KerasEncoder

        return KerasEncoder(network.backbone)
    decoder = make_engine(name, network)
    from roformer_sim.generation.engines.openvino import OpenVINOEngine
    from roformer_sim.retrieval.engines.openvino_engine import OpenVINOEncoder

    return OpenVINOEncoder(cast(OpenVINOEngine, decoder), network.weights())
