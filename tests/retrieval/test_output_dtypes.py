"""Vectors as float16, int8 and bits keep the cosines they promise."""

from __future__ import annotations

import numpy as np
import pytest

from roformer_sim import InputError, RoFormerSim
from roformer_sim.retrieval import as_vectors, stored_as


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """Unit vectors of 768 numbers, each not far from the one before it."""
    steps = np.random.default_rng(5).standard_normal((60, 768)).cumsum(axis=0).astype(np.float32)
    return steps / np.linalg.norm(steps, axis=1, keepdims=True)


@pytest.mark.parametrize(("dtype", "error", "bytes_each"), [("float16", 5e-4, 1536), ("int8", 3e-3, 768)])
def test_cosines_are_kept(vectors, dtype: str, error: float, bytes_each: int) -> None:
    stored = stored_as(vectors, dtype)
    assert stored.dtype == dtype and stored.nbytes == 60 * bytes_each
    back = as_vectors(stored)
    np.testing.assert_allclose(back @ back.T, vectors @ vectors.T, atol=error)


def test_integers_alone_give_the_cosine_of_int8(vectors) -> None:
    a, b = stored_as(vectors[:2], "int8").astype(int)
    cosine = a @ b / np.sqrt((a @ a) * (b @ b))
    assert cosine == pytest.approx(float(vectors[0] @ vectors[1]), abs=3e-3)


def test_bits_that_differ_give_the_angle(vectors) -> None:
    stored = stored_as(vectors, "binary")
    assert stored.dtype == np.uint8 and stored.shape == (60, 96)
    differ = np.bitwise_count(stored[:, None] ^ stored[None]).sum(axis=-1)
    np.testing.assert_allclose(np.cos(np.pi * differ / 768), vectors @ vectors.T, atol=0.2)
    signs = np.where(vectors > 0, 1, -1)
    np.testing.assert_allclose(as_vectors(stored), signs / np.sqrt(768), rtol=1e-6)


def test_dimensions_that_fill_no_byte_come_back_when_they_are_named() -> None:
    stored = stored_as(np.array([[0.6, -0.8, 0.0]], np.float32), "binary")
    assert stored.tolist() == [[0b10000000]]
    np.testing.assert_allclose(as_vectors(stored, 3), np.array([[1, -1, -1]]) / np.sqrt(3), rtol=1e-6)


def test_zeros_stay_zeros() -> None:
    zeros = np.zeros((2, 8), np.float32)
    for dtype in ("float16", "int8"):
        assert not as_vectors(stored_as(zeros, dtype)).any()


def test_the_model_encodes_into_every_dtype(tiny_model: RoFormerSim) -> None:
    texts = ["广州和深圳哪个好", "今天下雨", "广州和深圳哪个好"]
    vectors = tiny_model.encode(texts)
    for dtype in ("float32", "float16", "int8", "binary"):
        np.testing.assert_array_equal(
            tiny_model.encode(texts, output_dtype=dtype), stored_as(vectors, dtype), err_msg=dtype
        )


def test_what_a_dtype_cannot_hold_is_refused(tiny_model: RoFormerSim) -> None:
    with pytest.raises(InputError, match="int8 keeps no lengths"):
        tiny_model.encode(["广州"], normalize=False, output_dtype="int8")
    with pytest.raises(InputError, match=r"dtype must be one of float32, .*, not 'int4'"):
        tiny_model.encode(["广州"], output_dtype="int4")
    with pytest.raises(InputError, match="number of 70000 does not fit into float16"):
        stored_as(np.array([[7e4, 0]], np.float32), "float16")
