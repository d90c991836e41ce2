"""Which engine encodes."""

from __future__ import annotations

from corpus_builder.errors import InputError
from roformer_sim.generation.engines.choose import Choice, best_engine, native_network
from roformer_sim.network import Network
from roformer_sim.retrieval.engines.base import EncoderEngine

ENCODERS = ("keras", "native-float32", "native-int8")


def best_encoder(network: Network | None = None) -> Choice:
    """What ``"auto"`` stands for on this machine and, if one is given, for this network."""
    if network is not None and network.built:
        return Choice("keras", "there is a Keras model, whose weights may change")
    return best_engine(network)


def make_encoder(name: str, network: Network) -> EncoderEngine:
    """The network's engine of that name, ``"auto"`` or one of :data:`ENCODERS`, made at the first call.

    Raises:
        InputError: No such engine, or this processor cannot run it.
    """
    name = best_encoder(network).name if name == "auto" else name
    if name not in ENCODERS:
        raise InputError(f"engine must be auto, {', '.join(ENCODERS)}, not {name!r}")
    return network.once(f"encoder {name}", lambda: _made(name, network))


def _made(name: str, network: Network) -> EncoderEngine:
    if name == "keras":
        from roformer_sim.retrieval.engines.keras_engine import KerasEncoder

        return KerasEncoder(network.backbone)
    from roformer_sim.retrieval.engines.native_engine import NativeEncoder

    return NativeEncoder(native_network(name, network), network.weights())
