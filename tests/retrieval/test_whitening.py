"""BERT-whitening, compared with the paper's formula in NumPy."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_builder.errors import InputError
from roformer_sim.retrieval.whitening import Moments, Whitening


def sentence_like(count: int = 600, dimension: int = 12, seed: int = 0) -> np.ndarray:
    """Vectors with a large common part and directions of unequal weight, as encoders give them."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(count, dimension)) * np.logspace(0, -1.5, dimension)
    return (10 + mixed @ rng.normal(size=(dimension, dimension))).astype(np.float32)


def published(vectors: np.ndarray) -> np.ndarray:
    """(x - mean) U sqrt(1 / Lambda) with NumPy's own covariance and singular value decomposition."""
    vectors = vectors.astype(np.float64)
    u, s, _ = np.linalg.svd(np.cov(vectors.T, bias=True))
    return (vectors - vectors.mean(axis=0)) @ (u / np.sqrt(s))


def test_it_is_the_published_formula_up_to_signs() -> None:
    vectors = sentence_like()
    ours = Whitening.fit([vectors]).transform(vectors, normalize=False)
    reference = published(vectors)
    signs = np.sign((ours * reference).sum(axis=0))
    np.testing.assert_allclose(ours, reference * signs, atol=2e-3)


def test_cosines_are_those_of_the_published_formula() -> None:
    vectors = sentence_like()
    reference = published(vectors)[:, :5]
    reference /= np.linalg.norm(reference, axis=1, keepdims=True)
    ours = Whitening.fit([vectors], 5).transform(vectors)
    np.testing.assert_allclose(ours @ ours.T, reference @ reference.T, atol=1e-3)


def test_whitened_vectors_have_the_identity_as_covariance() -> None:
    vectors = sentence_like()
    white = Whitening.fit([vectors]).transform(vectors, normalize=False)
    np.testing.assert_allclose(np.cov(white.T, bias=True), np.eye(12), atol=1e-3)
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-3)


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 200), max_size=6), seed=st.integers(0, 100))
def test_blocks_of_any_sizes_give_mean_and_covariance_of_the_whole(cuts: list[int], seed: int) -> None:
    vectors = sentence_like(200, 6, seed).astype(np.float64)
    moments = Moments(6)
    for block in np.split(vectors, sorted(cuts)):
        moments.add(block)
    assert moments.count == 200
    np.testing.assert_allclose(moments.mean, vectors.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(moments.covariance, np.cov(vectors.T, bias=True), rtol=1e-9, atol=1e-10)


def test_a_large_mean_does_not_cancel_the_spread() -> None:
    spread = np.random.default_rng(0).normal(size=(1000, 3))
    moments = Moments(3)
    for block in np.split(spread + 1e6, 10):
        moments.add(block)
    np.testing.assert_allclose(moments.covariance, np.cov(spread.T, bias=True), atol=1e-8)


def test_the_first_directions_are_those_of_the_full_whitening() -> None:
    vectors = sentence_like()
    full = Whitening.fit([vectors])
    expected = full.transform(vectors, normalize=False)[:, :4]
    for first in (full.first(4), Whitening.fit([vectors], 4)):
        np.testing.assert_allclose(first.transform(vectors, normalize=False), expected, atol=1e-5)


def test_a_direction_without_variance_is_left_out() -> None:
    """The output of a LayerNorm sums to a constant; dividing by that direction's round-off would be noise."""
    vectors = sentence_like(dimension=6)
    vectors -= vectors.mean(axis=1, keepdims=True)
    assert Whitening.fit([vectors]).dimension == 5
    with pytest.raises(InputError, match=r"6 dimensions are wanted.*vary in 5 directions"):
        Whitening.fit([vectors], 6)


def test_saved_and_loaded_it_is_the_same(tmp_path: Path) -> None:
    vectors = sentence_like()
    whitening = Whitening.fit([vectors], 7, {"pooling": "P1", "corpus": "问题"})
    whitening.save(tmp_path / "whitening.safetensors")
    loaded = Whitening.load(tmp_path / "whitening.safetensors")
    assert loaded.about == {"texts": 600, "pooling": "P1", "corpus": "问题"}
    assert (loaded.transform(vectors) == whitening.transform(vectors)).all()
    assert [path.name for path in tmp_path.iterdir()] == ["whitening.safetensors"]


def test_a_single_vector_stays_one() -> None:
    whitening = Whitening.fit([sentence_like()])
    assert whitening.transform(sentence_like()[0]).shape == (12,)


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([], "at least two vectors"),
        ([np.ones((1, 3))], "at least two vectors"),
        ([np.ones((5, 3))], "vary in 0 directions"),
        ([np.ones(3)], r"found shape \(3,\)"),
        ([np.eye(3), np.eye(4)], r"expected vectors \(n, 3\), found shape \(4, 4\)"),
        ([np.eye(3), np.array([[1, np.nan, 2]])], r"vector 3 \(from 0\) holds NaN"),
    ],
)
def test_unusable_vectors_are_refused(blocks: list[np.ndarray], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Whitening.fit(blocks)


def test_vectors_of_another_dimension_are_refused() -> None:
    with pytest.raises(InputError, match="fitted on vectors of 12 numbers"):
        Whitening.fit([sentence_like()]).transform(np.ones((2, 11)))


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    Whitening.fit([sentence_like()]).save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="not a complete whitening file"):
        Whitening.load(path)
    with pytest.raises(InputError, match="no such file"):
        Whitening.load(tmp_path / "none.safetensors")


def test_encode_whitens_before_it_scales(tiny_model) -> None:
    texts = ["怎么开通花呗", "花呗如何开通", "今天下雨了", "明天去公园", "苹果手机多少钱"]
    raw = tiny_model.encode(texts, pooling="P3", normalize=False)
    whitening = Whitening.fit([raw], 3)
    white = tiny_model.encode(texts, pooling="P3", whiten=whitening)
    np.testing.assert_allclose(white, whitening.transform(raw), atol=1e-4)
    assert tiny_model.encode(texts[0], pooling="P3", whiten=whitening).shape == (3,)


def test_encode_takes_the_preset_s_own_whitening_and_no_other_s(tiny_preset: Path, tmp_path: Path) -> None:
    from roformer_sim import RoFormerSim

    shutil.copytree(tiny_preset, tmp_path / "preset")
    model = RoFormerSim.from_preset(tmp_path / "preset")
    raw = model.encode(["怎么开通花呗", "花呗如何开通", "今天下雨了"], normalize=False)
    place = tmp_path / "preset" / f"whitening.{model.config.pooling}.safetensors"
    with pytest.raises(InputError, match="no such file; roformer-sim whiten fit makes one"):
        model.encode(["你好"], whiten=True)
    Whitening.fit([raw], 2).save(place)
    assert model.encode(["你好"], whiten=True).shape == (1, 2)
    Whitening.fit([raw], 2, {"weights": "another"}).save(place)
    with pytest.raises(InputError, match="was fitted on weights another"):
        model.encode(["你好"], whiten=True)
