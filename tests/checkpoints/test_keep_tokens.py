"""Simplified vocabularies: fewer embedding rows, the same vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import Preset, assign_weights, load_preset, save_preset
from roformer_sim.checkpoints.keep_tokens import keep_embedding_rows, keep_tokens
from roformer_sim.models import Backbone


def loaded(preset: Preset) -> Backbone:
    backbone = Backbone(preset.config)
    assign_weights(backbone, preset.weights, "preset")
    return backbone


def test_texts_of_kept_tokens_keep_their_vectors_and_scores(tiny_preset: Path) -> None:
    whole = load_preset(tiny_preset)
    tokenizer, rows = whole.tokenizer.keep_tokens(["广", "州", "好", "？"])
    small = keep_tokens(whole, tokenizer, rows)
    before = whole.tokenizer.encode("广州好？").token_ids
    after = small.tokenizer.encode("广州好？").token_ids
    assert small.config.vocab_size == 9
    assert before.tolist() != after.tolist()

    a, b = loaded(whole), loaded(small)
    first, second = a(before[None]), b(after[None])
    np.testing.assert_allclose(np.array(first.last), np.array(second.last), atol=1e-6)
    np.testing.assert_allclose(
        np.array(a.lm_logits(first.last))[..., rows], np.array(b.lm_logits(second.last)), atol=1e-5
    )


def test_a_shrunk_preset_is_a_preset(tiny_preset: Path, tmp_path: Path) -> None:
    whole = load_preset(tiny_preset)
    small = keep_tokens(whole, *whole.tokenizer.simplified())
    save_preset(tmp_path / "small", small)
    again = load_preset(tmp_path / "small")
    assert again.tokenizer.vocab == small.tokenizer.vocab
    loaded(again)


def test_the_given_weights_stay_as_they_are(tiny_preset: Path) -> None:
    weights = load_preset(tiny_preset).weights
    rows_before = len(weights["lm_bias"])
    shrunk = keep_embedding_rows(weights, np.array([4, 2, 3]))
    assert len(weights["lm_bias"]) == rows_before
    np.testing.assert_array_equal(shrunk["lm_bias"], weights["lm_bias"][[4, 2, 3]])
    np.testing.assert_array_equal(
        shrunk["token_embedding/embeddings"], weights["token_embedding/embeddings"][[4, 2, 3]]
    )
    assert set(shrunk) == set(weights)


@pytest.mark.parametrize("row", [-1, 10_000])
def test_a_row_outside_the_embedding_is_named(tiny_preset: Path, row: int) -> None:
    weights = load_preset(tiny_preset).weights
    with pytest.raises(InputError, match=f"embedding row {row}"):
        keep_embedding_rows(weights, np.array([0, row]))


def test_rows_of_another_tokenizer_are_refused(tiny_preset: Path) -> None:
    preset = load_preset(tiny_preset)
    tokenizer, rows = preset.tokenizer.keep_tokens(["广"])
    with pytest.raises(InputError, match="6 tokens and 5 embedding rows"):
        keep_tokens(preset, tokenizer, rows[:-1])
