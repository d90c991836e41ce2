"""``roformer-sim index``: build, add, delete, search, info."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from corpus_builder.errors import InputError
from roformer_sim.cli import options
from roformer_sim.cli.inputs import read_sentences
from roformer_sim.cli.outputs import line_writer, print_json
from roformer_sim.cli.searching import counted, encoder_of, open_index, whitening_called

if TYPE_CHECKING:
    from roformer_sim.search import Hit, IndexRow, SentenceIndex

index = typer.Typer(
    name="index", help="Find sentences by meaning.", add_completion=False, rich_markup_mode=None
)

_TOGETHER = 256


class KindName(StrEnum):
    """The values of ``roformer_sim.search.Kind``, without importing FAISS."""

    AUTO = "auto"
    FLAT = "flat"
    IVF = "ivf"
    HNSW = "hnsw"


Folder = Annotated[Path, typer.Argument(metavar="INDEX", help="Folder of the index.", show_default=False)]
Files = Annotated[
    list[str],
    typer.Option(
        "--input",
        "-i",
        metavar="FILE",
        help="JSON lines, CSV, TSV, Parquet, or text of one sentence a line; file, folder or glob, also "
        "compressed. May be repeated.",
        show_default=False,
    ),
]
Column = Annotated[str, typer.Option(help="Field or column of the sentence.")]
IdColumn = Annotated[
    str | None, typer.Option(help="Field or column of the id.", show_default="rows are numbered")
]
CharacterSet = Annotated[options.EncodingName, typer.Option("--encoding", help="Of text files.")]
OtherModel = Annotated[
    str | None,
    typer.Option("--model", "-m", help="Where the index's preset is now.", show_default="where it was"),
]


@index.callback()
def _index() -> None:
    """Find sentences by meaning."""


@index.command()
def build(
    folder: Folder,
    inputs: Files,
    model: options.Model = options.DEFAULT_PRESET,
    pooling: options.PoolingOption = None,
    whiten: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Whitening of the vectors: a file of `whiten fit`, or preset for the preset's own.",
            show_default="none",
        ),
    ] = None,
    column: Column = "text",
    id_column: IdColumn = None,
    encoding: CharacterSet = options.EncodingName.UTF_8,
    kind: Annotated[
        KindName,
        typer.Option(help="auto: flat up to 20,000 sentences, hnsw up to 4 million, ivf beyond."),
    ] = KindName.AUTO,
    maxlen: Annotated[int, typer.Option(min=3, help="Most tokens of a sentence; longer ones are cut.")] = 256,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an index that stands there.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Encode the sentences of files and write an index of them.

    \b
    roformer-sim index build faq -i questions.txt
    roformer-sim index build faq -i faq.csv --column 问题 --id-column 编号 --pooling P4
    roformer-sim index build faq -i 'corpus/*.jsonl.gz' --whiten whitening.safetensors --kind hnsw

    Files are streamed. Killed, the same command goes on behind the last 4,096 sentences that were encoded;
    the index appears when it is whole.
    """
    started = time.monotonic()
    chosen = None if pooling is None else pooling.value
    whitening = whitening_called(whiten, model, chosen)
    encoder = encoder_of(model, chosen, maxlen, whitening)
    from roformer_sim.search import SentenceIndex

    with counted("encoded") as on_progress:
        made = SentenceIndex.build(
            folder,
            encoder,
            _rows(inputs, column, id_column, encoding),
            kind=None if kind is KindName.AUTO else kind.value,
            overwrite=overwrite,
            on_progress=on_progress,
        )
    _report(made, as_json, seconds=round(time.monotonic() - started, 1))


@index.command()
def add(
    folder: Folder,
    inputs: Files,
    model: OtherModel = None,
    column: Column = "text",
    id_column: IdColumn = None,
    encoding: CharacterSet = options.EncodingName.UTF_8,
    as_json: options.AsJson = False,
) -> None:
    """Add the sentences of files to an index; all of them or, where one is refused, none.

    \b
    roformer-sim index add faq -i more.txt
    roformer-sim index add faq -i more.csv --column 问题 --id-column 编号
    """
    opened = open_index(folder, model)
    count = opened.add(_rows(inputs, column, id_column, encoding))
    opened.save()
    _report(opened, as_json, added=count)


@index.command()
def delete(
    folder: Folder,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Of the rows.", show_default=False)
    ] = None,
    files: Annotated[
        list[Path] | None,
        typer.Option("--input", "-i", metavar="FILE", help="An id a line.", show_default=False),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Delete sentences by their ids; all of them or, where one is unknown, none.

    \b
    roformer-sim index delete faq 17 18
    roformer-sim index delete faq -i ids.txt
    """
    wanted = [row.text for row in read_sentences(ids, files) if row.text.strip()]
    from roformer_sim.search import SentenceIndex

    opened = SentenceIndex.load(folder)
    count = opened.delete(wanted)
    opened.save()
    _report(opened, as_json, deleted_now=count)


@index.command()
def search(
    folder: Folder,
    texts: options.Texts = None,
    k: Annotated[int, typer.Option("-k", min=1, help="Sentences found for each.")] = 10,
    model: OtherModel = None,
    files: options.Inputs = None,
    jsonl: options.JsonLines = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write here.", show_default="standard output"),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Find the sentences of an index that mean most nearly the same.

    \b
    roformer-sim index search faq 花呗如何开通 -k 3
    roformer-sim index search faq                         asks for one text after the other (at a terminal)
    roformer-sim index search faq -i questions.txt -o found.jsonl --json

    A line is cosine, id and sentence, below the text that was asked for. --json gives a text a line:
    {"text", "hits": [{"id", "text", "score"}]}.
    """
    if not texts and not files and sys.stdin.isatty():
        _prompt(open_index(folder, model), k, as_json)
        return
    sentences = read_sentences(texts, files, jsonl=jsonl)
    with line_writer(output) as write:
        opened = open_index(folder, model)
        while block := list(islice(sentences, _TOGETHER)):
            for row in block:
                if not row.text.strip():
                    raise InputError(f"{row.where}: is empty")
            for row, hits in zip(block, opened.search([row.text for row in block], k), strict=True):
                _show(row.text, hits, as_json, write)


@index.command()
def info(
    folder: Folder,
    recall: Annotated[
        bool, typer.Option("--recall", help="Also measure recall@k against comparing with every vector.")
    ] = False,
    queries: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Questions to measure it with, one a line. May be repeated.",
            show_default="500 sentences of the index, which flatter hnsw",
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1)] = 10,
    model: OtherModel = None,
    as_json: options.AsJson = False,
) -> None:
    """Check an index and say what it is.

    \b
    roformer-sim index info faq
    roformer-sim index info faq --recall --queries questions.txt
    """
    from roformer_sim.search import SentenceIndex

    if not recall:
        if queries:
            raise InputError("--queries measures recall: give --recall too")
        _report(SentenceIndex.load(folder), as_json)
        return
    if queries:
        opened = open_index(folder, model)
        texts = [row.text for row in read_sentences(None, queries) if row.text.strip()]
        measured = opened.recall(k, opened.encode(texts))
    else:
        opened = SentenceIndex.load(folder)
        measured = opened.recall(k)
    _report(opened, as_json, **{f"recall@{k}": round(measured, 4)})


def _rows(
    inputs: list[str], column: str, id_column: str | None, encoding: options.EncodingName
) -> Iterator[IndexRow]:
    from roformer_sim.search.inputs import read_index_rows

    return read_index_rows(inputs, column=column, id_column=id_column, encoding=encoding.value)


def _prompt(opened: SentenceIndex, k: int, as_json: bool) -> None:
    """Ask until an empty line, Ctrl-D or Ctrl-C."""
    print(f"{len(opened):,} sentences; an empty line ends", file=sys.stderr)
    while True:
        try:
            text = input("> ").strip()
        except (EOFError, KeyboardInterrupt):
            print(file=sys.stderr)
            return
        if not text:
            return
        _show(text, opened.search([text], k)[0], as_json, lambda line: print(line, flush=True), ask=False)


def _show(
    text: str, hits: list[Hit], as_json: bool, write: Callable[[str], None], *, ask: bool = True
) -> None:
    if as_json:
        import json

        found = [{"id": hit.id, "text": hit.text, "score": round(hit.score, 6)} for hit in hits]
        write(json.dumps({"text": text, "hits": found}, ensure_ascii=False))
        return
    if ask:
        write(text)
    for hit in hits:
        write(f"  {hit.score:.4f}\t{hit.id}\t{hit.text}")


def _report(opened: SentenceIndex, as_json: bool, **more: float) -> None:
    values = {
        "index": str(opened.folder),
        "sentences": len(opened),
        "dimensions": opened.manifest.dimension,
        "kind": opened.kind.value,
        "effort": opened.manifest.effort,
        "recall@10 when built": opened.manifest.recall,
        **{key: value for key, value in opened.manifest.encoder.items() if value not in (None, "")},
        "bytes": opened.bytes_on_disk,
        **more,
    }
    if as_json:
        print_json(values)
        return
    for name, value in values.items():
        if value is not None:
            print(f"{name:>20}  {f'{value:,}' if type(value) is int else value}")
