"""``roformer-sim encode``: sentences to vectors."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from corpus_builder.errors import InputError
from roformer_sim.cli import options
from roformer_sim.cli.inputs import Sentence, read_sentences
from roformer_sim.cli.outputs import array_file, print_json
from roformer_sim.cli.quiet import load_needed, say

if TYPE_CHECKING:
    import numpy as np


def encode(
    texts: options.Texts = None,
    model: options.Model = options.DEFAULT_PRESET,
    pooling: options.PoolingOption = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE.npy", help="Write float32 (n, d) here.", show_default=False
        ),
    ] = None,
    normalize: Annotated[bool, typer.Option(help="Scale to length 1, so that a product is a cosine.")] = True,
    maxlen: Annotated[int, typer.Option(min=3, help="Most tokens of a sentence; longer ones are cut.")] = 256,
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, help="Sentences a batch.", show_default="what the engine is fast with"),
    ] = None,
    engine: options.EncoderEngine = "auto",
    files: options.Inputs = None,
    jsonl: options.JsonLines = False,
    as_json: options.AsJson = False,
) -> None:
    """Encode each TEXT as a vector.

    \b
    roformer-sim encode 怎么开通花呗 花呗如何开通
    roformer-sim encode -i sentences.txt.gz -o vectors.npy --pooling P2
    cat sentences.txt | roformer-sim encode --json > vectors.jsonl

    Row i is line i of the input. An empty line keeps its row (the vector of "[CLS] [SEP]") and is warned of.
    --json gives {"text", "vector"}, with --output {"file", "rows", "dimensions"}; without both, each vector
    is a line of numbers.
    """
    if output is not None and output.suffix != ".npy":
        raise InputError(f"--output {output}: expected a name that ends in .npy")
    sentences = list(read_sentences(texts, files, jsonl=jsonl))
    _tell_of_empty(sentences)
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(array_file(output)) if output is not None else None
        load_needed(model, encoding=engine)
        import numpy as np

        from roformer_sim.model import RoFormerSim

        vectors = RoFormerSim.from_preset(model).encode(
            [sentence.text for sentence in sentences],
            pooling=pooling and pooling.value,
            normalize=normalize,
            batch_size=batch_size or "auto",
            maxlen=maxlen,
            engine=engine,
        )
        if file is not None:
            np.save(file, vectors, allow_pickle=False)
    if output is None:
        _print(sentences, vectors, as_json)
    elif as_json:
        print_json({"file": str(output), "rows": len(vectors), "dimensions": vectors.shape[1]})
    else:
        print(f"{len(vectors):,} vectors of {vectors.shape[1]} numbers written to {output}")


def _print(sentences: list[Sentence], vectors: np.ndarray, as_json: bool) -> None:
    for sentence, vector in zip(sentences, vectors.tolist(), strict=True):
        # Nine digits tell any two float32 numbers apart.
        numbers = [float(f"{value:.9g}") for value in vector]
        if as_json:
            print(json.dumps({"text": sentence.text, "vector": numbers}, ensure_ascii=False))
        else:
            print(" ".join(map(str, numbers)))


def _tell_of_empty(sentences: list[Sentence]) -> None:
    empty = [sentence.where for sentence in sentences if not sentence.text.strip()]
    if empty:
        say(f"{len(empty)} empty of {len(sentences)} sentences, first: {empty[0]}; encoded as [CLS] [SEP]")
