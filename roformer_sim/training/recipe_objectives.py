"""The ``[objectives]`` section of a recipe: the terms of the loss, each with its weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from roformer_sim.training.recipe_data import Section, SimilarData

if TYPE_CHECKING:
    from roformer_sim.training.recipe_data import _Data


class Term(Section):
    """What every term has."""

    weight: float = Field(default=1.0, ge=0, allow_inf_nan=False)


class InBatchTerm(Term):
    """In-batch softmax over the sentence vectors (SimBERT, RoFormer-Sim)."""

    scale: float = Field(default=20.0, gt=0, allow_inf_nan=False)  # 20 (v2), 30 (v1)
    # Factor on general sentences; setting it makes batches of one kind of pair.
    general: float | None = Field(default=None, ge=0)


class DistillationTerm(Term):
    """Squared difference of the cosine matrices of a teacher and the model."""

    weight: float = Field(default=100.0, ge=0, allow_inf_nan=False)
    teacher: str  # a preset, sentence-transformers:NAME, python:package.module:function, cache:FOLDER


class RegressionTerm(Term):
    """Direction of the distillation's teacher vector, turned into the network's dimensions."""

    weight: float = Field(default=10.0, ge=0, allow_inf_nan=False)
    axes: str  # what roformer-sim teacher-start wrote beside the network


class SimcseTerm(Term):
    """In-batch softmax between two dropout passes of a row, or over NLI triples."""

    temperature: float = Field(default=0.05, gt=0, allow_inf_nan=False)


class CosentTerm(Term):
    """Pairs with larger labels shall have larger cosines."""

    scale: float = Field(default=20.0, gt=0, allow_inf_nan=False)


class ObjectivesSection(Section):
    """The terms; the loss is the sum of weight times value."""

    generation: Term | None = None  # UniLM cross-entropy of the target sentence
    mlm: Term | None = None  # masked language model
    rdrop: Term | None = None  # symmetric KL of two dropout passes over the target tokens
    in_batch: InBatchTerm | None = None
    distillation: DistillationTerm | None = None
    regression: RegressionTerm | None = None
    simcse: SimcseTerm | None = None
    sbert: Term | None = None  # classes of [u, v, |u - v|]
    cosent: CosentTerm | None = None
    # Rows of a batch that mean the same though they are not partners: not counted as negatives.
    mask_false_negatives: bool = True

    @property
    def terms(self) -> dict[str, Term]:
        """The terms that are set, by name."""
        return {name: value for name, value in self if isinstance(value, Term)}

    def check(self, data: _Data) -> None:
        """Each term needs rows of a certain kind.

        Raises:
            ValueError: no term at all, or one that these rows cannot serve.
        """
        if not self.terms:
            raise ValueError("objectives: no term is set")
        kind: str = data.rows  # type: ignore[attr-defined]
        for name in self.terms:
            if kind not in _ROWS[name]:
                raise ValueError(
                    f'objectives.{name} needs data.rows = {" or ".join(map(repr, _ROWS[name]))}, not "{kind}"'
                )
        if self.regression is not None and self.distillation is None:
            raise ValueError(
                "objectives.regression learns from the teacher that objectives.distillation names"
            )
        if isinstance(data, SimilarData) and data.copies == 1:
            for name in ("rdrop", "simcse"):
                if name in self.terms:
                    raise ValueError(f"objectives.{name} compares two passes of a row: set data.copies = 2")


_ROWS: dict[str, tuple[str, ...]] = {
    "generation": ("similar", "texts"),
    "mlm": ("texts",),
    "rdrop": ("similar",),
    "in_batch": ("similar",),
    "distillation": ("similar", "twice", "triples", "labelled"),
    "regression": ("similar", "twice", "triples", "labelled"),
    "simcse": ("similar", "twice", "triples"),
    "sbert": ("labelled",),
    "cosent": ("labelled",),
}
