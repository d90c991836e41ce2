"""Simplified vocabularies: fewer embedding rows, the same vectors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from corpus_builder.errors import InputError
from roformer_sim import RoFormerSim
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


def test_full_weights_beside_a_simplified_vocabulary_are_refused(tiny_preset: Path, tmp_path: Path) -> None:
    """The vectors would be of other tokens: row 7 of the full table is not token 7 of the short list."""
    whole = load_preset(tiny_preset)
    folder = tmp_path / "mixed"
    save_preset(folder, whole)
    whole.tokenizer.keep_tokens(["广", "州"])[0].save(folder / "vocab.txt")
    asked = (
        r"vocab.txt has 7 tokens, the embedding 108 rows: a simplified vocabulary needs .* \(keep_tokens\)"
    )
    with pytest.raises(InputError, match=asked):
        load_preset(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"vocab_size": 7}))
    with pytest.raises(InputError, match=r"has shape \[108\].*asks for \[7\].*\(keep_tokens\)"):
        RoFormerSim.from_preset(folder)


def test_a_vocabulary_with_more_tokens_than_rows_is_refused(tiny_preset: Path, tmp_path: Path) -> None:
    folder = tmp_path / "longer"
    save_preset(folder, load_preset(tiny_preset))
    with (folder / "vocab.txt").open("a", encoding="utf-8") as file:
        file.write("術\n")
    with pytest.raises(
        InputError, match=r"109 tokens, the embedding 108 rows: tokens were added.*vocab extend"
    ):
        load_preset(folder)
