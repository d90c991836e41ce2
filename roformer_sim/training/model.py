"""The model that training works on: one forward pass serves every term of the loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from roformer_sim.models import Backbone
from roformer_sim.objectives import pair_features
from roformer_sim.training.terms import LossTerm, Tensors


class MultiTaskModel(keras.Model):
    """Backbone plus the terms of a recipe.

    The source never sees the target, so the UniLM pass that predicts the target also gives the
    source's sentence vector (SimBERT): the one the configuration's ``pooling`` names (upstream's is P2,
    the pooler's output); means are taken over the source alone. A row without target is all segment 0,
    and the same mask then lets every token see all.

    Inputs of a batch, see :func:`roformer_sim.training.batches.make_batch`: ``token_ids`` and
    ``segment_ids`` (rows, length), and the target positions as one flat list, so that the
    vocabulary product is computed for them alone. The terms read further arrays.

    Args:
        backbone: The network to train; shared, not copied.
        terms: What the loss is the weighted sum of.
        classes: Outputs of Sentence-BERT's linear layer on ``[u, v, |u - v|]``, which has no bias; 0
            for none.
    """

    def __init__(
        self, backbone: Backbone, terms: Sequence[LossTerm], *, classes: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.backbone = backbone
        self.terms = tuple(terms)
        self.reads = frozenset(term.reads for term in terms)
        names = [term.name for term in terms] + [term.accuracy[0] for term in terms if term.accuracy]
        self.trackers = {name: keras.metrics.Mean(name=name) for name in names}
        self.classifier = None
        if classes:
            self.classifier = keras.layers.Dense(classes, use_bias=False, dtype="float32", name="classifier")
            self.classifier.build((None, 3 * backbone.config.hidden_size))
        self.built = True

    @property
    def by_kind(self) -> frozenset[str]:
        """Names of the figures that count as much as the batch's ``similarity_weights``."""
        terms = [term for term in self.terms if term.by_kind]
        return frozenset(name for term in terms for name in (term.name, *(term.accuracy or ())[:1]))

    def call(self, inputs: Tensors, training: bool | None = None) -> Tensors:
        """What the terms read: ``logits`` (n, vocabulary), ``vectors`` (rows, hidden), ``classes``."""
        states = self.backbone(inputs["token_ids"], inputs["segment_ids"], pattern="unilm", training=training)
        outputs: Tensors = {}
        if "logits" in self.reads:
            hidden = ops.reshape(states.last, (-1, self.backbone.config.hidden_size))
            outputs["logits"] = self.backbone.lm_logits(ops.take(hidden, inputs["positions"], axis=0))
        if self.reads & {"vectors", "classes"}:
            in_source = ops.equal(ops.convert_to_tensor(inputs["segment_ids"]), 0)
            source = states._replace(token_mask=ops.logical_and(states.token_mask, in_source))
            outputs["vectors"] = self.backbone.pooled(source, self.backbone.config.pooling)
        if self.classifier is not None:
            outputs["classes"] = self.classifier(pair_features(outputs["vectors"]))
        return outputs

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Weighted sum of the terms; their unweighted values go to the progress bar."""
        total = 0.0
        for term in self.terms:
            value, factor = term.function(y_pred, x), term.factor(x)
            self.trackers[term.name].update_state(value, sample_weight=factor)
            if term.accuracy is not None:
                name, share = term.accuracy
                self.trackers[name].update_state(share(y_pred, x), sample_weight=factor)
            total = total + term.weight * factor * value
        return total
