"""From the name of an encoder to what is measured: presets, teachers, any library's model, pair scorers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from roformer_sim.evaluation.sts.figures import StsScores
from roformer_sim.evaluation.sts.measure import (
    JACCARD,
    Bootstrap,
    EncodeFunction,
    character_jaccard,
    evaluate_sts,
)
from roformer_sim.evaluation.sts.tables import StsTable

if TYPE_CHECKING:
    from roformer_sim.evaluation.sts.sentence_model import SentenceModel

JACCARD_SPEC = "jaccard"


@dataclass(frozen=True)
class StsEncoder:
    """An encoder under its name, ready to be measured.

    Attributes:
        name: Shown in the report.
        encode: See :data:`EncodeFunction`; ``None`` for character Jaccard, which scores pairs.
        count_truncated: How many sentences it cuts, where that is known.
        model: What it is, where it is a preset.
    """

    name: str
    encode: EncodeFunction | None
    count_truncated: Callable[[list[str]], int] | None = None
    model: SentenceModel | None = None

    def evaluate(self, tables: Sequence[StsTable], bootstrap: Bootstrap = Bootstrap()) -> StsScores:
        """Its figures on the tables."""
        if self.encode is None:
            return character_jaccard(tables, bootstrap)
        return evaluate_sts(
            self.encode,
            tables,
            name=self.name,
            count_truncated=self.count_truncated,
            bootstrap=bootstrap,
        )


def from_model(model: SentenceModel) -> StsEncoder:
    """A network of ours as an encoder."""
    return StsEncoder(model.name, model.encode, model.count_truncated, model)


def needs_keras(spec: str) -> bool:
    """Whether it is a preset, which runs on Keras."""
    from roformer_sim import teachers

    return spec != JACCARD_SPEC and teachers.needs_keras(spec)


def load_encoder(spec: str, *, maxlen: int = 64, batch_size: int = 64, progress: bool = False) -> StsEncoder:
    """The encoder that a command names.

    ``jaccard``: shared characters, a score of pairs. A preset, its folder, or a checkpoint folder: all four
    poolings. All that :func:`roformer_sim.teachers.load_teacher` knows: its one vector (``use``, ``e5``,
    ``sentence-transformers:NAME``, ``python:module:function``, ``cache:FOLDER``, ``PRESET@P3``).

    Args:
        spec: The name.
        maxlen: Most tokens of a sentence of a preset; longer ones are cut and counted. Other encoders have
            their own limits.
        batch_size: Sentences a batch of a preset.
        progress: Show a progress bar on stderr.

    Raises:
        InputError: There is no such encoder, or its library is not installed.
    """
    if spec == JACCARD_SPEC:
        return StsEncoder(JACCARD, None)
    if needs_keras(spec):
        from roformer_sim.evaluation.sts.sentence_model import SentenceModel
        from roformer_sim.model import RoFormerSim
        from roformer_sim.models import Pooling
        from roformer_sim.teachers.load import preset_and_pooling

        name, pooling = preset_and_pooling(spec, "encoder")
        model = RoFormerSim.from_preset(name)
        poolings = (Pooling(pooling),) if pooling else model.config.poolings
        return from_model(SentenceModel(spec, model, maxlen, batch_size, progress, poolings))
    from roformer_sim.teachers import load_teacher

    return StsEncoder(spec, load_teacher(spec))
