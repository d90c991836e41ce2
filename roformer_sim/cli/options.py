"""Options that several commands share, so that one name means one thing everywhere."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

# The name is repeated here because roformer_sim.model takes its time to import.
DEFAULT_PRESET = "roformer_sim_char_mini_zh"


class PoolingName(StrEnum):
    """The values of ``roformer_sim.models.Pooling``, without importing Keras."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"


class EncodingName(StrEnum):
    """The values of ``corpus_builder.readers.Encoding``."""

    UTF_8 = "utf-8"
    GB18030 = "gb18030"
    AUTO = "auto"


Model = Annotated[
    str,
    typer.Option(
        "--model", "-m", help="Shipped preset, preset folder, or bert4keras / Google checkpoint folder."
    ),
]
Texts = Annotated[
    list[str] | None,
    typer.Argument(metavar="TEXT", help="Sentences; without them, --input or stdin.", show_default=False),
]
Inputs = Annotated[
    list[Path] | None,
    typer.Option(
        "--input",
        "-i",
        metavar="FILE",
        help='File of one sentence a line, or .jsonl with a field "text"; .gz and .xz too. May be repeated.',
        show_default=False,
    ),
]
JsonLines = Annotated[bool, typer.Option("--jsonl", help="The input is JSON lines, whatever it is called.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
EncoderEngine = Annotated[
    str, typer.Option(help="What computes: auto, keras, native-float32 or native-int8.")
]
PoolingOption = Annotated[
    PoolingName | None,
    typer.Option(
        "--pooling",
        help="P1 last [CLS], P2 pooler, P3 mean of the last layer, P4 mean of first and last.",
        show_default="the model's own",
    ),
]
BatchSize = Annotated[int, typer.Option("--batch-size", min=1, help="Sentences a batch.")]
