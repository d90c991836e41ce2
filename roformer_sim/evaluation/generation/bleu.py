"""BLEU of short Chinese sentences, by sacreBLEU: to references, to the source, among the variants."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from corpus_builder.errors import InputError

NAN = float("nan")
IBLEU_ALPHA = 0.8


@lru_cache(maxsize=1)
def _metric() -> Any:
    try:
        from sacrebleu.metrics import BLEU
    except ImportError:
        raise InputError(
            "BLEU needs sacreBLEU, which is not installed: pip install 'roformer-sim[evaluation]'"
        ) from None
    # Effective order: a sentence of three characters has no 4-gram, and would score 0 against itself.
    return BLEU(tokenize="zh", effective_order=True)


def signature() -> str:
    """sacreBLEU's own description of the figure: ``...|tok:zh|smooth:exp|version:...``.

    Raises:
        InputError: sacreBLEU is not installed.
    """
    metric = _metric()
    metric.sentence_score("好", ["好"])  # it counts the references when it scores
    return ";".join(part for part in str(metric.get_signature()).split("|") if not part.startswith("nrefs"))


def sentence_bleu(hypothesis: str, references: Sequence[str]) -> float:
    """sacreBLEU's sentence BLEU-4, 0 to 100, of tokens that are Chinese characters and Latin words.

    Its ``zh`` tokenizer, exponential smoothing, effective order.

    Args:
        hypothesis: A variant.
        references: At least one; n-grams of any of them count, the nearest length sets the brevity penalty.

    Returns:
        NaN without a reference.

    Raises:
        InputError: sacreBLEU is not installed.

    Example:
        >>> sentence_bleu("花呗如何开通", ["花呗如何开通"])
        100.0

    Reference:
        Papineni et al., BLEU (ACL 2002); Post, A Call for Clarity in Reporting BLEU Scores, arXiv:1804.08771.
    """
    if not references:
        return NAN
    return round(float(_metric().sentence_score(hypothesis, list(references)).score), 10)


def mean_bleu(variants: Sequence[str], references: Sequence[str]) -> float:
    """Mean :func:`sentence_bleu` of the variants; NaN without a variant or without a reference."""
    if not variants or not references:
        return NAN
    counted = {variant: sentence_bleu(variant, references) for variant in dict.fromkeys(variants)}
    return float(np.mean([counted[variant] for variant in variants]))


def self_bleu(variants: Sequence[str]) -> float:
    """Self-BLEU: mean BLEU of each variant with all the others as references, 0 to 100; lower is more varied.

    Returns:
        NaN for fewer than two variants.

    Example:
        >>> self_bleu(["你好吗", "你好吗"])
        100.0

    Reference:
        Zhu et al., Texygen, arXiv:1802.01886.
    """
    if len(variants) < 2:
        return NAN
    if len(set(variants)) == 1:
        return 100.0
    return float(
        np.mean(
            [
                sentence_bleu(variant, [*variants[:i], *variants[i + 1 :]])
                for i, variant in enumerate(variants)
            ]
        )
    )


def ibleu(to_references: float, to_source: float, alpha: float = IBLEU_ALPHA) -> float:
    """iBLEU: ``alpha * BLEU(variants, references) - (1 - alpha) * BLEU(variants, source)``.

    Near the references, far from the source. Between ``-100 (1 - alpha)`` (a copy that no reference shares
    anything with) and ``100 alpha``.

    Raises:
        InputError: ``alpha`` outside [0, 1].

    Example:
        >>> ibleu(50.0, 100.0)
        20.0

    Reference:
        Sun & Zhou, Joint Learning of a Dual SMT System for Paraphrase Generation (ACL 2012), who take alpha
        from 0.7 to 0.9.
    """
    if not 0 <= alpha <= 1:
        raise InputError(f"alpha of iBLEU lies between 0 and 1, not {alpha}")
    return round(alpha * to_references - (1 - alpha) * to_source, 10)
