"""How much the variants differ: from their source, and from one another in the characters they use."""

from __future__ import annotations

from collections.abc import Sequence

from corpus_builder.errors import InputError
from roformer_sim.text.bare_form import bare_form

NAN = float("nan")


def new_variants(source: str, variants: Sequence[str]) -> int:
    """How many variants are new beyond punctuation: neither the source nor an earlier variant again.

    Two sentences are the same when their :func:`~roformer_sim.text.bare_form.bare_form` is: marks, case,
    width, white space and particles at the end of a clause do not count. An empty one is never new.

    Example:
        >>> new_variants("怎么开通花呗？", ["怎么开通花呗呢", "花呗如何开通", "花呗如何开通？", "开通花呗"])
        2
    """
    return len({bare_form(variant) for variant in variants} - {bare_form(source), ""})


def distinct_n(variants: Sequence[str], n: int) -> float:
    """Distinct-n over characters: different n-grams of all variants / all n-grams of all variants.

    Between 0 (nearly) and 1 (no n-gram twice); white space is left out, n-grams do not cross from one variant
    into the next. Longer and more variants repeat more, so only equal numbers of variants compare.

    Args:
        variants: Of one source.
        n: 1, 2, ...

    Returns:
        NaN where there is no n-gram.

    Raises:
        InputError: ``n`` below 1.

    Example:
        >>> distinct_n(["你好", "你早"], 1), distinct_n(["你好", "你早"], 2)
        (0.75, 1.0)

    Reference:
        Li et al., A Diversity-Promoting Objective Function for Neural Conversation Models, arXiv:1510.03055.
    """
    if n < 1:
        raise InputError(f"distinct-n is about n-grams of 1 or more characters, not {n}")
    grams = [
        text[i : i + n]
        for text in ("".join(variant.split()) for variant in variants)
        for i in range(len(text) - n + 1)
    ]
    return len(set(grams)) / len(grams) if grams else NAN
