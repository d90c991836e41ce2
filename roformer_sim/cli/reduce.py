"""``roformer-sim reduce``: a smaller network that begins as what is most of a larger one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from corpus_builder.errors import InputError
from roformer_sim.cli import options
from roformer_sim.cli.outputs import print_json
from roformer_sim.cli.preset_out import check_new_folder, load_model, save_model


def reduce(
    preset: Annotated[
        str, typer.Argument(metavar="PRESET", help="Shipped preset, preset folder, or checkpoint folder.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the new preset.", show_default=False)],
    layers: Annotated[
        str | None,
        typer.Option(
            metavar="N or I,J,...",
            help="How many blocks, evenly spaced with the first and the last, or which, counted from 0.",
            show_default="all",
        ),
    ] = None,
    hidden: Annotated[
        int | None, typer.Option(min=1, help="Width of the hidden states.", show_default="as it is")
    ] = None,
    heads: Annotated[
        int | None,
        typer.Option(min=1, help="Attention heads.", show_default="as wide as they are, if that fits"),
    ] = None,
    intermediate: Annotated[
        int | None,
        typer.Option(min=1, help="Inner units of a feed-forward layer.", show_default="in proportion"),
    ] = None,
    embedding: Annotated[
        int | None,
        typer.Option(min=1, help="Width of the embeddings.", show_default="as hidden, or as it is"),
    ] = None,
    texts: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXTS",
            help="Fit a narrower network to the original on the first 1,024 sentences of these. Text or "
            "JSON-lines file or glob; also .gz and .xz. May be repeated.",
            show_default=False,
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Make a smaller network of a larger one's weights: a start for distillation.

    \b
    roformer-sim reduce my_model small --layers 4
    roformer-sim reduce my_model small --layers 6 --hidden 384 --texts 'corpus/*.jsonl.gz'
    roformer-sim reduce my_model small --layers 0,3,7,11 --intermediate 1024 --json

    Blocks that are kept are kept bit for bit. A narrower network is a projection on one basis of the hidden
    states, and far nearer to the original with --texts. Its language-model head must be trained again.
    """
    check_new_folder(out)
    kept = _layers(layers)
    whole = load_model(preset)
    from roformer_sim.checkpoints.reduction import reduce_network

    reduced = reduce_network(
        whole,
        layers=kept,
        hidden_size=hidden,
        intermediate_size=intermediate,
        num_attention_heads=heads,
        embedding_size=embedding,
        texts=_sentences(texts) if texts else None,
    )
    save_model(out, reduced, lambda place: None)
    before, after = (sum(a.size for a in p.weights.values()) for p in (whole, reduced))
    facts: dict[str, Any] = {"output": str(out), "parameters_before": before, "parameters": after}
    facts |= reduced.metadata["reduced"]
    if as_json:
        print_json(facts)
        return
    print(
        f"{before:,} -> {after:,} parameters, blocks {', '.join(map(str, facts['layers']))}, written to {out}"
    )
    for name in ("hidden_size", "num_attention_heads", "intermediate_size", "embedding_size"):
        if facts["from"][name] != facts["to"][name]:
            print(f"  {name}: {facts['from'][name]} -> {facts['to'][name]}")
    if "kept_of_stream" in facts:
        print(
            f"  {facts['kept_of_stream']:.1%} of the hidden states' squares kept, "
            f"fitted on {facts['fitted_on_texts']:,} texts"
        )


def _layers(given: str | None) -> list[int] | int | None:
    if given is None:
        return None
    try:
        numbers = [int(part) for part in given.split(",")]
    except ValueError:
        raise InputError(f"--layers is {given!r}; give a number, or numbers such as 0,3,7,11") from None
    return numbers if "," in given else numbers[0]


def _sentences(inputs: list[str]) -> list[str]:
    from itertools import islice

    from corpus_builder.run import find_inputs
    from corpus_builder.sentences import training_sentences
    from roformer_sim.checkpoints.reduction.reduce import MOST_TEXTS

    return list(
        islice((text for text in training_sentences(find_inputs(inputs)) if text.strip()), MOST_TEXTS)
    )
