"""GradCache: a batch in parts trains as the plain batch does, whatever a part's partners and targets are."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from corpus_builder.errors import InputError
from roformer_sim.models import Backbone
from roformer_sim.training.arrays import make_batch
from roformer_sim.training.grad_cache import parted_model_class
from roformer_sim.training.model import MultiTaskModel
from roformer_sim.training.recipe_objectives import ObjectivesSection
from roformer_sim.training.rows import Row
from roformer_sim.training.terms import loss_terms

ROWS, PARTS = 12, 3
ON_JAX = keras.backend.backend() == "jax"
# There each step is compiled for seconds; the cases that are left run the same code.
seconds_of_compiling = pytest.mark.skipif(ON_JAX, reason="another case shows it on JAX")
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
    return [
        make_batch(made, 0, similarity_weight=0.5, copies=copies, parts=parts) | further
        for parts in (1, PARTS)
    ]


class InTurn(MultiTaskModel):
    """A plain model that keeps every activation, but runs the parts one after another."""

    def call(self, inputs, training=None):
        size, count = ROWS // PARTS, inputs["positions"].shape[0] // PARTS
        found = []
        for i in range(PARTS):
            part = {name: inputs[name][i * size : (i + 1) * size] for name in ("token_ids", "segment_ids")}
            positions = ops.convert_to_tensor(inputs["positions"][i * count : (i + 1) * count])
            part["positions"] = positions - i * size * inputs["token_ids"].shape[1]
            found.append(super().call(part, training=training))
        return {name: ops.concatenate([each[name] for each in found]) for name in found[0]}


def model_of(config, name, *, parts=1, dtype="float32", plain=MultiTaskModel):
    """A model with weights drawn by a fixed seed, and SGD of rate 1, so that a step is the gradient."""
    objectives, copies, classes = OBJECTIVES[name]
    keras.utils.set_random_seed(3)
    arguments = (
        Backbone(config, dtype=dtype, name="backbone"),
        loss_terms(ObjectivesSection(**objectives), copies=copies),
    )
    if parts == 1:
        model = plain(*arguments, classes=classes)
    else:
        model = parted_model_class()(*arguments, classes=classes, sub_batches=parts)
    # The plain step is the same uncompiled, and quicker so on TensorFlow.
    model.compile(keras.optimizers.SGD(1.0), jit_compile=ON_JAX, run_eagerly=parts == 1 and not ON_JAX)
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


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name == "every term" else seconds_of_compiling) for name in OBJECTIVES],
)
def test_gradients_and_metrics_are_those_of_the_plain_batch(quiet_config, name):
    plain, parted = batches(OBJECTIVES[name][1])
    expected, shown = gradients_of(model_of(quiet_config, name), plain)
    found, shown_parted = gradients_of(model_of(quiet_config, name, parts=PARTS), parted)
    assert max(np.abs(values).max() for values in expected.values()) > 1e-2
    for path, values in expected.items():
        np.testing.assert_allclose(found[path], values, atol=1e-5, err_msg=path)
    assert shown_parted.keys() == shown.keys()
    assert {k: float(v) for k, v in shown_parted.items()} == pytest.approx(shown, abs=1e-5)


def test_the_second_pass_drops_what_the_first_dropped(tiny_config):
    """With dropout, the gradient is that of one pass over the parts which forgets nothing."""
    noisy = tiny_config.model_copy(
        update={"num_hidden_layers": 1, "attention_probs_dropout_prob": 0.2, "initializer_range": 0.2}
    )
    _, parted = batches(1)
    expected, shown = gradients_of(model_of(noisy, "simbert", plain=InTurn), parted)
    model = model_of(noisy, "simbert", parts=PARTS)
    found, shown_parted = gradients_of(model, parted)
    for path, values in expected.items():
        np.testing.assert_allclose(found[path], values, atol=1e-5, err_msg=path)
    assert {k: float(v) for k, v in shown_parted.items()} == pytest.approx(shown, abs=1e-5)
    # The next batch meets other dropout, as after a plain step.
    assert np.abs(gradients_of(model, parted)[0]["backbone/lm_bias"] - found["backbone/lm_bias"]).max() > 1e-3


@seconds_of_compiling
def test_mixed_precision_stays_near_float32(quiet_config):
    plain, parted = batches(1)
    expected, _ = gradients_of(model_of(quiet_config, "simbert"), plain)
    found, shown = gradients_of(
        model_of(quiet_config, "simbert", parts=PARTS, dtype="mixed_bfloat16"), parted
    )
    for path, values in expected.items():
        # bfloat16 has 8 binary digits.
        assert np.linalg.norm(found[path] - values) < 0.1 * np.linalg.norm(values) + 1e-3, path
    assert all(np.isfinite(float(value)) for value in shown.values())


@seconds_of_compiling
def test_evaluation_shows_what_the_plain_batch_shows(quiet_config):
    plain, parted = batches(2)
    expected = model_of(quiet_config, "every term").test_on_batch(plain, return_dict=True)
    found = model_of(quiet_config, "every term", parts=PARTS).test_on_batch(parted, return_dict=True)
    assert {k: float(v) for k, v in found.items()} == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_targets_of_a_part_stand_together_each_part_with_as_many():
    plain, parted = batches(2)
    length, rows_of_a_part = plain["token_ids"].shape[1], ROWS // PARTS
    lists = parted["positions"].reshape(PARTS, 2, -1)
    for part, copies in enumerate(lists):
        for copy, positions in enumerate(copies):
            row = positions // length
            assert set(row // rows_of_a_part) == {part} and set(row % 2) == {copy}
    for name in ("weights", "mlm_weights"):
        assert parted[name].sum() == plain[name].sum() > 0
        used, used_plain = parted[name] > 0, plain[name] > 0
        targets = zip(parted["positions"][used], parted["targets"][used], strict=True)
        expected = zip(plain["positions"][used_plain], plain["targets"][used_plain], strict=True)
        assert sorted(targets) == sorted(expected)


def test_rows_that_do_not_make_whole_parts_are_refused():
    with pytest.raises(InputError, match="12 rows cannot be cut into 5 parts"):
        make_batch(rows(np.random.default_rng(7), 1), 0, parts=5)
