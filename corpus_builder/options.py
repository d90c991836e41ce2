"""The command line's options that several commands share, each with its help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corpus_builder.run import OnError

Inputs = Annotated[
    list[str],
    typer.Argument(help="Files, folders, globs; also .gz, .zst, .xz.", show_default=False),
]
Output = Annotated[Path, typer.Option("--output", "-o", help="File to write (.gz, .zst, .xz compress).")]
Exclude = Annotated[
    list[str], typer.Option(help="Benchmark file or glob whose texts must not occur; may be repeated.")
]
ErrorMode = Annotated[
    OnError, typer.Option(help="A bad row: stop, or skip it and list it in a rejects file.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the summary as one line of JSON.")]
Source = Annotated[str, typer.Option(help="Name written into each row (default: that of the row or file).")]
MinChars = Annotated[int, typer.Option(min=1, help="Shorter sentences are left out.")]
MaxChars = Annotated[int, typer.Option(min=1, help="Longer sentences are left out.")]
Ratio = Annotated[
    float, typer.Option(min=1.0, help="Most that one text of a pair may be longer than the other.")
]
Partners = Annotated[int, typer.Option(min=1, help="Most pairs for one sentence, the most similar first.")]
Containment = Annotated[bool, typer.Option(help="Keep pairs of which one text contains the other.")]
SameNumbers = Annotated[bool, typer.Option(help="Drop pairs whose numbers or Latin words differ.")]
SameNegation = Annotated[bool, typer.Option(help="Drop pairs of which one denies and the other does not.")]
Substituted = Annotated[
    int,
    typer.Option(min=-1, help="Most content characters that stand in place of others; -1: any number."),
]
SubstitutedShare = Annotated[
    float,
    typer.Option(
        min=0.0, help="The same as a share of the shorter text's characters; the larger bound counts."
    ),
]
Threshold = Annotated[float, typer.Option(help="Least character Jaccard similarity, above 0, at most 1.")]
