"""Options that several commands share, each with its help."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from corpus_builder.cli.option_groups import OptionGroup
from corpus_builder.errors import InputError
from corpus_builder.run import OnError

Inputs = Annotated[
    list[str],
    typer.Argument(help="Files, folders or globs; also .gz, .zst, .xz and .parquet.", show_default=False),
]
Output = Annotated[
    Path,
    typer.Option(
        "--output", "-o", help="File (.jsonl, also .gz, .zst, .xz), or a folder for shards and a manifest."
    ),
]
Threshold = Annotated[float, typer.Option(help="Least similarity, above 0, at most 1.")]
Source = Annotated[str, typer.Option(help="Name written into each row (default: that of the row or file).")]


class VariantName(StrEnum):
    """The values of ``corpus_builder.similarity.Variant``."""

    SET = "set"
    MULTISET = "multiset"
    BIGRAM = "bigram"


Variant = Annotated[
    VariantName,
    typer.Option(help="What is compared: characters, characters with repeats, characters and bigrams."),
]


class EncodingName(StrEnum):
    """The values of ``corpus_builder.readers.lines.Encoding``."""

    UTF_8 = "utf-8"
    GB18030 = "gb18030"
    AUTO = "auto"


@dataclass
class Reading(OptionGroup):
    """How inputs are read, and what is left out."""

    exclude: Annotated[
        list[str], typer.Option(help="Benchmark file or glob whose texts must not occur; may be repeated.")
    ] = field(default_factory=list)
    on_error: Annotated[
        OnError, typer.Option(help="A bad row: stop, or skip it and list it in a rejects file.")
    ] = OnError.RAISE
    encoding: Annotated[
        EncodingName, typer.Option(help="Of text files; auto decides for each file from its beginning.")
    ] = EncodingName.UTF_8
    field_names: Annotated[
        list[str],
        typer.Option(
            "--field", metavar="OURS=THEIRS", help="A column's name in these files; may be repeated."
        ),
    ] = field(default_factory=list)

    @property
    def fields(self) -> dict[str, str]:
        """Our names to the files'."""
        pairs = [name.partition("=") for name in self.field_names]
        for ours, sign, theirs in pairs:
            if not (ours and sign and theirs):
                raise InputError(
                    f"--field {ours}{sign}{theirs}: expected OURS=THEIRS, for instance question=title"
                )
        return {ours: theirs for ours, _, theirs in pairs}


@dataclass
class Working(OptionGroup):
    """How the work is done and reported."""

    processes: Annotated[int, typer.Option(min=0, help="Worker processes; 0: one for each core.")] = 0
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Mine the first 1,000 rows, say what came of them, write nothing."),
    ] = False
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one line of JSON.")] = False


class EngineName(StrEnum):
    """What a mining run works on."""

    LOCAL = "local"
    SPARK = "spark"


@dataclass
class Engine(OptionGroup):
    """Where the work is done."""

    engine: Annotated[
        EngineName, typer.Option(help="All cores of this machine, or Spark (extra: pyspark).")
    ] = EngineName.LOCAL
    master: Annotated[
        str, typer.Option(help="Spark's master, such as local[4] or yarn; default: that of the environment.")
    ] = ""


@dataclass
class Lengths(OptionGroup):
    """Which sentences are worth comparing."""

    min_chars: Annotated[int, typer.Option(min=1, help="Shorter sentences are left out.")] = 5
    max_chars: Annotated[int, typer.Option(min=1, help="Longer sentences are left out.")] = 64
    min_chinese: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Least share of Chinese among letters and digits.")
    ] = 0.5
    simplified: Annotated[
        bool, typer.Option("--simplified", help="Compare traditional characters as simplified ones (OpenCC).")
    ] = False


@dataclass
class PairGuards(Lengths):
    """Which pairs are worth keeping."""

    max_length_ratio: Annotated[
        float, typer.Option(min=1.0, help="Most that one text of a pair may be longer than the other.")
    ] = 2.0
    allow_containment: Annotated[
        bool, typer.Option(help="Keep pairs of which one text contains the other.")
    ] = False
    same_numbers: Annotated[bool, typer.Option(help="Drop pairs whose numbers or Latin words differ.")] = True
    same_negation: Annotated[
        bool, typer.Option(help="Drop pairs of which one denies and the other does not.")
    ] = True
    max_substituted: Annotated[
        int, typer.Option(min=-1, help="Most content characters in place of others; -1: any number.")
    ] = 1
    substituted_share: Annotated[
        float, typer.Option(min=0.0, help="The same as a share of the shorter text; the larger bound counts.")
    ] = 0.0


@dataclass
class MinerGuards(PairGuards):
    """The same, with a bound on partners."""

    max_partners: Annotated[
        int, typer.Option(min=0, help="Most pairs for one sentence, the most similar first; 0: no limit.")
    ] = 3


@dataclass
class GroupGuards(Lengths):
    """Which members of a group are kept, and which are kept together."""

    min_chars: Annotated[int, typer.Option(min=1, help="Shorter sentences are left out.")] = 4
    near_identical: Annotated[
        float, typer.Option(help="Similarity from which a member is left out as a mere copy; 0: keep all.")
    ] = 0.95
    max_length_ratio: Annotated[
        float, typer.Option(help="Groups are split so that no text is so many times longer; 0: any length.")
    ] = 2.0
    same_numbers: Annotated[
        bool, typer.Option(help="Split groups whose members differ in numbers or Latin words.")
    ] = False
    same_negation: Annotated[
        bool, typer.Option(help="Split groups of which some members deny and others do not.")
    ] = False
