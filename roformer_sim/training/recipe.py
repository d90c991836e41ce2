"""A recipe: everything a training run depends on, typed, in one TOML file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from corpus_builder.errors import InputError
from roformer_sim.training.recipe_data import (
    LabelledData,
    Section,
    SimilarData,
    TextData,
    TripleData,
    TwiceData,
)
from roformer_sim.training.recipe_objectives import ObjectivesSection

DataSection = Annotated[
    SimilarData | TextData | TwiceData | LabelledData | TripleData, Field(discriminator="rows")
]


SAMPLES = ("广州和深圳哪个好？", "科学技术是第一生产力。")


class StartSection(Section):
    """What training starts from: a preset or checkpoint folder, or a new network and a vocabulary."""

    preset: str | None = None  # preset name or folder; the other keys then stay unset
    vocab: str | None = None  # vocab.txt of a new network
    config: dict[str, Any] | None = None  # its configuration; vocab_size is filled in
    dropout: float | None = Field(default=None, ge=0, lt=1)  # replaces hidden_dropout_prob
    pooling: Literal["P1", "P2", "P3", "P4"] | None = None  # replaces the vector that is trained


class TrainSection(Section):
    """Batches and the optimiser. An epoch is the interval between two checkpoints, no pass over the data."""

    batch_rows: int = Field(default=96, ge=4)  # rows of a batch; a pair gives two, a triple three
    epochs: int = Field(default=10, ge=1)
    stop_after: int | None = Field(default=None, ge=1)  # epoch to end with, on the schedule of `epochs`
    steps_per_epoch: int = Field(default=1000, ge=1)
    sub_batches: int = Field(default=1, ge=1)  # GradCache: parts of a batch that are in memory one at a time
    accumulate: int = Field(default=1, ge=1)  # batches whose gradients are averaged into one step
    learning_rate: float = Field(default=1e-5, gt=0, allow_inf_nan=False)
    warmup_steps: int = Field(default=1000, ge=0)  # of the optimiser: `accumulate` batches each
    schedule: Literal["constant", "linear"] = "constant"  # after the warm-up; linear ends at 0
    beta_2: float = Field(default=0.999, gt=0, lt=1)  # of Adam's second moment
    weight_decay: float = Field(default=0.01, ge=0, allow_inf_nan=False)  # not on biases and norms
    clip_norm: float = Field(default=1.0, ge=0, allow_inf_nan=False)  # of the whole gradient; 0 for none
    # Devices that share a batch: a number, or "all"; unset: the one that the backend takes.
    devices: Annotated[int, Field(ge=1)] | Literal["all"] | None = None
    workers: int = Field(default=0, ge=0)  # processes that make batches; 0 for a thread of this one
    dtype: Literal["float32", "mixed_bfloat16"] = "mixed_bfloat16"
    seed: int = Field(default=0, ge=0)

    @property
    def last_epoch(self) -> int:
        """The epoch a run ends with."""
        return min(self.epochs, self.stop_after or self.epochs)

    @property
    def total_steps(self) -> int:
        """Batches of the whole schedule."""
        return self.epochs * self.steps_per_epoch


class WatchSection(Section):
    """What is measured, shown and kept while the run goes on."""

    samples: list[str] = Field(default_factory=lambda: list(SAMPLES))  # texts whose synonyms are shown
    sts: list[str] = Field(default_factory=list)  # STS tables (valid splits): Spearman, geometry
    sts_rows: int = Field(default=1000, ge=0)  # rows of each table, chosen once; 0 for all
    best: str | None = None  # metric that names the best checkpoint; unset: val_loss, or loss
    sts_every: int | None = Field(default=None, ge=1)  # steps between two measurements; unset: each epoch
    every: int = Field(default=100, ge=1)  # steps between two rows of metrics.csv
    keep: int = Field(default=2, ge=1)  # newest checkpoints that are kept, beside the best
    tensorboard: bool = True


class Recipe(Section):
    """One training run.

    Example:
        >>> recipe = Recipe.from_file("stage1.toml", ["train.epochs=3", "data.maxlen=32"])  # doctest: +SKIP
    """

    start: StartSection
    data: DataSection
    objectives: ObjectivesSection
    train: TrainSection = TrainSection()
    watch: WatchSection = WatchSection()

    @model_validator(mode="after")
    def _check(self) -> Recipe:
        if not all(text.strip() for text in self.watch.samples):
            raise ValueError("watch.samples: an empty text has no synonyms")
        self.objectives.check(self.data)
        rows, parts = self.train.batch_rows, self.train.sub_batches
        unit = self.data.rows_per_item * parts
        if rows % unit:
            raise ValueError(f"train.batch_rows must be a multiple of {unit} here, not {rows}")
        if rows // self.data.rows_per_item < 2:
            raise ValueError(
                f"train.batch_rows {rows} holds a single item of {self.data.rows_per_item} rows; "
                "a batch needs two, or it has no negatives"
            )
        if self.train.steps_per_epoch % self.train.accumulate:
            raise ValueError(
                f"train.steps_per_epoch {self.train.steps_per_epoch} must be a multiple of train.accumulate "
                f"{self.train.accumulate}, so that no checkpoint stands between two batches of a step"
            )
        if self.kind_weights is not None and self.train.steps_per_epoch % 2:
            raise ValueError("train.steps_per_epoch must be even where batches hold one kind of pair")
        return self

    @property
    def kind_weights(self) -> tuple[float, float] | None:
        """Factors of the in-batch loss on questions and general sentences; ``None`` for mixed batches."""
        term = self.objectives.in_batch
        return None if term is None or term.general is None else (1.0, term.general)

    @classmethod
    def from_file(cls, path: str | Path, overrides: list[str] | None = None) -> Recipe:
        """Read a recipe; each override is ``section.key=value`` with a TOML value.

        Raises:
            InputError: Not a TOML file, unknown key, value of the wrong type or out of range.
        """
        path = Path(path)
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: cannot be read: {error}") from None
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"{path}: not a TOML file: {error}") from None
        for override in overrides or []:
            _override(values, override)
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in _location(first["loc"]))
            raise InputError(f"{path}: {key}: {first['msg']}" if key else f"{path}: {first['msg']}") from None


def _location(parts: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Where a wrong value stands; Pydantic names the type of ``[data]`` after it."""
    return (parts[0], *parts[2:]) if parts[:1] == ("data",) and len(parts) > 1 else parts


def _override(values: dict[str, Any], override: str) -> None:
    """Set ``section.key=value`` in place, or a whole section, ``start={preset="best"}``.

    A value that is no TOML is taken as a string.
    """
    key, sign, text = override.partition("=")
    section, dot, name = key.strip().partition(".")
    try:
        value = tomllib.loads(f"value = {text.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    if section and sign and not dot and isinstance(value, dict):
        values[section] = value
        return
    if not sign or not dot or not name:
        raise InputError(f"--set {override!r}: expected section.key=value, for example train.epochs=3")
    table = values.setdefault(section, {})
    *path, last = name.split(".")
    for part in path:
        table = table.setdefault(part, {}) if isinstance(table, dict) else table
    if not isinstance(table, dict):
        raise InputError(f"--set {override!r}: {key.strip().rpartition('.')[0]} is a value and has no keys")
    table[last] = value
