"""SimBERT's multi-task model: one forward pass serves the generation and the retrieval loss."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from roformer_sim.models import Backbone
from roformer_sim.objectives import (
    in_batch_softmax,
    partner_accuracy,
    unilm_accuracy,
    unilm_cross_entropy,
)


class Stage1Model(keras.Model):
    """Backbone plus the two losses of SimBERT (v1) and RoFormer-Sim (v2, stage 1).

    The source never sees the target, so the UniLM pass that predicts the target also gives the
    source's sentence vector: the one the configuration's ``pooling`` names (upstream's is P2, the
    pooler's output); means are taken over the source alone.

    Inputs of a batch (see :class:`roformer_sim.training.batches.Batch`): ``token_ids`` and
    ``segment_ids`` (rows, length), and the target positions as one flat list, so that the
    vocabulary product is computed for them alone: ``positions`` (n,) indices into rows x length,
    ``targets`` (n,), ``weights`` (n,); ``similarity_weights`` (rows,), the same for all rows of a batch.

    Args:
        backbone: The network to train; shared, not copied.
        scale: Scale of the in-batch softmax, 20 (v2) or 30 (v1).
        generation_weight: Factor of the generation loss.
        similarity_weight: Factor of the in-batch loss.
    """

    def __init__(
        self,
        backbone: Backbone,
        scale: float = 20.0,
        generation_weight: float = 1.0,
        similarity_weight: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.backbone = backbone
        self.scale = scale
        self.generation_weight, self.similarity_weight = generation_weight, similarity_weight
        names = ("generation_loss", "similarity_loss", "token_accuracy", "partner_accuracy")
        self.trackers = {name: keras.metrics.Mean(name=name) for name in names}
        self.built = True

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> dict[str, Any]:
        """Sentence vectors (rows, hidden) and logits (n, vocabulary) of the listed positions."""
        states = self.backbone(inputs["token_ids"], inputs["segment_ids"], pattern="unilm", training=training)
        hidden = ops.reshape(states.last, (-1, self.backbone.config.hidden_size))
        logits = self.backbone.lm_logits(ops.take(hidden, inputs["positions"], axis=0))
        in_source = ops.equal(ops.convert_to_tensor(inputs["segment_ids"]), 0)
        source = states._replace(token_mask=ops.logical_and(states.token_mask, in_source))
        return {"vectors": self.backbone.pooled(source, self.backbone.config.pooling), "logits": logits}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Weighted sum of the two losses; their unweighted values go to the progress bar."""
        logits, targets, weights = y_pred["logits"], x["targets"], x["weights"]
        generation = unilm_cross_entropy(logits, targets, weights)
        similarity = in_batch_softmax(y_pred["vectors"], self.scale)
        self.trackers["generation_loss"].update_state(generation)
        factor = ops.mean(x["similarity_weights"])
        self.trackers["similarity_loss"].update_state(similarity, sample_weight=factor)
        self.trackers["token_accuracy"].update_state(unilm_accuracy(logits, targets, weights))
        self.trackers["partner_accuracy"].update_state(
            partner_accuracy(y_pred["vectors"]), sample_weight=factor
        )
        return self.generation_weight * generation + self.similarity_weight * factor * similarity
