"""Every loss stays finite and is summed in float32 where the network computes in half precision."""

from __future__ import annotations

import numpy as np
import pytest
from keras import config, ops
from objective_cases import OBJECTIVES, OF_LOGITS, gradient

DTYPES = ("float16", "bfloat16")


@pytest.fixture(params=["float32", "mixed_float16", "mixed_bfloat16"])
def policy(request):
    before = config.dtype_policy()
    config.set_dtype_policy(request.param)
    yield request.param
    config.set_dtype_policy(before)


def batch(name):
    """Vectors of usual size, two of them equal; logits up to what float16 just holds."""
    x = np.random.default_rng(3).standard_normal((6, 5)).astype(np.float32)
    if name in OF_LOGITS:
        x[0] = [6e4, -6e4, 0, 1, 2]
    else:
        x[1] = x[0]
    return x


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OBJECTIVES)
def test_value_and_slope_are_finite(name, dtype, policy):
    x = batch(name)
    value = OBJECTIVES[name](ops.cast(x, dtype))
    assert ops.dtype(value) == "float32"
    assert np.isfinite(float(value))
    slope = gradient(lambda v: OBJECTIVES[name](ops.cast(v, dtype)), x)
    assert np.isfinite(slope).all()


@pytest.mark.parametrize(("dtype", "precision"), [("float16", 2e-2), ("bfloat16", 1e-1)])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_value_is_that_of_the_rounded_input(name, dtype, precision):
    x = np.random.default_rng(4).standard_normal((6, 5)).astype(np.float32)
    rounded = ops.convert_to_numpy(ops.cast(ops.cast(x, dtype), "float32"))
    # |u - v| of Sentence-BERT has the precision of the vectors.
    expected = pytest.approx(float(OBJECTIVES[name](rounded)), rel=precision if "BERT" in name else 1e-5)
    assert float(OBJECTIVES[name](ops.cast(x, dtype))) == expected
