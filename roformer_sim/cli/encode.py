"""``roformer-sim encode``: sentences to vectors."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from corpus_builder.errors import InputError
from corpus_builder.readers import Encoding
from roformer_sim.cli import options
from roformer_sim.cli.encoding_files import FileOptions, encode_files, report_file
from roformer_sim.cli.inputs import Sentence, read_sentences
from roformer_sim.cli.outputs import array_file
from roformer_sim.cli.quiet import load_needed, say

if TYPE_CHECKING:
    import numpy as np


class DtypeName(StrEnum):
    """The values of ``roformer_sim.retrieval.OutputDtype``, without importing NumPy."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    INT8 = "int8"
    BINARY = "binary"


def encode(
    texts: options.Texts = None,
    model: options.Model = options.DEFAULT_PRESET,
    pooling: options.PoolingOption = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE.npy", help="Write an array (n, d) here.", show_default=False
        ),
    ] = None,
    normalize: Annotated[bool, typer.Option(help="Scale to length 1, so that a product is a cosine.")] = True,
    maxlen: Annotated[int, typer.Option(min=3, help="Most tokens of a sentence; longer ones are cut.")] = 256,
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, help="Sentences a batch.", show_default="what the engine is fast with"),
    ] = None,
    engine: options.EncoderEngine = "auto",
    dtype: Annotated[
        DtypeName,
        typer.Option(help="Of the vectors: int8 keeps directions, binary the signs, eight to a byte."),
    ] = DtypeName.FLOAT32,
    files: options.Inputs = None,
    field: Annotated[
        str, typer.Option(help="The field of JSON lines or the column of a table that holds the sentence.")
    ] = "text",
    encoding: Annotated[
        options.EncodingName, typer.Option(help="Files: of the input; auto decides by its beginning.")
    ] = options.EncodingName.UTF_8,
    jsonl: options.JsonLines = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an output that is there.")] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Files: throw away what an unfinished run did.")
    ] = False,
    block_size: Annotated[
        int, typer.Option(min=1, help="Files: sentences between two writes; what a killed run loses.")
    ] = 2048,
    as_json: options.AsJson = False,
) -> None:
    """Encode each TEXT as a vector.

    \b
    roformer-sim encode 怎么开通花呗 花呗如何开通
    roformer-sim encode -i questions.txt.gz -o vectors.npy --pooling P2
    roformer-sim encode -i faq.csv --field question -o vectors.npy --dtype float16
    cat sentences.txt | roformer-sim encode --json > vectors.jsonl

    Row i is sentence i of the input. An empty one keeps its row (the vector of "[CLS] [SEP]") and is warned
    of. --json gives {"text", "vector"}, with --output {"file", "rows", "dimensions", "dtype"}; without both,
    each vector is a line of numbers.

    Files are read as their endings say (.jsonl, .csv, .tsv, else a sentence a line; also .gz, .xz, .zst).
    With --input and --output they may be larger than the memory, and a run that was interrupted or killed
    goes on when the same command is given again. docs/encoding.md says how to compare vectors of each dtype.
    """
    settings = {
        "pooling": pooling and pooling.value,
        "normalize": normalize,
        "batch_size": batch_size or "auto",
        "maxlen": maxlen,
        "engine": engine,
        "output_dtype": dtype.value,
    }
    if texts and files:
        raise InputError("give TEXT or --input, not both")
    if output is not None and output.suffix != ".npy":
        raise InputError(f"--output {output}: expected a name that ends in .npy")
    if files and output is not None:
        for_files = FileOptions(field, jsonl, encoding.value, block_size, overwrite, restart)
        encode_files(files, output, for_files, model, settings, as_json)
        return
    if output is not None and output.is_file() and not overwrite:
        raise InputError(f"{output}: is there already; --overwrite replaces it")
    sentences = list(_sentences(texts, files, field, jsonl, encoding.value))
    _tell_of_empty(sentences)
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(array_file(output)) if output is not None else None
        vectors = _encoded(model, [sentence.text for sentence in sentences], settings)
        if file is not None:
            import numpy as np

            np.save(file, vectors[0], allow_pickle=False)
    if output is None:
        _print(sentences, vectors[0], as_json)
    else:
        report_file(output, len(sentences), vectors[1], dtype.value, as_json)


def _sentences(
    texts: list[str] | None, files: list[Path] | None, field: str, jsonl: bool, encoding: Encoding
) -> Iterator[Sentence]:
    if not files:
        yield from read_sentences(texts, None, jsonl=jsonl, field=field)
        return
    from roformer_sim.retrieval.encode_file import SentenceFiles

    for text, path, line in SentenceFiles(tuple(files), field, jsonl, encoding).sentences():
        yield Sentence(text, f"{path}, line {line}")


def _encoded(model: str, texts: list[str], settings: Mapping[str, Any]) -> tuple[np.ndarray, int]:
    """The vectors, and of how many numbers they are."""
    load_needed(encoding=settings["engine"])
    from roformer_sim.model import RoFormerSim

    network = RoFormerSim.from_preset(model)
    return network.encode(texts, **settings), network.config.hidden_size


def _print(sentences: list[Sentence], vectors: np.ndarray, as_json: bool) -> None:
    for sentence, vector in zip(sentences, vectors.tolist(), strict=True):
        # Nine digits tell any two float32 numbers apart.
        numbers = [value if isinstance(value, int) else float(f"{value:.9g}") for value in vector]
        if as_json:
            print(json.dumps({"text": sentence.text, "vector": numbers}, ensure_ascii=False))
        else:
            print(" ".join(map(str, numbers)))


def _tell_of_empty(sentences: list[Sentence]) -> None:
    empty = [sentence.where for sentence in sentences if not sentence.text.strip()]
    if empty:
        say(f"{len(empty)} empty of {len(sentences)} sentences, first: {empty[0]}; encoded as [CLS] [SEP]")
