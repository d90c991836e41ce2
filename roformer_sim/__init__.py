"""Chinese sentences that mean the same: generate them, encode them, train on your own text.

>>> from roformer_sim import RoFormerSim, gen_synonyms
>>> model = RoFormerSim.from_preset("roformer_sim_char_mini_zh")
>>> model.gen_synonyms("广州和深圳哪个好？", n=100, k=20)  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from corpus_builder.errors import InputError

if TYPE_CHECKING:
    from roformer_sim.model import RoFormerSim, gen_synonyms

__version__ = "0.1.0"
__all__ = ["InputError", "RoFormerSim", "__version__", "gen_synonyms"]


def __getattr__(name: str) -> Any:
    # The model pulls in Keras and TensorFlow, seconds that text tools and --help must not pay.
    if name in ("RoFormerSim", "gen_synonyms"):
        from roformer_sim import model

        return getattr(model, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
