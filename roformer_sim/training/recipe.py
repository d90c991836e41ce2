"""A recipe: everything a training run depends on, typed, in one TOML file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from corpus_builder.errors import InputError


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StartSection(_Section):
    """What training starts from: a preset or checkpoint folder, or a new network and a vocabulary."""

    preset: str | None = None  # preset name or folder; the other keys then stay unset
    vocab: str | None = None  # vocab.txt of a new network
    config: dict[str, Any] | None = None  # its configuration; vocab_size is filled in
    dropout: float | None = Field(default=None, ge=0, lt=1)  # replaces hidden_dropout_prob
    pooling: Literal["P1", "P2", "P3", "P4"] | None = None  # replaces the vector that is trained


class DataSection(_Section):
    """Training files and folders, upstream's shapes; questions and general sentences alternate 1:1."""

    groups: list[str] = Field(min_length=1)  # {"text", "synonyms"}; "kind": "general" makes no question
    pairs: list[str] = []  # {"text_a", "text_b"}: answers, documents
    held_out: int = Field(default=512, ge=0)  # pairs of each kind kept back for validation
    maxlen: int = Field(default=64, ge=8)  # tokens of one sentence; a row holds up to twice as many
    noise: float = Field(default=0.5, ge=0, le=1)  # share of the rows whose source gets noise


class TrainSection(_Section):
    """Batches, losses and the optimiser."""

    batch_rows: int = Field(default=96, ge=4, multiple_of=2)  # rows; each pair gives two
    epochs: int = Field(default=10, ge=1)
    stop_after: int | None = Field(default=None, ge=1)  # epoch to end with, on the schedule of `epochs`
    steps_per_epoch: int = Field(default=1000, ge=1)
    learning_rate: float = Field(default=1e-5, gt=0)
    warmup_steps: int = Field(default=1000, ge=0)
    schedule: Literal["constant", "linear"] = "constant"  # after the warm-up; linear ends at 0
    beta_2: float = Field(default=0.999, gt=0, lt=1)  # of Adam's second moment
    weight_decay: float = Field(default=0.01, ge=0)  # not on biases and norms
    clip_norm: float | None = Field(default=1.0, gt=0)
    scale: float = Field(default=20.0, gt=0)  # of the in-batch softmax: 20 (v2), 30 (v1)
    generation_weight: float = Field(default=1.0, ge=0)
    similarity_weight: float = Field(default=1.0, ge=0)
    # Factor of the similarity loss on general sentences; setting it makes batches of one kind of pair.
    general_similarity_weight: float | None = Field(default=None, ge=0)
    dtype: Literal["float32", "mixed_bfloat16"] = "mixed_bfloat16"
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _check_steps(self) -> TrainSection:
        if self.general_similarity_weight is not None and self.steps_per_epoch % 2:
            raise ValueError("steps_per_epoch must be even where batches hold one kind of pair")
        return self

    @property
    def last_epoch(self) -> int:
        """The epoch a run ends with."""
        return min(self.epochs, self.stop_after or self.epochs)

    @property
    def kind_weights(self) -> tuple[float, float] | None:
        """Factors of the similarity loss on questions and general sentences; ``None`` for mixed batches."""
        weight = self.general_similarity_weight
        return None if weight is None else (1.0, weight)


class ReportSection(_Section):
    """What is shown at the end of each epoch."""

    samples: list[str] = ["广州和深圳哪个好？", "科学技术是第一生产力。"]
    tensorboard: bool = True


class Recipe(_Section):
    """One training run of stage 1 (RoFormer-Sim) or of SimBERT.

    Example:
        >>> recipe = Recipe.from_file("stage1.toml", ["train.epochs=3", "data.maxlen=32"])  # doctest: +SKIP
    """

    start: StartSection
    data: DataSection
    train: TrainSection = TrainSection()
    report: ReportSection = ReportSection()

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
            key = ".".join(str(part) for part in first["loc"])
            raise InputError(f"{path}: {key}: {first['msg']}") from None


def _override(values: dict[str, Any], override: str) -> None:
    """Set ``section.key=value`` in place; a value that is no TOML is taken as a string."""
    key, sign, text = override.partition("=")
    section, dot, name = key.strip().partition(".")
    if not sign or not dot or not name:
        raise InputError(f"--set {override!r}: expected section.key=value, for example train.epochs=3")
    try:
        value = tomllib.loads(f"value = {text.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    table = values.setdefault(section, {})
    *path, last = name.split(".")
    for part in path:
        table = table.setdefault(part, {}) if isinstance(table, dict) else table
    if not isinstance(table, dict):
        raise InputError(f"--set {override!r}: {key.strip().rpartition('.')[0]} is a value and has no keys")
    table[last] = value
