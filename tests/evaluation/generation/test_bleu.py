"""BLEU against a direct computation, and the library itself."""

from __future__ import annotations

import math
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus_builder.errors import InputError
from roformer_sim.evaluation.generation import bleu

SENTENCES = st.text("花呗怎么开通如何", min_size=1, max_size=9)


def direct_bleu(hypothesis: str, references: list[str]) -> float:
    """BLEU-4 of characters by its definition, with sacreBLEU's exponential smoothing and effective order."""
    logs, halvings = [], 0
    for n in range(1, min(4, len(hypothesis)) + 1):
        counts, *others = (
            Counter(text[i : i + n] for i in range(len(text) - n + 1)) for text in (hypothesis, *references)
        )
        found = sum(min(count, max(other[gram] for other in others)) for gram, count in counts.items())
        if not found:
            halvings += 1
            if n == 1:
                return 0.0
        total = counts.total()
        logs.append(math.log(found / total if found else 1 / (2**halvings * total)))
    nearest = min((len(reference) for reference in references), key=lambda m: (abs(m - len(hypothesis)), m))
    penalty = min(1.0, math.exp(1 - nearest / len(hypothesis)))
    return 100 * penalty * math.exp(sum(logs) / len(logs))


@given(SENTENCES, st.lists(SENTENCES, min_size=1, max_size=3))
def test_sentence_bleu_is_bleu_of_characters(hypothesis: str, references: list[str]) -> None:
    assert bleu.sentence_bleu(hypothesis, references) == pytest.approx(
        direct_bleu(hypothesis, references), abs=1e-6
    )


@given(st.lists(SENTENCES, min_size=2, max_size=5))
def test_self_bleu_is_the_mean_over_each_against_the_others(variants: list[str]) -> None:
    direct = [direct_bleu(text, variants[:i] + variants[i + 1 :]) for i, text in enumerate(variants)]
    assert bleu.self_bleu(variants) == pytest.approx(sum(direct) / len(direct), abs=1e-6)


def test_mean_bleu_counts_equal_variants_each() -> None:
    # 花呗 has all of its own n-grams but half the length: exp(1 - 4 / 2).
    short = 100 * math.exp(-1)
    assert bleu.mean_bleu(["花呗开通", "花呗", "花呗"], ["花呗开通"]) == pytest.approx((100 + 2 * short) / 3)


def test_latin_words_are_one_token() -> None:
    # abc is a unigram of two tokens: 1/2 of unigrams, no bigram (smoothed 1 / (2 * 1)).
    assert bleu.sentence_bleu("买abc", ["买abd"]) == pytest.approx(100 * math.sqrt(0.5 * 0.5))


def test_what_is_undefined_is_nan() -> None:
    assert math.isnan(bleu.sentence_bleu("好", []))
    assert math.isnan(bleu.mean_bleu([], ["好"])) and math.isnan(bleu.mean_bleu(["好"], []))
    assert math.isnan(bleu.self_bleu(["好"]))


def test_ibleu_rewards_references_and_punishes_the_source() -> None:
    assert bleu.ibleu(50.0, 100.0) == pytest.approx(20.0)
    assert bleu.ibleu(50.0, 100.0, alpha=1.0) == 50.0
    with pytest.raises(InputError, match=r"not 1\.5"):
        bleu.ibleu(1.0, 1.0, alpha=1.5)


def test_without_sacrebleu_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", None)
    bleu._metric.cache_clear()
    with pytest.raises(InputError, match=r"pip install 'roformer-sim\[evaluation\]'"):
        bleu.signature()
    monkeypatch.undo()
    bleu._metric.cache_clear()
    assert "tok:zh" in bleu.signature() and "smooth:exp" in bleu.signature()
