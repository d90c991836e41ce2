"""The multi-task model: both losses from one pass, equal to the objectives computed apart."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from roformer_sim.models import Backbone
from roformer_sim.training.arrays import Assembler, BatchTask
from roformer_sim.training.compiling import compile_model
from roformer_sim.training.model import MultiTaskModel
from roformer_sim.training.pairs import SentencePair
from roformer_sim.training.recipe_objectives import ObjectivesSection
from roformer_sim.training.rows import RowMaker
from roformer_sim.training.terms import loss_terms

PAIRS = [
    SentencePair("怎么借钱", "如何能借钱"),
    SentencePair("今天下雨吗", "今天有雨吗"),
    SentencePair("苹果手机多少钱", "手机便宜吗"),
]


def stage1(backbone, scale=20.0, generation=1.0, similarity=1.0):
    terms = {"generation": {"weight": generation}, "in_batch": {"weight": similarity, "scale": scale}}
    return MultiTaskModel(backbone, loss_terms(ObjectivesSection(**terms)))


@pytest.fixture(scope="module")
def batch(tiny_tokenizer):
    return Assembler(RowMaker(tiny_tokenizer, maxlen=16, noise=0.5))(BatchTask(PAIRS, (0,)))


def generation_loss(backbone, batch):
    """Cross-entropy from the logits of all positions, target after target."""
    states = backbone(batch["token_ids"], batch["segment_ids"], pattern="unilm")
    logits = ops.convert_to_numpy(backbone.lm_logits(states.last)).astype(np.float64)
    losses = []
    for scores, tokens, segments in zip(logits, batch["token_ids"], batch["segment_ids"], strict=True):
        for place in np.flatnonzero(segments):
            row = scores[place - 1]
            losses.append(np.log(np.exp(row).sum()) - row[tokens[place]])
    return np.mean(losses)


def similarity_loss(backbone, batch, scale):
    """In-batch softmax of the vectors of the sources alone, without their targets."""
    sources = np.where(batch["segment_ids"] == 0, batch["token_ids"], 0)
    vectors = ops.convert_to_numpy(backbone.pooled(backbone(sources), backbone.config.pooling)).astype(
        np.float64
    )
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    losses = []
    for i, scores in enumerate(scale * unit @ unit.T):
        others = np.delete(scores, i)
        losses.append(np.log(np.exp(others).sum()) - scores[i ^ 1])
    return np.mean(losses)


@pytest.mark.parametrize("pooling", ["P1", "P2", "P3", "P4"])
@pytest.mark.parametrize(("scale", "weights"), [(20.0, (1.0, 1.0)), (30.0, (0.5, 2.0))])
def test_losses_are_the_objectives_computed_apart(tiny_config, batch, scale, weights, pooling):
    backbone = Backbone(tiny_config.model_copy(update={"pooling": pooling}))
    model = stage1(backbone, scale, *weights)
    total = float(model.compute_loss(x=batch, y_pred=model(batch)))
    generation, similarity = generation_loss(backbone, batch), similarity_loss(backbone, batch, scale)
    assert float(model.trackers["generation_loss"].result()) == pytest.approx(generation, rel=1e-4)
    assert float(model.trackers["similarity_loss"].result()) == pytest.approx(similarity, rel=1e-4)
    assert total == pytest.approx(weights[0] * generation + weights[1] * similarity, rel=1e-4)


def test_a_batch_of_similarity_weight_0_trains_generation_alone(tiny_model, batch):
    model = stage1(tiny_model.backbone)
    without = {**batch, "similarity_weights": np.zeros_like(batch["similarity_weights"])}
    total = float(model.compute_loss(x=without, y_pred=model(without)))
    assert total == pytest.approx(generation_loss(tiny_model.backbone, batch), rel=1e-4)
    model.compute_loss(x=batch, y_pred=model(batch))
    # The mean over batches shown leaves that batch out.
    shown = float(model.trackers["similarity_loss"].result())
    assert shown == pytest.approx(similarity_loss(tiny_model.backbone, batch, 20.0), rel=1e-4)


def test_logits_are_computed_for_the_listed_positions_alone(tiny_model, batch):
    output = stage1(tiny_model.backbone)(batch)
    assert output["logits"].shape == (len(batch["positions"]), tiny_model.config.vocab_size)
    assert output["vectors"].shape == (6, tiny_model.config.hidden_size)


def test_losses_are_float32_in_mixed_precision(tiny_config, batch):
    model = stage1(Backbone(tiny_config, dtype="mixed_bfloat16"))
    output = model(batch)
    assert {ops.dtype(value) for value in output.values()} == {"float32"}
    assert ops.dtype(model.compute_loss(x=batch, y_pred=output)) == "float32"


def test_weight_decay_spares_biases_and_norms(tiny_config, tiny_recipe):
    recipe = tiny_recipe(learning_rate=0.1, weight_decay=0.5, warmup_steps=0)
    backbone = Backbone(tiny_config)
    for weight in backbone.weights:
        weight.assign(np.ones(weight.shape))
    model = compile_model(backbone, recipe)
    model.optimizer.apply([ops.zeros(w.shape) for w in model.trainable_variables])
    after = {weight.path: ops.convert_to_numpy(weight.value) for weight in backbone.weights}
    for path, values in after.items():
        spared = path.endswith(("bias", "beta", "gamma"))
        np.testing.assert_allclose(values, 1.0 if spared else 1.0 - 0.1 * 0.5, rtol=1e-6, err_msg=path)
    decayed = [path for path, values in after.items() if values.flat[0] < 1]
    assert len(decayed) == 2 + 4 * tiny_config.num_hidden_layers + 2  # tables; blocks; pooler, LM transform
