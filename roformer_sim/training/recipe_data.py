"""The ``[data]`` section of a recipe: one type for each kind of rows."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


class Section(BaseModel):
    """A table of a recipe: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Data(Section):
    held_out: int = Field(default=512, ge=0)  # items of each kind kept back for validation
    exclude: list[str] = Field(default_factory=list)  # files whose texts are not trained on: benchmarks
    maxlen: int = Field(default=64, ge=8)  # most tokens of one sentence; a row of two holds twice as many

    @property
    def rows_per_item(self) -> int:
        """Rows of a batch that one item gives."""
        return 2

    @property
    def files(self) -> dict[str, list[str]]:
        """Key to the files and folders it names."""
        return {key: value for key, value in self if isinstance(value, list)}


class SimilarData(_Data):
    """Sentences that mean the same: groups of questions and mined pairs, alternating 1:1."""

    rows: Literal["similar"] = "similar"
    groups: list[str] = Field(min_length=1)  # {"text", "synonyms"}; "kind": "general" makes no question
    pairs: list[str] = Field(default_factory=list)  # {"text_a", "text_b"}: answers, documents
    # Files of any text whose sentences stand alone in rows without a target, for the distillation terms.
    sentences: list[str] = Field(default_factory=list)
    sentence_share: float = Field(default=0.5, gt=0, lt=1)  # of the rows, where there are sentences
    noise: float = Field(default=0.5, ge=0, le=1)  # share of the rows whose source gets noise
    segmenter: Literal["jieba", "rjieba"] = "jieba"  # words of the noise; rjieba is the fast path
    copies: Literal[1, 2] = 1  # 2: every row twice in a batch, for dropout to differ in

    @property
    def rows_per_item(self) -> int:
        return 2 * self.copies


class TextData(_Data):
    """Plain text for pretraining: masked language model and UniLM language model on the same batches."""

    rows: Literal["texts"]
    texts: list[str] = Field(min_length=1)  # lines of text, or documents (their paragraphs)
    masked: float = Field(default=0.5, ge=0, le=1)  # share of the rows for the masked language model
    rate: float = Field(default=0.15, gt=0, lt=1)  # share of the words that are to be restored
    segmenter: Literal["jieba", "rjieba"] = "jieba"

    @property
    def rows_per_item(self) -> int:
        return 1


class TwiceData(_Data):
    """Plain sentences, each twice in a batch: unsupervised SimCSE."""

    rows: Literal["twice"]
    texts: list[str] = Field(min_length=1)


class TripleData(_Data):
    """NLI triples: anchor, what it entails, what contradicts it."""

    rows: Literal["triples"]
    triples: list[str] = Field(min_length=1)

    @property
    def rows_per_item(self) -> int:
        return 3


class LabelledTable(Section):
    """A table ``text_a<TAB>text_b<TAB>label`` with the range of its labels."""

    path: str
    max: float = Field(default=1.0, gt=0)  # largest label; 0 is the smallest
    same: float | None = None  # labels from here on are the class "same"; unset: above half of max

    @model_validator(mode="after")
    def _check(self) -> LabelledTable:
        if self.same is not None and not 0 < self.same <= self.max:
            raise ValueError(f"same must be above 0 and at most max ({self.max:g}), not {self.same:g}")
        return self


def _as_table(value: object) -> object:
    return {"path": value} if isinstance(value, str) else value


class LabelledData(_Data):
    """Pairs with labels: two tasks, similarity and inference, 1:1."""

    rows: Literal["labelled"]
    sts: list[Annotated[LabelledTable, BeforeValidator(_as_table)]] = Field(min_length=1)
    nli: list[str] = Field(default_factory=list)  # labels entailment, neutral, contradiction

    @property
    def files(self) -> dict[str, list[str]]:
        return {"sts": [table.path for table in self.sts], "nli": self.nli, "exclude": self.exclude}
