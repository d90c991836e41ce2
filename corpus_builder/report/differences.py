"""What two sentences have in common and what was exchanged, character by character."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby

from corpus_builder.similarity import normalise

SAME, MOVED, OTHER = "same", "moved", "other"


@dataclass(frozen=True, slots=True)
class Span:
    """A run of neighbouring characters of one kind: ``same``, ``moved`` or ``other``."""

    text: str
    kind: str


def mark_differences(a: str, b: str) -> tuple[list[Span], list[Span]]:
    """Both texts in spans that show at a glance what distinguishes them.

    ``other`` characters are those the partner lacks, counted with repeats, after
    :func:`corpus_builder.similarity.normalise`; ``moved`` ones stand elsewhere in the partner; all others,
    and punctuation, are ``same``.

    Example:
        >>> a, b = mark_differences("怎么选空调？", "怎么选冰箱")
        >>> [(span.text, span.kind) for span in a]
        [('怎么选', 'same'), ('空调', 'other'), ('？', 'same')]
    """
    forms_a, forms_b = [[normalise(character) for character in text] for text in (a, b)]
    kept_a, kept_b = [[n for n, form in enumerate(forms) if form] for forms in (forms_a, forms_b)]
    matcher = SequenceMatcher(
        None, [forms_a[n] for n in kept_a], [forms_b[n] for n in kept_b], autojunk=False
    )
    apart_a, apart_b = set(kept_a), set(kept_b)
    for start_a, start_b, size in matcher.get_matching_blocks():
        apart_a.difference_update(kept_a[start_a : start_a + size])
        apart_b.difference_update(kept_b[start_b : start_b + size])
    in_both = Counter(forms_a[n] for n in apart_a) & Counter(forms_b[n] for n in apart_b)
    return _spans(a, forms_a, apart_a, in_both), _spans(b, forms_b, apart_b, in_both)


def _spans(text: str, forms: Sequence[str], apart: set[int], in_both: Counter[str]) -> list[Span]:
    left = Counter(in_both)
    kinds = []
    for n, form in enumerate(forms):
        if n not in apart:
            kinds.append(SAME)
        elif left[form] > 0:
            left[form] -= 1
            kinds.append(MOVED)
        else:
            kinds.append(OTHER)
    runs = groupby(zip(kinds, text, strict=True), key=lambda pair: pair[0])
    return [Span("".join(character for _, character in run), kind) for kind, run in runs]
