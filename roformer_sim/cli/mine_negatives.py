"""``roformer-sim mine-negatives``: hard negatives of pairs, as triples for training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from corpus_builder.errors import InputError
from roformer_sim.cli import options
from roformer_sim.cli.outputs import print_json, refuse_folder
from roformer_sim.cli.searching import counted, open_index

if TYPE_CHECKING:
    from corpus_builder.readers import Format
    from roformer_sim.retrieval.hard_negatives import Anchor, HardTriple


class ShapeName(StrEnum):
    """What the rows of the input are."""

    PAIRS = "pairs"
    GROUPS = "groups"


class SamplingName(StrEnum):
    """Which of the candidates that pass are taken."""

    TOP = "top"
    RANDOM = "random"


def mine_negatives(
    inputs: Annotated[
        list[str],
        typer.Option(
            "--input",
            "-i",
            metavar="FILE",
            help="Anchors with what means the same; JSON lines, TSV, CSV, also compressed. May be repeated.",
            show_default=False,
        ),
    ],
    index: Annotated[
        Path,
        typer.Option(
            metavar="INDEX", help="Where negatives come from: see `index build`.", show_default=False
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Triples: .tsv or .jsonl, also compressed.",
            show_default=False,
        ),
    ],
    shape: Annotated[
        ShapeName, typer.Option(help='pairs {"text_a", "text_b"} or groups {"text", "synonyms"}.')
    ] = ShapeName.PAIRS,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Where the index's preset is.", show_default="as built"),
    ] = None,
    ranks: Annotated[str, typer.Option(metavar="FIRST-LAST", help="Window of ranks, from 1.")] = "1-50",
    relative_margin: Annotated[
        float, typer.Option(help="A negative's cosine is at most the positive's times 1 less this.")
    ] = 0.05,
    absolute_margin: Annotated[
        float | None, typer.Option(help="It is at most the positive's less this.", show_default="none")
    ] = None,
    max_score: Annotated[float | None, typer.Option(help="Largest cosine.", show_default="none")] = None,
    min_score: Annotated[float | None, typer.Option(help="Smallest cosine.", show_default="none")] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            help="Second encoder that drops false negatives: a name as in docs/teachers.md.",
            show_default="none",
        ),
    ] = None,
    teacher_margin: Annotated[
        float, typer.Option(help="Its cosine of a negative is at most that of the positive less this.")
    ] = 0.0,
    count: Annotated[int, typer.Option("-n", min=1, help="Negatives for each pair.")] = 1,
    sampling: Annotated[
        SamplingName, typer.Option(help="The nearest that pass, or drawn from them.")
    ] = SamplingName.TOP,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    as_json: options.AsJson = False,
) -> None:
    """Find sentences that look like an anchor and do not mean the same, for training with triples.

    \b
    roformer-sim mine-negatives -i pairs.jsonl --index faq -o triples.tsv
    roformer-sim mine-negatives -i groups.jsonl.gz --shape groups --index faq -o triples.jsonl.gz \\
        --ranks 5-100 --relative-margin 0.1 --teacher use -n 2

    The rows anchor, positive, negative are those of data.rows = "triples" in a recipe.
    """
    refuse_folder(output)
    form = _format(output)
    first, last = _ranks(ranks)
    chosen: Literal["top", "random"] = "random" if sampling is SamplingName.RANDOM else "top"
    opened = open_index(index, model)
    from roformer_sim.retrieval.hard_negatives import HardNegativeMiner, NegativeRules

    rules = NegativeRules(
        first_rank=first,
        last_rank=last,
        relative_margin=relative_margin,
        absolute_margin=absolute_margin,
        max_score=max_score,
        min_score=min_score,
        teacher_margin=teacher_margin,
        count=count,
        sampling=chosen,
        seed=seed,
    )
    second = None
    if teacher is not None:
        from roformer_sim.teachers import load_teacher

        second = load_teacher(teacher)
    miner = HardNegativeMiner(opened, rules, second)
    with counted("pairs") as on_progress:
        _write(miner.mine(_anchors(inputs, shape)), output, form, lambda: on_progress(miner.counts.pairs))
    if as_json:
        print_json({**vars(miner.counts), "output": str(output)})
        return
    for name, value in vars(miner.counts).items():
        print(f"{value:>12,}  {name.replace('_', ' ')}")
    print(f"written to {output}")


def _ranks(ranks: str) -> tuple[int, int]:
    first, _, last = ranks.partition("-")
    try:
        return int(first), int(last)
    except ValueError:
        raise InputError(f"--ranks {ranks}: expected FIRST-LAST, as in 1-50") from None


def _anchors(inputs: list[str], shape: ShapeName) -> Iterator[Anchor]:
    from corpus_builder.readers import GROUPS, PAIRS, read_rows
    from roformer_sim.retrieval.hard_negatives import Anchor

    if shape is ShapeName.GROUPS:
        for _, _, group in read_rows(inputs, GROUPS):
            if group.synonyms:
                yield Anchor(group.text, group.synonyms)
        return
    # Pairs of one anchor belong together wherever they stand: what one says is the same is no negative.
    found: dict[str, list[str]] = {}
    for path, line, pair in read_rows(inputs, PAIRS):
        if not pair.text_a.strip() or not pair.text_b.strip():
            raise InputError(f"{path}, line {line}: a sentence is empty")
        found.setdefault(pair.text_a, []).append(pair.text_b)
    for anchor, positives in found.items():
        yield Anchor(anchor, tuple(dict.fromkeys(positives)))


def _format(output: Path) -> Format:
    from corpus_builder.readers import Format, format_of

    form = format_of(output)
    if form not in (Format.TSV, Format.JSONL):
        raise InputError(f"--output {output}: expected a name that ends in .tsv or .jsonl (.gz, .zst, .xz)")
    return form


def _write(triples: Iterator[HardTriple], output: Path, form: Format, on_triple: Callable[[], None]) -> None:
    from corpus_builder.readers import Format
    from corpus_builder.writers import AtomicWriter

    with AtomicWriter(output) as out:
        if form is Format.TSV:
            out.write_line("anchor\tpositive\tnegative")
        for triple in triples:
            on_triple()
            texts = (triple.anchor, triple.positive, triple.negative)
            if form is Format.JSONL:
                out.write_row(dict(zip(("anchor", "positive", "negative"), texts, strict=True)))
                continue
            if any(mark in text for text in texts for mark in "\t\r\n"):
                raise InputError(f"{output}: {texts} hold a tab or line end, which TSV cannot; write .jsonl")
            out.write_line("\t".join(texts))
