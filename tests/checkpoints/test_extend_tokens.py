"""New tokens begin as means of rows that were there; nothing else changes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from corpus_builder.errors import InputError
from roformer_sim import RoFormerSim
from roformer_sim.checkpoints import Preset, extend_tokens, keep_tokens, load_preset, save_preset
from roformer_sim.checkpoints.vocabulary_map import bert4keras_arguments, read_ranges, write_ranges
from roformer_sim.text import Tokenizer

TABLE, BIAS = "token_embedding/embeddings", "lm_bias"


@pytest.fixture
def preset(tiny_preset: Path) -> Preset:
    return load_preset(tiny_preset)


def rows_of(preset: Preset, *tokens: str) -> np.ndarray:
    return preset.weights[TABLE][[preset.tokenizer.vocabulary.row(token) for token in tokens]]


def how(preset: Preset) -> dict[str, str]:
    return {token: entry["mean_of"] for token, entry in preset.metadata["vocabulary"][-1]["added"].items()}


def test_a_new_row_is_the_mean_of_the_pieces_it_was_cut_into(preset: Preset) -> None:
    larger = extend_tokens(preset, ["app1", "##c5"])
    assert preset.tokenizer.tokenize("ab1") == ["[CLS]", "ab1", "[SEP]"], "1 has no form that goes on"
    assert how(larger) == {"app1": "mean of all", "##c5": "pieces"}
    np.testing.assert_allclose(
        rows_of(larger, "##c5")[0], rows_of(preset, "##c", "##5").mean(axis=0), rtol=1e-6
    )


def test_given_sources_come_first_and_the_bias_follows(preset: Preset) -> None:
    larger = extend_tokens(preset, ["廣", "appa"], sources={"廣": ["广", "州"]})
    assert how(larger) == {"廣": "sources", "appa": "pieces"}
    np.testing.assert_allclose(rows_of(larger, "廣")[0], rows_of(preset, "广", "州").mean(axis=0), rtol=1e-6)
    places = [preset.tokenizer.vocabulary.row(token) for token in ("app", "##a")]
    np.testing.assert_allclose(larger.weights[BIAS][-1], preset.weights[BIAS][places].mean(), rtol=1e-6)


def test_a_traditional_character_begins_as_its_simplified_one(preset: Preset) -> None:
    pytest.importorskip("opencc")
    larger = extend_tokens(preset, ["術", "龘"], simplified=True)
    assert how(larger) == {"術": "simplified", "龘": "mean of all"}
    np.testing.assert_array_equal(rows_of(larger, "術"), rows_of(preset, "术"))
    ordinary = preset.weights[TABLE][preset.tokenizer.vocabulary.ordinary_ids]
    np.testing.assert_allclose(rows_of(larger, "龘")[0], ordinary.mean(axis=0), atol=1e-6)


def test_old_rows_and_the_vectors_of_old_texts_stay(preset: Preset, tiny_model: RoFormerSim) -> None:
    larger = tiny_model.extend_tokens(["術"], sources={"術": ["术"]})
    texts = ["广州和深圳哪个好？", "科学技术"]
    np.testing.assert_array_equal(
        larger.encode(texts, engine="keras"), tiny_model.encode(texts, engine="keras")
    )
    np.testing.assert_array_equal(
        larger.encode("科学技術", engine="keras"), larger.encode("科学技术", engine="keras")
    )


def test_tokens_that_are_there_are_left_out_and_none_new_is_an_error(preset: Preset) -> None:
    assert how(extend_tokens(preset, ["广", "術"])) == {"術": "mean of all"}
    with pytest.raises(InputError, match="none of the 2 tokens is new"):
        extend_tokens(preset, ["广", "州"])


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("花呗", "every ideograph and mark stands alone"),
        ("App2", "do_lower_case is true"),
        ("##術", "no text yields it"),
        ("##", "no text yields it"),
    ],
)
def test_a_token_that_no_text_yields_is_refused(preset: Preset, token: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        extend_tokens(preset, [token])


def test_a_token_in_brackets_is_set_by_hand_and_needs_no_text(preset: Preset) -> None:
    assert how(extend_tokens(preset, ["[S1]"])) == {"[S1]": "mean of all"}


def test_words_can_be_added_where_jieba_cuts_them(preset: Preset) -> None:
    old = preset.tokenizer
    words = Tokenizer([*old.vocab, "广州"], words=True)
    weights = {
        n: np.append(a, a[-1:], axis=0) if len(a) == len(old.vocab) else a for n, a in preset.weights.items()
    }
    config = preset.config.model_copy(update={"vocab_size": words.vocab_size})
    larger = extend_tokens(Preset(config, words, weights), ["深圳"])
    assert larger.tokenizer.tokenize("广州和深圳")[1:-1] == ["广州", "和", "深圳"]
    assert how(larger) == {"深圳": "pieces"}
    with pytest.raises(InputError, match="jieba cuts it"):
        extend_tokens(larger, ["天气好"])


def test_wrong_sources_are_named(preset: Preset) -> None:
    with pytest.raises(InputError, match="sources of the new token '術': '賣' is not in the vocabulary"):
        extend_tokens(preset, ["術"], sources={"術": ["賣"]})
    with pytest.raises(InputError, match="sources of the new token '術': there are none"):
        extend_tokens(preset, ["術"], sources={"術": []})
    with pytest.raises(InputError, match="'廣', which is not among the new tokens"):
        extend_tokens(preset, ["術"], sources={"廣": ["广"]})


def test_every_change_is_written_down_and_can_be_repeated(preset: Preset, tmp_path: Path) -> None:
    small = keep_tokens(preset, *preset.tokenizer.keep_tokens(["广", "州", "术"]))
    save_preset(
        tmp_path / "changed", extend_tokens(small, ["術", "廣"], sources={"術": ["术"], "廣": ["广", "州"]})
    )
    changed = load_preset(tmp_path / "changed")
    assert [step["change"] for step in changed.metadata["vocabulary"]] == ["kept", "extended"]
    arguments = json.loads(json.dumps(bert4keras_arguments(changed.metadata)))
    table = preset.weights[TABLE][arguments["keep_tokens"]]
    means = [table[rows].mean(axis=0) for rows in arguments["compound_tokens"]]
    np.testing.assert_allclose(changed.weights[TABLE], np.concatenate([table, means]), rtol=1e-6)


def test_a_map_that_bert4keras_could_not_repeat_is_refused(preset: Preset) -> None:
    with pytest.raises(InputError, match="never changed"):
        bert4keras_arguments(preset.metadata)
    larger = extend_tokens(preset, ["術"], sources={"術": ["术"]})
    without = keep_tokens(larger, *larger.tokenizer.keep_tokens(["術"]))
    with pytest.raises(InputError, match="left out since"):
        bert4keras_arguments(without.metadata)
    twice = extend_tokens(larger, ["廣"], sources={"廣": ["術"]})
    with pytest.raises(InputError, match="made of an added one"):
        bert4keras_arguments(twice.metadata)


def test_ranges_keep_the_order() -> None:
    rows = [0, 100, 101, 102, 106, 7, 8, 3]
    assert write_ranges(rows) == "0 100-102 106 7-8 3"
    assert read_ranges(write_ranges(rows)) == rows
