"""What a user may ask of generated sentences, checked before anything is computed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

from corpus_builder.errors import InputError
from roformer_sim.generation.beam import BeamSearch
from roformer_sim.generation.constraints import (
    BeginWith,
    Constraint,
    MinimumLength,
    NoRepeatedNgram,
    forbid,
)
from roformer_sim.generation.engines.rule import SamplingRule
from roformer_sim.text import Tokenizer

_NUMBERS = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True)
class GenerationOptions:
    """How sentences are drawn, and what they must be.

    Attributes:
        top_k, top_p, temperature: See :class:`SamplingRule`; top-k comes first.
        greedy: The most likely token each time: one sentence, ``n=1``.
        beams, beam_groups, group_penalty, length_penalty: See :class:`BeamSearch`; 0 beams is sampling. With
            beams ``n`` is at most their number, and what sampling needs has no effect.
        maxlen: Most tokens of a sentence, [SEP] included, and of the text with [CLS] and [SEP].
        min_length: Fewest tokens of a sentence, [SEP] not counted.
        no_repeat_ngram: No n-gram of tokens of this size occurs twice in a sentence; 0 allows all.
        begin_with: What every sentence begins with.
        without: Strings that do not occur in any sentence.
        keep_terms: Strings that every sentence contains, letter case and spaces aside, such as names; those
            without are drawn anew a few times, then there are fewer.
        keep_numbers: The numbers of a text (in digits) are terms to be kept.

    Raises:
        InputError: A value out of range, or two that exclude each other.
    """

    top_k: int | None = None
    top_p: float | None = 0.95
    temperature: float = 1.0
    greedy: bool = False
    beams: int = 0
    beam_groups: int = 1
    group_penalty: float = 0.5
    length_penalty: float = 1.0
    maxlen: int = 64
    min_length: int = 0
    no_repeat_ngram: int = 0
    begin_with: str = ""
    without: tuple[str, ...] = ()
    keep_terms: tuple[str, ...] = ()
    keep_numbers: bool = False

    def __post_init__(self) -> None:
        SamplingRule(0, (), self.temperature, self.top_k, self.top_p)
        if self.beams:
            self.search()
        if self.greedy and self.beams:
            raise InputError("greedy and beams exclude each other; one beam is nearly greedy")
        for name in ("without", "keep_terms"):
            value = getattr(self, name)
            if isinstance(value, str) or not all(isinstance(one, str) and one.strip() for one in value):
                raise InputError(f"{name} must be a list of strings with something in them, not {value!r}")
            object.__setattr__(self, name, tuple(value))
        if self.maxlen < 3:
            raise InputError(f"maxlen must be at least 3 ([CLS], a token, [SEP]), not {self.maxlen}")
        if not 0 <= self.min_length < self.maxlen:
            raise InputError(
                f"min_length must lie in 0 to maxlen - 1 ({self.maxlen - 1}), not {self.min_length}"
            )
        if self.no_repeat_ngram < 0:
            raise InputError(f"no_repeat_ngram must be 0 or more, not {self.no_repeat_ngram}")
        both = set(self.without) & set(self.keep_terms)
        if both:
            raise InputError(f"{both.pop()!r} stands in keep_terms and in without")

    @classmethod
    def of(cls, **given: object) -> GenerationOptions:
        """From keywords.

        Raises:
            InputError: Also a name that is none.
        """
        known = [field.name for field in fields(cls)]
        for name in given:
            if name not in known:
                raise InputError(f"there is no option {name!r}; there are {', '.join(known)}")
        return cls(**given)  # type: ignore[arg-type]

    def search(self) -> BeamSearch:
        """The beams."""
        return BeamSearch(self.beams, self.beam_groups, self.group_penalty, self.length_penalty)

    def rule(self, tokenizer: Tokenizer) -> SamplingRule:
        """[PAD], [UNK], [CLS] and [MASK] are never drawn: they would vanish when tokens are decoded."""
        single = [ids[0] for ids in map(self._ids(tokenizer), self.without) if len(ids) == 1]
        banned = {tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.mask_id, *single}
        return SamplingRule(
            tokenizer.sep_id,
            tuple(sorted(banned)),
            self.temperature,
            self.top_k,
            self.top_p,
            self.greedy,
        )

    def constraints(self, tokenizer: Tokenizer) -> tuple[Constraint, ...]:
        """Those that look at the tokens so far."""
        ids = self._ids(tokenizer)
        result: list[Constraint] = []
        if self.begin_with:
            result.append(BeginWith(ids(self.begin_with)))
        if self.min_length:
            result.append(MinimumLength(self.min_length, tokenizer.sep_id))
        if self.no_repeat_ngram:
            result.append(NoRepeatedNgram(self.no_repeat_ngram))
        result += forbid([found for found in map(ids, self.without) if len(found) > 1])
        return tuple(result)

    def terms(self, text: str, tokenizer: Tokenizer) -> tuple[str, ...]:
        """What every sentence for ``text`` contains.

        Raises:
            InputError: A term has a character that the vocabulary does not.
        """
        for term in self.keep_terms:
            self._ids(tokenizer)(term)
        numbers = dict.fromkeys(_NUMBERS.findall(text)) if self.keep_numbers else ()
        return (*self.keep_terms, *numbers)

    @staticmethod
    def _ids(tokenizer: Tokenizer) -> Callable[[str], tuple[int, ...]]:
        def ids(text: str) -> tuple[int, ...]:
            found = tuple(tokenizer.encode(text).token_ids[1:-1].tolist())
            if tokenizer.unk_id in found:
                tokens = tokenizer.tokenize(text)[1:-1]
                unknown = [token for token, i in zip(tokens, found, strict=True) if i == tokenizer.unk_id]
                raise InputError(f"{text!r}: {unknown[0]!r} is not in the model's vocabulary")
            return found

        return ids


def masked_positions(tokenizer: Tokenizer, text: str, strings: Sequence[str]) -> list[int]:
    """Token positions ([CLS] is 0) of every occurrence of the strings in the text: ``["第一"]`` is ``[6, 7]``
    in 科学技术是第一生产力。

    Raises:
        InputError: One does not occur in the text.
    """
    offsets = tokenizer.encode(text).offsets
    positions: list[int] = []
    for string in strings:
        starts = [match.start() for match in re.finditer(re.escape(string), text)] if string else []
        if not starts:
            raise InputError(f"mask: {string!r} does not occur in {text!r}")
        for start in starts:
            end = start + len(string)
            inside = (offsets[:, 0] < end) & (offsets[:, 1] > start)
            positions += [i for i, here in enumerate(inside) if here]
    return sorted(set(positions))
