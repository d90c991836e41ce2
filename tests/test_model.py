"""RoFormerSim, the class for users: saved and loaded whole, similarities, what does not fit together."""

from __future__ import annotations

import numpy as np
import pytest

from roformer_sim import InputError, RoFormerSim
from roformer_sim.checkpoints import read_weights, shipped_presets
from roformer_sim.models import Backbone
from roformer_sim.text import Tokenizer

A, B = "怎么开通花呗", "花呗如何开通"


def test_saved_and_loaded_it_is_the_same(tiny_model, tmp_path):
    tiny_model.save_preset(tmp_path / "saved")
    again = RoFormerSim.from_preset(tmp_path / "saved")
    ours, theirs = read_weights(tiny_model.backbone), read_weights(again.backbone)
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
    assert again.config == tiny_model.config
    assert again.metadata == tiny_model.metadata == {"made_by": "tests"}
    assert again.tokenizer.vocab == tiny_model.tokenizer.vocab
    np.testing.assert_array_equal(again.encode([A, B]), tiny_model.encode([A, B]))
    sampling = {"n": 6, "k": 3, "maxlen": 10, "seed": 0}
    assert again.gen_synonyms(A, **sampling) == tiny_model.gen_synonyms(A, **sampling)


def test_half_precision_files_are_half_the_size_and_near(tiny_model, tmp_path):
    tiny_model.save_preset(tmp_path / "half", weights_dtype="float16")
    tiny_model.save_preset(tmp_path / "full")
    half, full = (tmp_path / name / "model.safetensors" for name in ("half", "full"))
    assert half.stat().st_size < 0.6 * full.stat().st_size
    vectors = RoFormerSim.from_preset(tmp_path / "half").encode([A, B])
    np.testing.assert_allclose(vectors, tiny_model.encode([A, B]), atol=5e-3)


def test_mixed_precision_gives_float32_vectors_near_the_exact_ones(tiny_preset, tiny_model):
    vectors = RoFormerSim.from_preset(tiny_preset, dtype="mixed_bfloat16").encode([A, B])
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, tiny_model.encode([A, B]), atol=0.05)


def test_one_text_gives_one_vector(tiny_model):
    assert tiny_model.encode(A).shape == (32,)
    assert tiny_model.encode([A]).shape == (1, 32)
    assert tiny_model.encode([]).shape == (0, 32)
    np.testing.assert_allclose(tiny_model.encode(A), tiny_model.encode([A, B])[0], atol=1e-5)


@pytest.mark.parametrize("pooling", ["P1", "P2", "P3", "P4"])
def test_similarity_is_the_cosine(tiny_model, pooling):
    a, b = (tiny_model.encode(text, pooling=pooling, normalize=False) for text in (A, B))
    expected = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    assert tiny_model.similarity(A, B, pooling=pooling) == pytest.approx(expected, abs=1e-5)


def test_similarity_is_symmetric_and_one_for_the_same_sentence(tiny_model):
    there, back = tiny_model.similarity(A, B), tiny_model.similarity(B, A)
    assert there == pytest.approx(back, abs=1e-6) and there < 0.999
    assert tiny_model.similarity(A, A) == pytest.approx(1.0, abs=1e-6)


def test_lists_are_compared_row_by_row(tiny_model):
    scores = tiny_model.similarity([A, B, A], [B, B, "今天下雨吗"])
    expected = [tiny_model.similarity(*pair) for pair in ((A, B), (B, B), (A, "今天下雨吗"))]
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    assert tiny_model.similarity([], []).shape == (0,)


@pytest.mark.parametrize("pair", [([A, B], [A]), (A, [A]), ([A], A)])
def test_what_cannot_be_compared_is_refused(tiny_model, pair):
    with pytest.raises(InputError, match="two strings or two lists"):
        tiny_model.similarity(*pair)


@pytest.mark.parametrize("pooling", ["P1", "P2", "P3", "P4"])
def test_the_vector_is_the_one_the_model_was_trained_on(tiny_config, tiny_tokenizer, tmp_path, pooling):
    config = tiny_config.model_copy(update={"pooling": pooling})
    RoFormerSim(Backbone(config), tiny_tokenizer).save_preset(tmp_path / "preset")
    model = RoFormerSim.from_preset(tmp_path / "preset")
    np.testing.assert_array_equal(model.encode(A), model.encode(A, pooling=pooling))
    model.save_preset(tmp_path / "other", pooling="P4")
    assert RoFormerSim.from_preset(tmp_path / "other").config.pooling == "P4"
    assert model.similarity(A, B) == model.similarity(A, B, pooling=pooling)


def test_an_unknown_pooling_is_refused(tiny_model):
    with pytest.raises(InputError, match=r"P7.*P1, P2, P3, P4"):
        tiny_model.encode(A, pooling="P7")


def test_a_tokenizer_of_another_size_is_refused(tiny_model):
    other = Tokenizer([*tiny_model.tokenizer.vocab, "龘"])
    with pytest.raises(InputError, match="109 tokens, the network 108"):
        RoFormerSim(tiny_model.backbone, other)


def test_an_unknown_preset_is_refused_with_the_shipped_names():
    with pytest.raises(InputError, match="no_such_preset") as caught:
        RoFormerSim.from_preset("no_such_preset")
    for name in shipped_presets():
        assert name in str(caught.value)


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"bert_config\.json"):
        RoFormerSim.from_preset(tmp_path)
