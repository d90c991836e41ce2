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

    Inputs of a batch, see :func:`roformer_sim.training.arrays.make_batch`: ``token_ids`` and
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
        self.trackers = {name: keras.metrics.Mean(name=name) for term in terms for name in term.names}
        self.classifier = None
        if classes:
            self.classifier = keras.layers.Dense(classes, use_bias=False, dtype="float32", name="classifier")
            self.classifier.build((None, 3 * backbone.config.hidden_size))
        self.built = True

    @property
    def by_kind(self) -> frozenset[str]:
        """Names of the figures that count as much as the batch's ``similarity_weights``."""
        terms = [term for term in self.terms if term.by_kind]
        return frozenset(name for term in terms for name in term.names)

    def call(self, inputs: Tensors, training: bool | None = None) -> Tensors:
        """What the terms read: ``logits`` (n, vocabulary), ``vectors`` (rows, hidden), ``classes``."""
        outputs = self.network_outputs(inputs, training)
        return outputs | self.sentence_outputs(outputs["vectors"]) if "vectors" in outputs else outputs

    def network_outputs(
        self, inputs: Tensors, training: bool | None = None, *, logits: bool = True
    ) -> Tensors:
        """What of :meth:`call` is a matter of each row by itself; without ``logits``, vectors alone."""
        states = self.backbone(inputs["token_ids"], inputs["segment_ids"], pattern="unilm", training=training)
        outputs: Tensors = {}
        if logits and "logits" in self.reads:
            hidden = ops.reshape(states.last, (-1, self.backbone.config.hidden_size))
            outputs["logits"] = self.backbone.lm_logits(ops.take(hidden, inputs["positions"], axis=0))
        if self.reads & {"vectors", "classes"}:
            in_source = ops.equal(ops.convert_to_tensor(inputs["segment_ids"]), 0)
            source = states._replace(token_mask=ops.logical_and(states.token_mask, in_source))
            outputs["vectors"] = self.backbone.pooled(source, self.backbone.config.pooling)
        return outputs

    def sentence_outputs(self, vectors: Any) -> Tensors:
        """What of :meth:`call` follows from the vectors of all rows."""
        if self.classifier is None:
            return {"vectors": vectors}
        return {"vectors": vectors, "classes": self.classifier(pair_features(vectors))}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Weighted sum of the terms; their unweighted values go to the progress bar."""
        return self.add_up({term.name: term.figures(y_pred, x) for term in self.terms}, x)

    def add_up(self, figures: dict[str, list[Any]], batch: Tensors) -> Any:
        """The loss from the figures of each term, which are shown."""
        total = 0.0
        for term in self.terms:
            factor = term.factor(batch)
            for name, figure in zip(term.names, figures[term.name], strict=True):
                self.trackers[name].update_state(figure, sample_weight=factor)
            total = total + term.weight * factor * figures[term.name][0]
        return total
