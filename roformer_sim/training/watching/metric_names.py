"""Which figures a run has, and which way each gets better."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from corpus_builder.errors import InputError

COLUMNS = ("step", "epoch", "seconds", "tokens", "tokens_per_second", "learning_rate")
"""Figures that say where a run stands; no measure of the model."""


def higher_is_better(name: str) -> bool:
    """Direction of a figure by its name: accuracies and ``sts_...`` rise; losses, alignment, uniformity fall.

    ``val_`` in front changes nothing. A term of any other name is taken for what Keras minimises, a loss.

    Raises:
        InputError: A figure that measures no model, such as ``tokens_per_second``.

    Example:
        >>> higher_is_better("sts_ATEC"), higher_is_better("val_loss"), higher_is_better("uniformity")
        (True, False, False)
    """
    if name in COLUMNS:
        raise InputError(
            f"{name} does not say how good a model is; choose by a loss, an accuracy or sts_mean"
        )
    name = name.removeprefix("val_")
    return name.startswith(("sts_", "spearman")) or name.endswith("accuracy")


def metric_names(terms: Iterable[str], *, held_out: bool, sts_tables: Sequence[str] = ()) -> list[str]:
    """Names a best model can be chosen by, before the first step: what the logs of an epoch will hold.

    Args:
        terms: The model's metrics: ``loss`` and one name a term.
        held_out: Whether there is validation, which adds ``val_...`` of each term.
        sts_tables: Names of the STS tables measured, ``sts_...`` (see
            :class:`roformer_sim.evaluation.sts_probe.StsProbe`); with any of them ``sts_mean``, ``alignment``
            and ``uniformity``.
    """
    names = list(dict.fromkeys(terms))
    if held_out:
        names += [f"val_{name}" for name in names]
    if sts_tables:
        names += [*sts_tables, "sts_mean", "alignment", "uniformity"]
    return names


def check_metric(name: str, names: Iterable[str], where: str = "watch.best") -> str:
    """``name`` if it is among ``names``.

    Raises:
        InputError: It is not; those that are get listed.
    """
    names = list(names)
    if name not in names:
        raise InputError(f"{where} {name!r}: this run has no such figure; it has {', '.join(names)}")
    higher_is_better(name)
    return name
