"""Upstream's vocabularies; needs the development data."""

from __future__ import annotations

import pytest

from roformer_sim.text import Tokenizer

SIZES = {
    "bert-base-chinese": 21_128,
    "chinese_simbert_L-6_H-384_A-12": 13_685,
    "chinese_roformer-sim-char-ft_L-12_H-768_A-12": 12_000,
    "roformer_chinese_word_50000_JunnYu": 50_000,
}


@pytest.mark.parametrize(("name", "size"), SIZES.items())
def test_upstream_vocabularies_are_read(data_folder, name, size):
    tokenizer = Tokenizer.from_file(data_folder / "vocab" / name / "vocab.txt", words=size == 50_000)
    assert tokenizer.vocab_size == size
    encoding = tokenizer.encode("科学技术是第一生产力。", "iPhone 15 Pro Max", maxlen=64)
    assert tokenizer.unk_id not in encoding.token_ids
    assert tokenizer.decode(encoding.token_ids) == "科学技术是第一生产力。iphone 15 pro max"


def test_keeping_tokens_of_a_real_vocabulary(data_folder):
    tokenizer = Tokenizer.from_file(data_folder / "vocab" / "bert-base-chinese" / "vocab.txt")
    small, rows = tokenizer.simplified()
    assert len(rows) == small.vocab_size == 13_584 + 1  # bert4keras's 13,584 and [MASK]
    assert [tokenizer.vocab[row] for row in rows] == small.vocab
