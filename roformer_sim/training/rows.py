"""From items (pairs, texts, triples) to the rows of a batch: token ids, targets, what belongs together.

No Keras here: worker processes import this file.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np

from corpus_builder.rows import Triple
from roformer_sim.text import Tokenizer
from roformer_sim.text.noise import MaskedText, whole_word_masking, whole_word_noise_batch
from roformer_sim.text.truncation import kept_tokens
from roformer_sim.text.words import Segmenter
from roformer_sim.training.drawing import sentences_of
from roformer_sim.training.pairs import SentencePair
from roformer_sim.training.sentences import LabelledPair

CONTINUED_FROM = (0.2, 0.5)
"""Between which shares of its tokens a text is cut into what is read and what is to be generated."""


class Row(NamedTuple):
    """One sequence ``[CLS] source [SEP]`` or ``[CLS] source [SEP] target [SEP]``.

    Attributes:
        token_ids: All of it.
        source: The first so many tokens are segment 0.
        restored: Places of a masked language model's targets, and the tokens that stood there.
    """

    token_ids: list[int]
    source: int
    restored: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class MadeRows:
    """The rows of a batch, and what the objectives must know of them.

    Attributes:
        rows: Their sequences.
        texts: Their source sentences before noise: what a teacher sees and false negatives are judged by.
        groups: The group of each row; None for a row of no group.
        copies: 2 where rows 2i and 2i + 1 are the same sequence.
        arrays: Further arrays of the batch: ``partners`` (rows,), ``labels`` ...
    """

    rows: list[Row]
    texts: list[str]
    groups: list[Hashable | None]
    copies: int = 1
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


class BatchMaker(Protocol):
    """Makes the rows of a batch."""

    tokenizer: Tokenizer

    def length(self, item: Any) -> int:
        """Characters of an item; items of like length share a batch."""

    def make(self, items: Sequence[Any], rng: np.random.Generator) -> MadeRows:
        """The rows of some items; ``rng`` decides all noise."""


class RowMaker:
    """Turns a pair (a, b) into the rows a -> b and b -> a.

    With probability ``noise`` a row's source is noised by whole words (BART-style, RoFormer-Sim);
    the target is the similar sentence and stays clean. Rows are truncated to ``2 * maxlen`` tokens,
    from the longer side. Two sentences that stand alone give ``[CLS] sentence [SEP]`` each, at most
    ``maxlen`` tokens, without noise, and have no partner.

    Args:
        copies: 2 puts each row twice into the batch, neighbours, so that dropout makes two passes of it
            (R-Drop, SimCSE): a -> b, a -> b, b -> a, b -> a.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        maxlen: int,
        noise: float,
        segmenter: Segmenter = "jieba",
        copies: int = 1,
    ) -> None:
        self.tokenizer, self.maxlen, self.noise = tokenizer, maxlen, noise
        self.segmenter, self.copies = segmenter, copies

    def length(self, item: SentencePair) -> int:
        return len(item.a) + len(item.b) if item.alike else max(len(item.a), len(item.b))

    def make(self, items: Sequence[SentencePair], rng: np.random.Generator) -> MadeRows:
        count, copies = 2 * len(items), self.copies
        order = [row for row in range(count) for _ in range(copies)]
        made = self.rows(items, rng)
        texts = [text for pair in items for text in (pair.a, pair.b)]
        # The partner of a copy is the partner's copy of the same number.
        partners = [
            (row ^ 1) * copies + i % copies if items[row // 2].alike else -1 for i, row in enumerate(order)
        ]
        return MadeRows(
            [made[row] for row in order],
            [texts[row] for row in order],
            [items[row // 2].group for row in order],
            copies,
            {"partners": np.array(partners, np.int32)},
        )

    def rows(self, pairs: Sequence[SentencePair], rng: np.random.Generator) -> list[Row]:
        """Two rows a pair, neighbours, in the order of the pairs; no copies."""
        texts = [text for pair in pairs for text in (pair.a, pair.b)]
        clean = _token_lists(texts, self.tokenizer)
        sources = list(clean)
        alone = np.repeat([not pair.alike for pair in pairs], 2)
        noised = np.flatnonzero((rng.random(len(texts)) < self.noise) & ~alone).tolist()
        changed = whole_word_noise_batch(
            [texts[i] for i in noised], self.tokenizer, rng, segmenter=self.segmenter
        )
        for i, ids in zip(noised, changed, strict=True):
            sources[i] = ids
        targets = [clean[i ^ 1] for i in range(len(clean))]
        rows = _two_parts(sources, targets, self.tokenizer, self.maxlen)
        for i in np.flatnonzero(alone).tolist():
            ids = clean[i][: self.maxlen - 2]
            rows[i] = Row([self.tokenizer.cls_id, *ids, self.tokenizer.sep_id], len(ids) + 2)
        return rows


class TextRowMaker:
    """Turns a text into one row for pretraining: a masked row or a row to be continued.

    A masked row is ``[CLS] text [SEP]``, all segment 0, so that under the UniLM mask every token sees all
    (BERT); of its words ``rate`` are chosen, as :func:`roformer_sim.text.whole_word_noise` does, and the
    tokens there are to be restored. A row to be continued is ``[CLS] beginning [SEP] rest [SEP]`` (UniLM),
    cut at a random token (``CONTINUED_FROM``).

    Args:
        masked: Share of masked rows.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        maxlen: int,
        masked: float,
        rate: float,
        segmenter: Segmenter = "jieba",
    ) -> None:
        self.tokenizer, self.maxlen = tokenizer, maxlen
        self.masked, self.rate, self.segmenter = masked, rate, segmenter

    def length(self, item: str) -> int:
        return len(item)

    def make(self, items: Sequence[str], rng: np.random.Generator) -> MadeRows:
        masked = rng.random(len(items)) < self.masked
        noised = iter(
            whole_word_masking(
                [text for text, masks in zip(items, masked, strict=True) if masks],
                self.tokenizer,
                rng,
                rate=self.rate,
                segmenter=self.segmenter,
            )
        )
        shares = rng.uniform(*CONTINUED_FROM, len(items))
        tokens = _token_lists(items, self.tokenizer)
        cuts = [round(share * len(ids)) for share, ids in zip(shares, tokens, strict=True)]
        begun = [ids[:cut] for ids, cut in zip(tokens, cuts, strict=True)]
        rest = [ids[cut:] for ids, cut in zip(tokens, cuts, strict=True)]
        continued = _two_parts(begun, rest, self.tokenizer, self.maxlen)
        rows = [
            self._masked(next(noised)) if masks else row for masks, row in zip(masked, continued, strict=True)
        ]
        return MadeRows(rows, list(items), [None] * len(rows))

    def _masked(self, text: MaskedText) -> Row:
        room = 2 * self.maxlen - 2
        ids = text.ids[:room]
        pairs = zip(text.chosen, text.clean, strict=True)
        restored = tuple((place + 1, token) for place, token in pairs if place < room)
        return Row([self.tokenizer.cls_id, *ids, self.tokenizer.sep_id], len(ids) + 2, restored)


class SentenceMaker:
    """Rows ``[CLS] sentence [SEP]`` of at most ``maxlen`` tokens for objectives on vectors alone.

    Layouts of an item's rows: a sentence twice (a, a; partners 1, 0, 3, 2, ...), a labelled pair (a, b),
    a triple (anchor, positive, negative; partners 1, 0, -1, 4, 3, -1, ...).
    """

    def __init__(self, tokenizer: Tokenizer, *, maxlen: int) -> None:
        self.tokenizer, self.maxlen = tokenizer, maxlen

    def length(self, item: str | LabelledPair | Triple) -> int:
        return max(map(len, sentences_of(item)))

    def make(self, items: Sequence[Any], rng: np.random.Generator) -> MadeRows:
        texts = [text for item in items for text in sentences_of(item)]
        encodings = self.tokenizer.encode_batch(texts, maxlen=self.maxlen)
        rows = [Row(encoding.token_ids.tolist(), len(encoding)) for encoding in encodings]
        return MadeRows(rows, texts, _groups(items), arrays=_labels(items))


def _groups(items: Sequence[Any]) -> list[Hashable | None]:
    """Anchor and positive of a triple are one group, its contradiction is of none."""
    if isinstance(items[0], Triple):
        return [group for i in range(len(items)) for group in (i, i, None)]
    return [None] * (2 * len(items))


def _labels(items: Sequence[Any]) -> dict[str, np.ndarray]:
    if isinstance(items[0], Triple):
        index = np.arange(3 * len(items))
        return {"partners": np.where(index % 3 == 2, -1, index + 1 - 2 * (index % 3)).astype(np.int32)}
    if isinstance(items[0], LabelledPair):
        return {
            "labels": np.array([item.label for item in items], np.float32),
            "categories": np.array([item.category for item in items], np.int32),
            "tables": np.array([item.table for item in items], np.int32),
        }
    return {"partners": (np.arange(2 * len(items)) ^ 1).astype(np.int32)}


def _token_lists(texts: Sequence[str], tokenizer: Tokenizer) -> list[list[int]]:
    """Tokens of each text without [CLS] and [SEP]."""
    encoded = tokenizer.encode_rows(texts)
    flat = encoded.token_ids.tolist()
    return [flat[start + 1 : stop - 1] for start, stop in pairwise(encoded.bounds.tolist())]


def _two_parts(
    sources: Sequence[list[int]], targets: Sequence[list[int]], tokenizer: Tokenizer, maxlen: int
) -> list[Row]:
    """Rows ``[CLS] source [SEP] target [SEP]`` of at most ``2 * maxlen`` tokens."""
    lengths, target_lengths = (
        np.fromiter(map(len, parts), np.int64, len(parts)) for parts in (sources, targets)
    )
    kept, kept_target = kept_tokens(lengths, target_lengths, 2 * maxlen)
    assert kept_target is not None
    cls_id, sep_id = tokenizer.cls_id, tokenizer.sep_id
    return [
        Row([cls_id, *source[:count], sep_id, *target[:target_count], sep_id], count + 2)
        for source, target, count, target_count in zip(
            sources, targets, kept.tolist(), kept_target.tolist(), strict=True
        )
    ]
