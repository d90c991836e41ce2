"""Recipes with ``sub_batches`` and ``accumulate``: whole runs in parts, and steps of several batches."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from roformer_sim.models import Backbone
from roformer_sim.training.compiling import compile_model
from roformer_sim.training.model_state import read_model_state, write_model_state
from roformer_sim.training.schedule import WarmupSchedule

RATES = {"learning_rate": 0.1, "warmup_steps": 3, "clip_norm": 0.5, "weight_decay": 0.1}


@pytest.fixture(scope="module")
def new_model(tiny_config, tiny_recipe):
    """Compiled models that begin with the same weights; keywords change the train section."""

    def make(**train_section):
        keras.utils.set_random_seed(5)
        return compile_model(Backbone(tiny_config, name="backbone"), tiny_recipe(**RATES, **train_section))

    return make


@pytest.fixture(scope="module")
def gradients(new_model):
    """Those of four batches."""
    rng = np.random.default_rng(0)
    shapes = [variable.shape for variable in new_model().trainable_variables]
    return [[rng.standard_normal(shape).astype(np.float32) for shape in shapes] for _ in range(4)]


def apply(model, gradients):
    model.optimizer.apply([ops.convert_to_tensor(gradient) for gradient in gradients])


def assert_same_weights(one, other):
    for ours, theirs in zip(one.trainable_variables, other.trainable_variables, strict=True):
        np.testing.assert_allclose(
            ops.convert_to_numpy(ours), ops.convert_to_numpy(theirs), atol=2e-6, err_msg=ours.path
        )


def test_a_step_has_the_mean_gradient_of_its_batches(new_model, gradients):
    """Warm-up, clipping and Adam's count go by steps of the optimiser, not by batches."""
    accumulating, plain = new_model(accumulate=2), new_model()
    for first, second in (gradients[:2], gradients[2:]):
        apply(accumulating, first)
        assert_same_weights(accumulating, plain)
        apply(accumulating, second)
        apply(plain, [(a + b) / 2 for a, b in zip(first, second, strict=True)])
        assert_same_weights(accumulating, plain)
    assert int(accumulating.optimizer.iterations) == int(plain.optimizer.iterations) == 2


def test_a_checkpoint_holds_the_gradients_that_wait_for_their_step(new_model, gradients, tmp_path):
    stopped, resumed = new_model(accumulate=2), new_model(accumulate=2)
    apply(stopped, gradients[0])
    write_model_state(tmp_path, stopped)
    read_model_state(tmp_path, resumed)
    for model in (stopped, resumed):
        apply(model, gradients[1])
    for ours, theirs in zip(stopped.trainable_variables, resumed.trainable_variables, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(ours), ops.convert_to_numpy(theirs))


def test_the_learning_rate_moves_once_a_step():
    rate = WarmupSchedule(0.4, 2, total_steps=4, accumulate=3)
    assert [float(rate(batch)) for batch in range(9)] == pytest.approx(3 * [0.2] + 3 * [0.4] + 3 * [0.4])
    assert float(rate(9)) == pytest.approx(0.2)


def test_checkpoints_between_the_batches_of_a_step_are_refused(tiny_recipe):
    with pytest.raises(ValueError, match=r"steps_per_epoch 8 must be a multiple of train.accumulate 3"):
        tiny_recipe(accumulate=3)
