"""``roformer-sim convert``: to the formats of other tools and from them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from corpus_builder.errors import InputError
from roformer_sim.cli import options
from roformer_sim.cli.outputs import print_json
from roformer_sim.cli.quiet import load_keras

if TYPE_CHECKING:
    from roformer_sim.conversion.convert import Side


def convert(
    source: Annotated[
        str, typer.Argument(metavar="SRC", help="Preset name or folder of any kind.", show_default=False)
    ],
    target: Annotated[Path, typer.Argument(metavar="DST", help="Folder to write.", show_default=False)],
    to: Annotated[str, typer.Option("--to", metavar="FORMAT", help="See below.", show_default=False)],
    texts: Annotated[
        Path | None,
        typer.Option(help="Text file, one sentence a line, that both sides are run on.", show_default=False),
    ] = None,
    check: Annotated[bool, typer.Option(help="Run both sides and compare.")] = True,
    model_type: Annotated[
        str | None,
        typer.Option(help="roformer or bert, where a checkpoint does not tell.", show_default=False),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Convert a model, and check the result by running the other tool on it.

    \b
    roformer-sim convert chinese_simbert_L-12_H-768_A-12 simbert --to preset
    roformer-sim convert roformer_sim_char_mini_zh out --to preset --json

    \b
    FORMAT:
    {formats}

    Where the two sides differ by more than rounding, nothing is written.
    """
    if to in ("saved-model", "bert4keras"):  # TensorFlow writes them; all else needs no Keras here
        load_keras()
    from roformer_sim.conversion.convert import convert as convert_folder
    from roformer_sim.conversion.outputs import TEXTS

    if model_type not in (None, "roformer", "bert"):
        raise InputError(f"--model-type is roformer or bert, not {model_type}")
    done = convert_folder(
        source,
        target,
        to,
        texts=_lines(texts) if texts else TEXTS,
        check=check,
        model_type=model_type,  # type: ignore[arg-type]
    )
    if as_json:
        print_json(asdict(done))
        return
    can = (
        "encodes and generates" if done.has_lm_head else "encodes, does not generate (no language-model head)"
    )
    print(f"{target}: {done.target.format}, {can}{'' if done.has_pooler else ', no pooler (P2)'}")
    for side in (done.source, done.target):
        print(_line(side, done.samples))


def _line(side: Side, samples: int) -> str:
    if side.differences is None:
        return f"  {side.format}: not run"
    found = ", ".join(f"{kind} {value:.1e}" for kind, value in side.differences.items())
    return f"  {side.format}, largest difference on {samples} texts: {found} ({side.tolerance:.0e} allowed)"


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    return [line for line in lines if line.strip()]


def _list_of_formats() -> str:
    from roformer_sim.conversion.formats import FORMATS

    shown = [format_ for format_ in FORMATS.values() if format_.writes]
    return "\n    ".join(f"{format_.name:22}{format_.title}" for format_ in shown)


convert.__doc__ = (convert.__doc__ or "").replace("{formats}", _list_of_formats())
