"""``roformer-sim similarity``: the cosine of two sentences."""

from __future__ import annotations

from typing import Annotated

import typer

from corpus_builder.errors import InputError
from roformer_sim.cli import options
from roformer_sim.cli.inputs import read_text_pairs
from roformer_sim.cli.outputs import print_json
from roformer_sim.cli.quiet import load_needed


def similarity(
    texts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT_A TEXT_B",
            help="Two sentences; without them, --input or stdin.",
            show_default=False,
        ),
    ] = None,
    model: options.Model = options.DEFAULT_PRESET,
    pooling: options.PoolingOption = None,
    engine: options.EncoderEngine = "auto",
    files: options.Inputs = None,
    jsonl: options.JsonLines = False,
    as_json: options.AsJson = False,
) -> None:
    """Print how similar two sentences are: the cosine of their vectors, between -1 and 1.

    \b
    roformer-sim similarity 怎么开通花呗 花呗如何开通
    roformer-sim similarity -i pairs.tsv --json
    printf '怎么开通花呗\\t花呗如何开通\\n' | roformer-sim similarity --pooling P2

    Files and stdin hold text_a<TAB>text_b (further columns and a header text_a<TAB>text_b are passed over)
    or, with .jsonl or --jsonl, {"text_a", "text_b"}. An empty sentence is an error.
    """
    if texts and len(texts) != 2:
        raise InputError(f"expected two sentences, found {len(texts)}")
    pairs = list(read_text_pairs((texts[0], texts[1]) if texts else None, files, jsonl=jsonl))
    if not pairs:
        raise InputError("the input holds no pair")
    load_needed(encoding=engine)
    from roformer_sim.model import RoFormerSim

    scores = RoFormerSim.from_preset(model).similarity(
        [pair.text_a for pair in pairs],
        [pair.text_b for pair in pairs],
        pooling=pooling and pooling.value,
        engine=engine,
    )
    for pair, score in zip(pairs, scores.tolist(), strict=True):
        if as_json:
            print_json({"text_a": pair.text_a, "text_b": pair.text_b, "similarity": round(score, 6)})
        else:
            print(f"{score:.4f}\t{pair.text_a}\t{pair.text_b}")
