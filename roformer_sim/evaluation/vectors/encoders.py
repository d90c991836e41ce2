"""From the name of an encoder to one vector a sentence."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.teachers.checked import checked_vectors


@dataclass(frozen=True)
class VectorEncoder:
    """An encoder under its name.

    Attributes:
        name: Shown in reports.
        encode: n sentences to (n, d), not normalised.
        count_truncated: How many of the sentences it cuts, where that is known.
    """

    name: str
    encode: Callable[[list[str]], np.ndarray]
    count_truncated: Callable[[list[str]], int] | None = None

    def __call__(self, texts: list[str]) -> np.ndarray:
        """Vectors of at least one sentence, float32 (n, d).

        Raises:
            InputError: Not one finite, nonzero vector a sentence.
        """
        return checked_vectors(self.encode(texts), texts, self.name, None)


def load_vector_encoder(spec: str, *, maxlen: int = 64, batch_size: int | None = None) -> VectorEncoder:
    """The encoder that a command names, with the one vector it is used by.

    A preset gives its own vector, ``NAME@P3`` another; else as
    :func:`roformer_sim.teachers.load_teacher` (``use``, ``e5``, ``sentence-transformers:NAME``,
    ``python:module:function``, ``cache:FOLDER``).

    Args:
        spec: The name.
        maxlen: Most tokens of a sentence of a preset; longer ones are cut and counted. Other encoders have
            their own limits.
        batch_size: Sentences a batch of a preset; ``None`` for as many as the engine is fast with.

    Raises:
        InputError: There is no such encoder, it scores pairs only, or its library is not installed.
    """
    from roformer_sim.evaluation.sts.encoders import JACCARD_SPEC, needs_keras
    from roformer_sim.teachers import load_teacher

    if spec == JACCARD_SPEC:
        raise InputError(f"encoder {spec}: scores pairs and has no vectors")
    if not needs_keras(spec):
        return VectorEncoder(spec, load_teacher(spec))
    from roformer_sim.model import RoFormerSim
    from roformer_sim.models import Pooling
    from roformer_sim.teachers.load import preset_and_pooling

    name, named = preset_and_pooling(spec, "encoder")
    model = RoFormerSim.from_preset(name)
    pooling = Pooling(named or model.config.pooling)

    def encode(texts: list[str]) -> np.ndarray:
        with warnings.catch_warnings():
            # Counted, and said in the report.
            warnings.filterwarnings("ignore", message=r"\d+ of \d+ texts cut to ", category=UserWarning)
            options: dict[str, Any] = {
                "normalize": False,
                "maxlen": maxlen,
                "batch_size": batch_size or "auto",
            }
            return model.encoder.encode(texts, [pooling], **options)[pooling]

    def count_truncated(texts: list[str]) -> int:
        return sum(encoding.truncated for encoding in model.tokenizer.encode_batch(texts, maxlen=maxlen))

    return VectorEncoder(spec if named else f"{spec}@{pooling.value}", encode, count_truncated)
