"""The terms of a recipe's loss: which objective is computed on which outputs and arrays of a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keras import ops

from roformer_sim.objectives import (
    STS_AND_NLI,
    axes_regression,
    cosent_loss,
    cosine_matrix_distillation,
    info_nce_loss,
    masked_class_accuracy,
    masked_class_cross_entropy,
    mlm_accuracy,
    mlm_cross_entropy,
    partner_accuracy,
    partner_labels,
    rdrop_divergence,
    unilm_accuracy,
    unilm_cross_entropy,
)
from roformer_sim.teachers.axes import read_axes
from roformer_sim.training.recipe_objectives import ObjectivesSection

Tensors = dict[str, Any]
TermFunction = Callable[[Tensors, Tensors], Any]
"""(outputs of the model, arrays of the batch) to a scalar."""


@dataclass(frozen=True)
class LossTerm:
    """One summand of the loss.

    Attributes:
        name: Shown with its value, unweighted: ``generation_loss``.
        weight: Its factor.
        reads: Which output it needs: ``"logits"`` (of tokens), ``"vectors"`` (of sentences), ``"classes"``.
        function: The objective.
        accuracy: Name and function of the share that is right, where there is one.
        by_kind: Whether the batch's ``similarity_weights`` count here.
        mean_over: For ``"logits"``, the weights of the batch that the objective is a mean by.
    """

    name: str
    weight: float
    reads: str
    function: TermFunction
    accuracy: tuple[str, TermFunction] | None = None
    by_kind: bool = False
    mean_over: str = "weights"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of :meth:`figures`."""
        return (self.name, self.accuracy[0]) if self.accuracy else (self.name,)

    def figures(self, outputs: Tensors, batch: Tensors) -> list[Any]:
        """The value, and the accuracy where there is one."""
        functions = (self.function, self.accuracy[1]) if self.accuracy else (self.function,)
        return [function(outputs, batch) for function in functions]

    def factor(self, batch: Tensors) -> Any:
        """What this batch's value is multiplied by beside the weight."""
        return ops.mean(batch["similarity_weights"]) if self.by_kind else 1.0


def task_sizes(tasks: int) -> tuple[int, ...]:
    """Classes of each task of the classifier: similarity, and inference where there are two tasks."""
    return STS_AND_NLI[:tasks]


def loss_terms(objectives: ObjectivesSection, *, copies: int = 1, tasks: int = 1) -> list[LossTerm]:
    """The terms that a recipe sets.

    Args:
        objectives: Their weights and settings.
        copies: 2 where each row stands twice in a batch; SimCSE's partner is then the other copy.
        tasks: 2 where labelled pairs are of two tasks.
    """
    given, terms = objectives, []
    if given.generation:
        terms.append(
            LossTerm(
                "generation_loss",
                given.generation.weight,
                "logits",
                _over_targets(unilm_cross_entropy, "weights"),
                ("token_accuracy", _over_targets(unilm_accuracy, "weights")),
            )
        )
    if given.mlm:
        terms.append(
            LossTerm(
                "mlm_loss",
                given.mlm.weight,
                "logits",
                _over_targets(mlm_cross_entropy, "mlm_weights"),
                ("mlm_accuracy", _over_targets(mlm_accuracy, "mlm_weights")),
                mean_over="mlm_weights",
            )
        )
    if given.rdrop:
        terms.append(LossTerm("rdrop_loss", given.rdrop.weight, "logits", _rdrop))
    if given.in_batch:
        function, accuracy = _in_batch(given.in_batch.scale)
        terms.append(
            LossTerm(
                "similarity_loss",
                given.in_batch.weight,
                "vectors",
                function,
                ("partner_accuracy", accuracy),
                by_kind=True,
            )
        )
    if given.simcse:
        function, accuracy = _in_batch(1.0 / given.simcse.temperature, of_copies=copies == 2)
        terms.append(
            LossTerm("simcse_loss", given.simcse.weight, "vectors", function, ("simcse_accuracy", accuracy))
        )
    return terms + _labelled_terms(given, task_sizes(tasks))


def _labelled_terms(given: ObjectivesSection, sizes: tuple[int, ...]) -> list[LossTerm]:
    """Terms that learn from a teacher or from labels."""
    terms = []
    if given.distillation:
        terms.append(
            LossTerm(
                "distillation_loss",
                given.distillation.weight,
                "vectors",
                lambda out, batch: cosine_matrix_distillation(out["vectors"], batch["teacher"]),
            )
        )
    if given.regression:
        axes = read_axes(given.regression.axes)
        terms.append(
            LossTerm(
                "regression_loss",
                given.regression.weight,
                "vectors",
                lambda out, batch: axes_regression(out["vectors"], batch["teacher"], axes),
            )
        )
    if given.sbert:
        terms.append(
            LossTerm(
                "class_loss",
                given.sbert.weight,
                "classes",
                lambda out, batch: masked_class_cross_entropy(out["classes"], batch["categories"], sizes),
                (
                    "class_accuracy",
                    lambda out, batch: masked_class_accuracy(out["classes"], batch["categories"], sizes),
                ),
            )
        )
    if given.cosent:
        scale = given.cosent.scale
        terms.append(
            LossTerm(
                "cosent_loss",
                given.cosent.weight,
                "vectors",
                lambda out, batch: cosent_loss(out["vectors"], batch["labels"], scale, batch["tables"]),
            )
        )
    return terms


def _over_targets(objective: Callable[[Any, Any, Any], Any], weights: str) -> TermFunction:
    return lambda out, batch: objective(out["logits"], batch["targets"], batch[weights])


def _rdrop(out: Tensors, batch: Tensors) -> Any:
    """The two passes of a target stand half a list apart, see :func:`make_batch`."""
    half = ops.shape(out["logits"])[0] // 2
    return rdrop_divergence(out["logits"][:half], out["logits"][half:], batch["weights"][:half])


def _in_batch(scale: float, of_copies: bool = False) -> tuple[TermFunction, TermFunction]:
    """The in-batch softmax and its accuracy; the partner is the batch's, or the other copy of the row."""

    def partners(out: Tensors, batch: Tensors) -> Any:
        return partner_labels(ops.shape(out["vectors"])[0]) if of_copies else batch["partners"]

    def loss(out: Tensors, batch: Tensors) -> Any:
        return info_nce_loss(out["vectors"], partners(out, batch), scale, batch["same"])

    def accuracy(out: Tensors, batch: Tensors) -> Any:
        return partner_accuracy(out["vectors"], partners(out, batch), batch["same"])

    return loss, accuracy
