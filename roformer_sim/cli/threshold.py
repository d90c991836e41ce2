"""``roformer-sim threshold``: which cosine means the same?"""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from corpus_builder.errors import InputError
from roformer_sim.cli import options
from roformer_sim.cli.outputs import print_json, refuse_folder
from roformer_sim.cli.searching import encoder_of, whitening_called

if TYPE_CHECKING:
    from corpus_builder.rows import StsRow
    from roformer_sim.evaluation.threshold import ThresholdReport


class MethodName(StrEnum):
    """How probabilities are fitted."""

    ISOTONIC = "isotonic"
    PLATT = "platt"


def threshold(
    inputs: Annotated[
        list[str],
        typer.Option(
            "--input",
            "-i",
            metavar="FILE",
            help="Labelled pairs text_a, text_b, label: TSV or CSV with a header, JSON lines, Parquet; also "
            "compressed. May be repeated.",
            show_default=False,
        ),
    ],
    model: options.Model = options.DEFAULT_PRESET,
    pooling: options.PoolingOption = None,
    whiten: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="A whitening, or preset for the preset's own.", show_default="none"
        ),
    ] = None,
    same: Annotated[
        float | None,
        typer.Option(
            help="Labels from here on mean the same.", show_default="above half of the largest label"
        ),
    ] = None,
    precision: Annotated[
        list[float] | None,
        typer.Option(help="Wanted precision. May be repeated.", show_default="0.9"),
    ] = None,
    method: Annotated[MethodName, typer.Option(help="Of the probabilities.")] = MethodName.ISOTONIC,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Draw the precision-recall curve.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE.json", help="Also write the JSON here.", show_default=False
        ),
    ] = None,
    maxlen: Annotated[int, typer.Option(min=3, help="Most tokens of a sentence; longer ones are cut.")] = 256,
    as_json: options.AsJson = False,
) -> None:
    """Find the cosine from which two sentences count as the same, from labelled pairs.

    \b
    roformer-sim threshold -i pairs.tsv --plot curve.png
    roformer-sim threshold -i pairs.jsonl --precision 0.9 --precision 0.99 -o threshold.json
    roformer-sim threshold -i sts.tsv --same 3 --method platt --json

    Gives the threshold of the best F1, the one that reaches each wanted precision, and the probability of the
    same meaning as a function of the cosine. Thresholds belong to this model, pooling and kind of text.
    """
    for path in (plot, output):
        if path is not None:
            refuse_folder(path)
    rows, labels = _read(inputs, same)
    chosen = None if pooling is None else pooling.value
    encoder = encoder_of(model, chosen, maxlen, whitening_called(whiten, model, chosen))
    import numpy as np

    from roformer_sim.evaluation.threshold import find_thresholds

    texts = list(dict.fromkeys(text for row in rows for text in (row.text_a, row.text_b)))
    place = {text: i for i, text in enumerate(texts)}
    vectors = encoder(texts)
    a, b = (
        [place[text] for text in side] for side in zip(*((r.text_a, r.text_b) for r in rows), strict=True)
    )
    scores = np.clip(np.einsum("nd,nd->n", vectors[a], vectors[b]), -1, 1)
    kind: Literal["isotonic", "platt"] = "platt" if method is MethodName.PLATT else "isotonic"
    report = find_thresholds(scores, labels, precisions=tuple(precision or [0.9]), method=kind)
    _write(report, encoder.described(), plot, output, as_json)


def _read(inputs: list[str], same: float | None) -> tuple[list[StsRow], list[bool]]:
    from corpus_builder.readers import STS, read_rows

    rows = []
    for path, line, row in read_rows(inputs, STS):
        if not row.text_a.strip() or not row.text_b.strip():
            raise InputError(f"{path}, line {line}: a sentence is empty")
        rows.append(row)
    if not rows:
        raise InputError(f"{', '.join(inputs)}: holds no pair")
    labels = [row.label for row in rows]
    if min(labels) == max(labels):
        raise InputError(
            f"all {len(labels)} labels are {labels[0]:g}: a threshold needs pairs that mean the same and "
            "pairs that do not"
        )
    if same is not None:
        return rows, [label >= same for label in labels]
    return rows, [label > max(labels) / 2 for label in labels]


def _write(
    report: ThresholdReport,
    encoder: dict[str, str | int | bool | None],
    plot: Path | None,
    output: Path | None,
    as_json: bool,
) -> None:
    values = {**report.to_dict(), "encoder": encoder}
    if plot is not None:
        from roformer_sim.evaluation.threshold_plot import plot_thresholds

        plot_thresholds(report, plot, f"{encoder['name']}, {encoder['pooling']}: {report.pairs:,} pairs")
    if output is not None:
        from corpus_builder.writers import AtomicWriter

        with AtomicWriter(output) as out:
            out.write_line(json.dumps(values, ensure_ascii=False, indent=2))
    if as_json:
        print_json(values)
        return
    print(f"{report.pairs:,} pairs, {report.same:,} of them the same")
    _print_line("best F1", report.best.to_dict())
    for wanted, found in report.targets.items():
        if found is None:
            print(f"precision {wanted:g}: no threshold reaches it")
        else:
            _print_line(f"precision {wanted:g}", found.to_dict())
    print(
        f"F1 on pairs held out {report.held_out_f1:.4f}, Brier score of the probabilities {report.brier:.4f}"
    )


def _print_line(name: str, values: dict[str, float]) -> None:
    print(
        f"{name}: cosine {values['threshold']:.4f}, precision {values['precision']:.4f}, "
        f"recall {values['recall']:.4f}, F1 {values['f1']:.4f}"
    )
