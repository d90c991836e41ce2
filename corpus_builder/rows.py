"""The rows that travel through the corpus builder: small frozen dataclasses, one for each data shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Group:
    """Texts that mean the same: ``{"text": "三原色是什么？", "synonyms": ["什么是三原色？"]}``.

    ``kind`` is ``question``, or ``general`` for other sentences; ``mix`` writes it.
    """

    text: str
    synonyms: tuple[str, ...]
    source: str = ""
    score: float | None = None
    kind: str = "question"

    @property
    def members(self) -> tuple[str, ...]:
        """All texts of the group, ``text`` first."""
        return (self.text, *self.synonyms)

    def to_json(self) -> dict[str, Any]:
        """The row as written to a file; ``score`` (lowest similarity inside a mined group) if known."""
        row: dict[str, Any] = {"text": self.text, "synonyms": list(self.synonyms)}
        if self.score is not None:
            row["score"] = round(self.score, 4)
        if self.kind != "question":
            row["kind"] = self.kind
        return row | {"source": self.source}


@dataclass(frozen=True, slots=True)
class Question:
    """A question and its answers: ``{"question": "感冒怎么办？", "answers": ["多喝水。", "好好休息。"]}``."""

    question: str
    answers: tuple[str, ...]
    source: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A text with an identity: ``{"doc_id": "报纸/1", "text": "第一段。\\n第二段。"}``."""

    doc_id: str
    text: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two similar sentences with the similarity that kept them and where they come from."""

    text_a: str
    text_b: str
    score: float
    source: str

    def to_json(self) -> dict[str, Any]:
        """The row as written to a file."""
        return {
            "text_a": self.text_a,
            "text_b": self.text_b,
            "score": round(self.score, 4),
            "source": self.source,
        }


@dataclass(frozen=True, slots=True)
class StsRow:
    """A row of an STS table: two texts and the label somebody gave them."""

    text_a: str
    text_b: str
    label: float


NLI_LABELS = ("contradiction", "entailment", "neutral")
"""The classes of inference, in the order of their numbers."""

NO_CONSENSUS = "-"
"""Label of NLI rows on which the annotators did not agree (SNLI's convention)."""


@dataclass(frozen=True, slots=True)
class NliRow:
    """Two texts and what the first says of the second, one of :data:`NLI_LABELS` or ``-``."""

    text_a: str
    text_b: str
    label: str


@dataclass(frozen=True, slots=True)
class Triple:
    """An NLI triple: ``positive`` follows from ``anchor``, ``negative`` contradicts it.

    ``Triple("一个孩子在踢球。", "有人在踢球。", "孩子在睡觉。", "手写")``
    """

    anchor: str
    positive: str
    negative: str
    source: str = ""
