"""Networks that came without a pooler or without a language-model head."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from published_checkpoint import random_variables

from corpus_builder.errors import InputError
from roformer_sim import RoFormerSim
from roformer_sim.checkpoints import load_any
from roformer_sim.checkpoints.bert_names import HEADS
from roformer_sim.checkpoints.heads import with_all_heads
from roformer_sim.models import ModelConfig, Pooling

TEXTS = ["广州和深圳哪个好？", "深圳好"]
WITHOUT = {
    "pooler": HEADS["has_pooler"],
    "language-model head": HEADS["has_lm_head"],
    "both": HEADS["has_pooler"] + HEADS["has_lm_head"],
}


@pytest.fixture(params=WITHOUT)
def headless(request: pytest.FixtureRequest, published) -> Path:  # type: ignore[no-untyped-def]
    """A checkpoint without the variables of a head."""
    kept = {k: v for k, v in random_variables("roformer").items() if k not in WITHOUT[request.param]}
    return published(kept)


@pytest.mark.parametrize("engine", ["keras", "native-float32"])
def test_what_remains_gives_the_vectors_it_gave_before(published, engine: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    variables = random_variables("roformer")
    whole = RoFormerSim.from_preset(published(variables)).encode(TEXTS, pooling="P3", engine=engine)
    kept = {k: v for k, v in variables.items() if k not in WITHOUT["both"]}
    (tmp_path / "less").mkdir()
    (tmp_path / "chinese_tiny_L-2_H-8_A-2").rename(tmp_path / "whole")
    less = RoFormerSim.from_preset(published(kept))
    assert less.config.poolings == (Pooling.P1, Pooling.P3, Pooling.P4)
    np.testing.assert_array_equal(less.encode(TEXTS, pooling="P3", engine=engine), whole)


@pytest.mark.parametrize("engine", ["keras", "native-float32"])
def test_p2_without_a_pooler_and_sentences_without_a_head_are_refused(headless: Path, engine: str) -> None:
    model = RoFormerSim.from_preset(headless)
    if not model.config.has_pooler:
        assert model.config.pooling == "P1"
        with pytest.raises(InputError, match="without a pooler"):
            model.encode(TEXTS, pooling="P2", engine=engine)
    if not model.config.has_lm_head:
        with pytest.raises(InputError, match="does not generate"):
            model.gen_synonyms(TEXTS[0], n=2, k=1, engine=engine)


def test_it_is_saved_and_loaded_without_them(headless: Path, tmp_path: Path) -> None:
    model = RoFormerSim.from_preset(headless)
    model.save_preset(tmp_path / "saved")
    again = RoFormerSim.from_preset(tmp_path / "saved")
    assert again.config == model.config
    np.testing.assert_array_equal(again.encode(TEXTS), model.encode(TEXTS))


def test_training_begins_with_new_heads_and_says_so(headless: Path) -> None:
    before = load_any(headless)
    with pytest.warns(UserWarning, match="random until it is trained"):
        after = with_all_heads(before)
    model = RoFormerSim.from_preset(headless)
    complete = RoFormerSim._of(after, "complete")
    assert complete.config.has_pooler
    assert len(complete.gen_synonyms(TEXTS[0], n=4, k=4, seed=1)) > 0
    np.testing.assert_array_equal(complete.encode(TEXTS, pooling="P1"), model.encode(TEXTS, pooling="P1"))


def test_new_kernels_are_spread_as_berts_are() -> None:
    sizes = {"vocab_size": 7, "hidden_size": 96, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = ModelConfig(**sizes, intermediate_size=96, has_pooler=False, pooling="P1")  # type: ignore[arg-type]
    from roformer_sim.checkpoints.preset import Preset
    from roformer_sim.text import Tokenizer

    tokenizer = Tokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "好", "坏"])
    with pytest.warns(UserWarning, match="pooler"):
        kernel = with_all_heads(Preset(config, tokenizer, {})).weights["pooler/kernel"]
    assert np.abs(kernel).max() <= 0.04
    assert kernel.std() == pytest.approx(0.0176, abs=0.0005)  # of a normal cut at two deviations of 0.02


def test_a_preset_with_both_is_left_alone(published) -> None:  # type: ignore[no-untyped-def]
    preset = load_any(published(random_variables("roformer")))
    assert with_all_heads(preset) is preset


def test_p2_as_the_own_vector_of_a_network_without_pooler_is_refused() -> None:
    with pytest.raises(InputError, match="P2 is the pooler's vector"):
        ModelConfig.from_dict(
            {
                "vocab_size": 9,
                "hidden_size": 8,
                "num_hidden_layers": 1,
                "num_attention_heads": 2,
                "intermediate_size": 8,
                "has_pooler": False,
            }
        )
