"""``roformer-sim encode --input FILE --output FILE.npy``: a whole file, resumable, with progress."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus_builder.readers import Encoding
from roformer_sim.cli.outputs import print_json
from roformer_sim.cli.quiet import load_needed, say
from roformer_sim.cli.row_runs import model_settings, row_progress
from roformer_sim.cli.train import Interrupted

if TYPE_CHECKING:
    from roformer_sim.retrieval.encode_file import EncodingSummary, FileEncoding


@dataclass(frozen=True)
class FileOptions:
    """The options that belong to whole files."""

    field: str
    jsonl: bool
    encoding: Encoding
    block_size: int
    overwrite: bool
    restart: bool


def encode_files(
    files: Sequence[Path],
    output: Path,
    options: FileOptions,
    model: str,
    settings: Mapping[str, Any],
    as_json: bool,
) -> None:
    """Write the vectors of the files' sentences, and print what became of them.

    Args:
        settings: Of :meth:`RoFormerSim.encode`.

    Raises:
        InputError: See :class:`roformer_sim.retrieval.encode_file.FileEncoding`.
        Interrupted: Ctrl-C; the message says how to go on.
    """
    started = time.monotonic()
    with_keras = load_needed(encoding=settings["engine"])
    from roformer_sim.model import RoFormerSim
    from roformer_sim.retrieval.encode_file import EncodingPlan, FileEncoding, SentenceFiles
    from roformer_sim.retrieval.engines.choose import best_encoder
    from roformer_sim.retrieval.output_dtypes import OutputDtype

    dtype = OutputDtype.of(settings["output_dtype"])
    dtype.check(settings["normalize"])
    network = RoFormerSim.from_preset(model)
    how = {name: value for name, value in settings.items() if name != "output_dtype"}
    how["pooling"] = how["pooling"] or network.config.pooling
    if how["engine"] == "auto":
        how["engine"] = best_encoder(network.network).name
    plan = EncodingPlan(
        SentenceFiles(tuple(files), options.field, options.jsonl, options.encoding),
        output,
        network.config.hidden_size,
        dtype,
        options.block_size,
        {**how, **model_settings(model, with_keras)},
    )
    job = FileEncoding(plan, overwrite=options.overwrite, restart=options.restart)

    def count_too_long(texts: list[str]) -> int:
        return sum(found.truncated for found in network.tokenizer.encode_batch(texts, maxlen=how["maxlen"]))

    try:
        with job, row_progress("encoding") as on_progress, warnings.catch_warnings():
            # They are counted instead: of a million rows, a warning a block is no information.
            warnings.filterwarnings("ignore", message=r".*\bcut to \d+ tokens")
            summary = job.run(
                lambda texts: network.encode(texts, **how),
                count_too_long=count_too_long,
                on_progress=on_progress,
            )
    except KeyboardInterrupt:
        raise Interrupted(_where_it_stands(job)) from None
    _report(plan.output, summary, dtype.value, plan.dimensions, how["maxlen"], as_json)
    if not as_json:
        seconds = time.monotonic() - started
        again = f", {summary.resumed_at:,} of them by an earlier run" if summary.resumed_at else ""
        print(f"{seconds:,.1f} seconds{again}")


def _where_it_stands(job: FileEncoding) -> str:
    done, total = job.progress
    if not done:
        return "interrupted; no block of sentences was complete; the same command begins anew"
    return f"interrupted; {done:,} of {total:,} sentences are kept; the same command goes on behind them"


def _report(
    output: Path, summary: EncodingSummary, dtype: str, dimensions: int, maxlen: int, as_json: bool
) -> None:
    if summary.empty:
        say(
            f"{summary.empty:,} empty of {summary.rows:,} sentences, first: {summary.first_empty}; "
            "encoded as [CLS] [SEP]"
        )
    if summary.too_long:
        say(f"{summary.too_long:,} of {summary.rows:,} texts cut to {maxlen} tokens (--maxlen)")
    report_file(output, summary.rows, dimensions, dtype, as_json)


def report_file(output: Path, rows: int, dimensions: int, dtype: str, as_json: bool) -> None:
    """Say what was written."""
    if as_json:
        print_json({"file": str(output), "rows": rows, "dimensions": dimensions, "dtype": dtype})
    else:
        kind = "" if dtype == "float32" else f" as {dtype}"
        print(f"{rows:,} vectors of {dimensions} numbers written to {output}{kind}")
