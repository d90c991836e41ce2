"""GradCache: a large batch with the memory of a small one, and the same gradients (arXiv:2101.06983).

A loss on sentence vectors compares every row with every other, so its batch cannot simply be cut. But what it
has to say to the network passes through the vectors, d numbers a row. So the batch is taken in parts:

1. Each part runs forward, and only its vectors are kept: no part's activations are.
2. The terms on vectors are computed on those of the whole batch, and their gradient with respect to the
   vectors is kept: the cache. What lies behind the vectors (a classifier) has its gradient from here.
3. Each part runs forward again, with the dropout of the first time, and backward from
   ``sum_i <vector_i, cached gradient_i>`` and its share of the terms on tokens; the gradients add up.

Then the optimiser takes one step, as after a plain batch. A term on tokens is a mean over all targets of the
batch, so a part's mean counts as much as its targets: ``mean = sum_p (weights of p / of all) mean_p``. With
terms on tokens alone there is nothing to cache, and steps 1 and 2 fall away.

The loops over the parts and the gradients are in ``grad_cache_tensorflow.py`` and ``grad_cache_jax.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from corpus_builder.errors import InputError
from roformer_sim.models import Backbone
from roformer_sim.training.model import MultiTaskModel
from roformer_sim.training.terms import LossTerm, Tensors

LISTS = ("targets", "weights", "mlm_weights")
"""Arrays of a batch that stand beside ``positions``."""

NO_FIGURES: list[list[Any]] = []
"""Where no term reads vectors."""


class PartedModel(MultiTaskModel):
    """:class:`MultiTaskModel` that trains and evaluates a batch in parts.

    Batches are those of :func:`roformer_sim.training.arrays.make_batch` with ``parts=sub_batches``. Losses,
    metrics and gradients are those of the whole batch.

    Args:
        backbone, terms, classes: As for :class:`MultiTaskModel`.
        sub_batches: Parts of a batch, blocks of consecutive rows; a row's partner may be in another part.
    """

    def __init__(
        self,
        backbone: Backbone,
        terms: Sequence[LossTerm],
        *,
        classes: int = 0,
        sub_batches: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(backbone, terms, classes=classes, **kwargs)
        self.sub_batches = sub_batches
        self.token_terms = tuple(term for term in self.terms if term.reads == "logits")
        self.sentence_terms = tuple(term for term in self.terms if term.reads != "logits")

    def parts(self, batch: Tensors) -> Tensors:
        """What the network and the terms on tokens read, cut: each array (sub_batches, of a part, ...).

        Positions count from the part's first row; ``shares`` (sub_batches, terms on tokens) is how much of
        a term's mean a part's mean makes up.
        """
        rows, length = ops.shape(batch["token_ids"])
        cut = {
            name: ops.reshape(batch[name], (self.sub_batches, rows // self.sub_batches, length))
            for name in ("token_ids", "segment_ids")
        }
        if self.token_terms:
            positions = ops.reshape(batch["positions"], (self.sub_batches, -1))
            first = ops.arange(self.sub_batches, dtype="int32") * (rows // self.sub_batches * length)
            cut["positions"] = ops.convert_to_tensor(positions) - first[:, None]
            cut |= {name: ops.reshape(batch[name], (self.sub_batches, -1)) for name in LISTS}
            sums = [ops.sum(cut[term.mean_over], axis=1) for term in self.token_terms]
            # As in the objectives' mean: at least 1, for a list without weights.
            shares = [ops.maximum(each, 1.0) / ops.maximum(ops.sum(each), 1.0) for each in sums]
            cut["shares"] = ops.stack(shares, axis=1)
        return cut

    def token_figures(self, outputs: Tensors, part: Tensors) -> list[list[Any]]:
        """A part's summands of the figures of each term on tokens."""
        return [
            [part["shares"][i] * figure for figure in term.figures(outputs, part)]
            for i, term in enumerate(self.token_terms)
        ]

    def no_figures(self) -> list[list[Any]]:
        """What the summands of :meth:`token_figures` are added to."""
        return [[ops.zeros((), "float32") for _ in term.names] for term in self.token_terms]

    def token_loss(self, figures: list[list[Any]], batch: Tensors) -> Any:
        """Summand of the loss of the whole batch that these figures make."""
        summands = zip(self.token_terms, figures, strict=True)
        return sum((term.weight * term.factor(batch) * figure[0] for term, figure in summands), start=0.0)

    def sentence_loss(self, vectors: Any, batch: Tensors) -> tuple[Any, list[list[Any]]]:
        """Weighted sum of the terms on the vectors of the whole batch, and their figures."""
        outputs = self.sentence_outputs(vectors)
        figures = [term.figures(outputs, batch) for term in self.sentence_terms]
        summands = zip(self.sentence_terms, figures, strict=True)
        return sum(term.weight * term.factor(batch) * figure[0] for term, figure in summands), figures

    def report(self, token: list[list[Any]], sentence: list[list[Any]], batch: Tensors) -> dict[str, Any]:
        """Updates the metrics as Keras does after a plain batch; what the progress bar shows."""
        terms = (*self.token_terms, *self.sentence_terms)
        figures = {term.name: values for term, values in zip(terms, [*token, *sentence], strict=True)}
        loss = self.add_up(figures, batch)
        first = next(array for array in keras.tree.flatten(batch))
        self._loss_tracker.update_state(loss, sample_weight=ops.shape(first)[0])
        return self.compute_metrics(batch, None, None)


def parted_model_class() -> type[PartedModel]:
    """The class that runs on this backend.

    Raises:
        InputError: On another backend than TensorFlow and JAX.
    """
    if keras.backend.backend() == "tensorflow":
        from roformer_sim.training.grad_cache_tensorflow import TensorFlowPartedModel

        return TensorFlowPartedModel
    if keras.backend.backend() == "jax":
        from roformer_sim.training.grad_cache_jax import JaxPartedModel

        return JaxPartedModel
    raise InputError(f"train.sub_batches runs on TensorFlow and JAX, not on {keras.backend.backend()}")
