"""What a study compares: sources, thresholds, sample sizes, labelled pairs. A typed TOML file."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from corpus_builder.errors import InputError
from corpus_builder.rules import Rules
from corpus_builder.similarity import VARIANTS, Variant

Kind = Literal["answers", "documents", "questions"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Model):
    """A source and how it is mined, its threshold aside.

    Attributes:
        name: ASCII, for file names and the plot.
        kind: the miner: ``answers``, ``documents`` or ``questions`` (of documents).
        path: the file, below the data folder.
        window, max_documents, max_group, merge_questions: see the miners.
        max_rows: read the first rows only; 0: all. All pairs of a source's questions at 0.3 are a lot.
        rules: fields of :class:`corpus_builder.rules.Rules`.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    kind: Kind
    path: str
    window: int = Field(default=1, ge=1)
    max_documents: int = Field(default=5, ge=0)
    max_group: int = Field(default=8, ge=2)
    merge_questions: bool = False
    max_rows: int = Field(default=0, ge=0)
    rules: dict[str, bool | int | float] = Field(default_factory=dict)

    @field_validator("rules")
    @classmethod
    def _known_rules(cls, rules: dict[str, Any]) -> dict[str, Any]:
        known = [field.name for field in dataclasses.fields(Rules)]
        if unknown := [name for name in rules if name not in known]:
            raise ValueError(f"{unknown[0]!r} is none of {', '.join(known)}")
        return rules

    def pair_rules(self) -> Rules:
        """The guards of this source."""
        return Rules(**self.rules)  # type: ignore[arg-type]


class Labelled(_Model):
    """An STS table whose pairs at ``min_label`` or above mean the same; never a file of an evaluation."""

    path: str
    min_label: float


class Judge(_Model):
    """A teacher and how many pairs it sees.

    Attributes:
        teacher: a name of :data:`corpus_builder.study.teachers.TEACHERS`.
        sample: pairs of each source, variant and band of similarity.
        labelled_sample: pairs of each labelled table.
    """

    teacher: str
    sample: int = Field(default=400, ge=1)
    labelled_sample: int = Field(default=3000, ge=10)


class Plan(_Model):
    """A study.

    Attributes:
        source, labelled, judge: see :class:`Source`, :class:`Labelled`, :class:`Judge`; the first judge
            decides, further ones stand beside it.
        variants: of :func:`corpus_builder.similarity.jaccard`.
        lowest, highest, step: the thresholds.
        level, band_level: estimated share of good pairs, as a whole and at the edge, at which a threshold is
            suggested; see :func:`corpus_builder.study.quality.suggest`.
        exclude: files or globs below the data folder whose texts are neither mined nor used as labels.
        seed: of all samples.
    """

    source: tuple[Source, ...] = Field(min_length=1)
    labelled: tuple[Labelled, ...] = Field(min_length=1)
    judge: tuple[Judge, ...] = Field(min_length=1)
    variants: tuple[Variant, ...] = VARIANTS
    lowest: float = Field(default=0.3, gt=0, le=1)
    highest: float = Field(default=0.9, gt=0, le=1)
    step: float = Field(default=0.05, gt=0)
    level: float = Field(default=0.8, gt=0, le=1)
    band_level: float = Field(default=0.5, gt=0, le=1)
    exclude: tuple[str, ...] = ()
    seed: int = 0

    @model_validator(mode="after")
    def _consistent(self) -> Plan:
        names = [source.name for source in self.source]
        if len(set(names)) < len(names):
            raise ValueError("two sources have the same name")
        if self.highest < self.lowest:
            raise ValueError("highest is below lowest")
        return self

    @property
    def paths(self) -> list[str]:
        """All files of the plan below the data folder, each once."""
        paths = [source.path for source in self.source] + [table.path for table in self.labelled]
        return list(dict.fromkeys(paths))

    @property
    def thresholds(self) -> list[float]:
        """From ``lowest`` to ``highest``, in decimal steps: 0.3, 0.35 and not 0.35000000000000003."""
        count = round((self.highest - self.lowest) / self.step)
        return [round(self.lowest + n * self.step, 6) for n in range(count + 1)]


def read_plan(path: str | Path) -> Plan:
    """The plan in a TOML file; keys that there are not are refused.

    Raises:
        InputError: the file cannot be read, is no TOML, or a key or value is wrong.
    """
    path = Path(path)
    try:
        return Plan.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the plan"
        raise InputError(f"{path}, {where}: {first['msg']}") from error
    except ValueError as error:
        raise InputError(f"{path}: no TOML in UTF-8 ({error})") from error
