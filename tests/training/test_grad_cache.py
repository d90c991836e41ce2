"""GradCache: a batch in parts trains as the plain batch does, whatever a part's partners and targets are."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from roformer_sim.models import Backbone
from roformer_sim.training.arrays import make_batch
from roformer_sim.training.grad_cache import parted_model_class
from roformer_sim.training.model import MultiTaskModel
from roformer_sim.training.random_state import seed_states
from roformer_sim.training.recipe_objectives import ObjectivesSection
from roformer_sim.training.rows import Row
from roformer_sim.training.terms import loss_terms

ROWS, PARTS = 12, 3
GENERATION = {"generation": {"weight": 0.7}}
SIMCSE = {"simcse": {"weight": 1.0, "temperature": 0.05}}
# Name to the recipe's objectives, copies of a row, classes of the classifier.
OBJECTIVES = {
    "simbert": ({**GENERATION, "in_batch": {"weight": 1.5, "scale": 20.0}}, 1, 0),
    "every term": (
        {
            **GENERATION,
            **SIMCSE,
            "mlm": {"weight": 1.0},
            "rdrop": {"weight": 2.0},
            "distillation": {"weight": 5.0, "teacher": "any"},
            "sbert": {"weight": 1.0},
            "cosent": {"weight": 1.0, "scale": 20.0},
        },
        2,
        2,
    ),
    "vectors alone": (SIMCSE, 1, 0),
    "tokens alone": ({**GENERATION, "mlm": {"weight": 1.0}}, 1, 0),
}


def rows(rng, copies):
    """Rows of unlike lengths; every third has tokens to restore, and the first four no target at all."""
    made = []
    for i in range(ROWS // copies):
        source = [2, *rng.integers(5, 60, rng.integers(2, 7)), 3]
        target = [*rng.integers(5, 60, rng.integers(1, 9)), 3] if i >= 4 // copies else []
        restored = ((1, 30), (2, 31)) if i % 3 == 0 else ()
        made += copies * [Row([*source, *target], len(source), restored)]
    return made


def batches(copies):
    """The same rows for a plain step and for one in parts. Every row's partner is in another part."""
    rng = np.random.default_rng(7)
    made = rows(rng, copies)
    further = {
        "partners": np.roll(np.arange(ROWS), 6).astype(np.int32),
        "same": np.eye(ROWS, dtype=bool),
        "teacher": rng.standard_normal((ROWS, 5)).astype(np.float32),
        "labels": rng.random(ROWS // 2).astype(np.float32),
        "categories": rng.integers(0, 2, ROWS // 2).astype(np.int32),
        "tables": np.zeros(ROWS // 2, np.int32),
    }
    return [make_batch(made, 0, 24, 0.5, copies, parts) | further for parts in (1, PARTS)]


def model_of(config, name, *, parts=1, dtype="float32"):
    """A model with weights drawn by a fixed seed, and SGD of rate 1, so that a step is the gradient."""
    objectives, copies, classes = OBJECTIVES[name]
    keras.utils.set_random_seed(3)
    arguments = (
        Backbone(config, dtype=dtype, name="backbone"),
        loss_terms(ObjectivesSection(**objectives), copies=copies),
    )
    if parts == 1:
        model = MultiTaskModel(*arguments, classes=classes)
    else:
        model = parted_model_class()(*arguments, classes=classes, sub_batches=parts)
    model.compile(keras.optimizers.SGD(1.0), jit_compile=keras.backend.backend() == "jax")
    return model


def weights_of(model):
    return {v.path: ops.convert_to_numpy(v.value).astype(np.float64) for v in model.trainable_variables}


def gradients_of(model, batch):
    """What one step of ``fit`` subtracts from each weight, and the metrics it shows."""
    before = weights_of(model)
    model.optimizer.build(model.trainable_variables)
    logs = model.train_on_batch(batch, return_dict=True)
    return {name: before[name] - after for name, after in weights_of(model).items()}, logs


@pytest.fixture(scope="module")
def quiet_config(tiny_config):
    """One layer, no dropout."""
    return tiny_config.model_copy(
        update={
            "num_hidden_layers": 1,
            "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0,
            "initializer_range": 0.2,
        }
    )


@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradients_and_metrics_are_those_of_the_plain_batch(quiet_config, name):
    plain, parted = batches(OBJECTIVES[name][1])
    expected, shown = gradients_of(model_of(quiet_config, name), plain)
    found, shown_parted = gradients_of(model_of(quiet_config, name, parts=PARTS), parted)
    assert max(np.abs(values).max() for values in expected.values()) > 1e-2
    for path, values in expected.items():
        np.testing.assert_allclose(found[path], values, atol=1e-5, err_msg=path)
    assert shown_parted.keys() == shown.keys()
    assert {k: float(v) for k, v in shown_parted.items()} == pytest.approx(shown, abs=1e-5)
