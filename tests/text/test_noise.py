"""Whole-word noise: what is chosen, what becomes of it, and how often."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from corpus_builder.errors import InputError
from roformer_sim.text import Tokenizer, whole_word_noise, whole_word_noise_batch

SENTENCE = "我爱北京天安门，科学技术是第一生产力。"
WORDS = ["我", "爱", "北京", "天安门", "，", "科学技术", "是", "第一", "生产力", "。"]


def clean(tokenizer, text):
    return tokenizer.encode(text).token_ids[1:-1].tolist()


def test_the_same_generator_state_gives_the_same_noise(tokenizer):
    one, two = (
        [whole_word_noise(SENTENCE, tokenizer, rng, rate=0.5) for _ in range(20)]
        for rng in (np.random.default_rng(7), np.random.default_rng(7))
    )
    assert one == two
    assert len({tuple(ids) for ids in one}) > 10


def test_without_a_rate_the_text_stays(tokenizer):
    for text in (SENTENCE, "用 iPhone15 Pro。", "", "  ", "\ud800"):
        rng = np.random.default_rng(0)
        assert whole_word_noise(text, tokenizer, rng, rate=0) == clean(tokenizer, text)


def test_a_word_is_masked_as_a_whole(tokenizer):
    rng = np.random.default_rng(1)
    ends = np.cumsum([len(word) for word in WORDS])
    for _ in range(300):
        ids = np.array(whole_word_noise(SENTENCE, tokenizer, rng, rate=0.3))
        assert len(ids) == len(SENTENCE)
        for word in np.split(ids == tokenizer.mask_id, ends[:-1]):
            assert word.all() or not word.any()


def test_the_pieces_of_a_latin_word_share_its_fate(tokenizer):
    text = "我用pythoning"
    rng = np.random.default_rng(2)
    length = len(clean(tokenizer, text)) - 2
    seen = Counter(
        sum(i == tokenizer.mask_id for i in whole_word_noise(text, tokenizer, rng, rate=0.5)[2:])
        for _ in range(300)
    )
    assert length > 1
    assert set(seen) == {0, length}


def test_shares_of_chosen_masked_and_random_words(tokens):
    """15 % chosen; of these 80 % masked, 10 % kept, 10 % random; three standard errors."""
    tokenizer = Tokenizer(tokens)
    rng = np.random.default_rng(3)
    original = np.array(clean(tokenizer, "是" * 1))
    counts = Counter()
    trials = 12_000
    for _ in range(trials):
        (found,) = whole_word_noise("是", tokenizer, rng)
        counts["mask" if found == tokenizer.mask_id else "same" if found == original[0] else "random"] += 1
    for kind, share in {"mask": 0.12, "random": 0.015}.items():
        error = (share * (1 - share) / trials) ** 0.5
        assert abs(counts[kind] / trials - share) < 3 * error + 1 / len(tokens) * 0.015
    assert counts["same"] + counts["mask"] + counts["random"] == trials


def test_random_tokens_are_never_special(tokenizer):
    rng = np.random.default_rng(4)
    original = clean(tokenizer, SENTENCE)
    drawn = {
        found
        for _ in range(2000)
        for before, found in zip(original, whole_word_noise(SENTENCE, tokenizer, rng, rate=1), strict=True)
        if found not in (before, tokenizer.mask_id)
    }
    in_brackets = {i for i, t in enumerate(tokenizer.vocab) if t.startswith("[") and len(t) > 1}
    assert not drawn & in_brackets
    assert len(drawn) > 0.9 * (tokenizer.vocab_size - len(in_brackets))


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan")])
def test_a_rate_that_is_no_share_is_refused(tokenizer, rate):
    with pytest.raises(InputError, match="rate is"):
        whole_word_noise("广州", tokenizer, np.random.default_rng(0), rate=rate)


def test_noise_on_a_word_vocabulary():
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "北京", "天安门", "我", "爱"]
    tokenizer = Tokenizer(tokens, words=True)
    ids = whole_word_noise("我爱北京天安门", tokenizer, np.random.default_rng(0), rate=0)
    assert ids == [7, 8, 5, 6]


class TestBatch:
    TEXTS = (SENTENCE, "", "我用 pythoning 很好", "  ", "\ud800广州", "iPhone15")

    def test_each_text_keeps_its_number_of_tokens(self, tokenizer):
        noised = whole_word_noise_batch(self.TEXTS, tokenizer, np.random.default_rng(0), rate=0.7)
        assert [len(ids) for ids in noised] == [len(clean(tokenizer, text)) for text in self.TEXTS]
        assert noised != [clean(tokenizer, text) for text in self.TEXTS]

    def test_without_a_rate_the_texts_stay(self, tokenizer):
        noised = whole_word_noise_batch(self.TEXTS, tokenizer, np.random.default_rng(0), rate=0)
        assert noised == [clean(tokenizer, text) for text in self.TEXTS]

    def test_words_of_every_text_are_masked_as_a_whole(self, tokenizer):
        ends = np.cumsum([len(word) for word in WORDS])[:-1]
        noised = whole_word_noise_batch([SENTENCE] * 500, tokenizer, np.random.default_rng(1), rate=0.3)
        masked = np.array(noised) == tokenizer.mask_id
        words = [word for row in masked for word in np.split(row, ends)]
        assert all(word.all() or not word.any() for word in words)
        share = np.mean([word.all() for word in words])
        assert abs(share - 0.24) < 3 * (0.24 * 0.76 / len(words)) ** 0.5

    def test_no_texts(self, tokenizer):
        assert whole_word_noise_batch([], tokenizer, np.random.default_rng(0)) == []

    def test_the_segmenter_decides_nothing_but_the_words(self, tokenizer):
        one, two = (
            whole_word_noise_batch(self.TEXTS, tokenizer, np.random.default_rng(3), segmenter=name)
            for name in ("jieba", "rjieba")
        )
        assert one == two
