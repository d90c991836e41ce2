"""``roformer-sim synonyms --input FILE --output FILE``: a whole file, resumable, with progress."""

from __future__ import annotations

import hashlib
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus_builder.readers import Encoding
from roformer_sim import __version__
from roformer_sim.cli.outputs import print_json
from roformer_sim.cli.quiet import load_needed, say
from roformer_sim.cli.train import Interrupted

if TYPE_CHECKING:
    from roformer_sim.generation import Synonym
    from roformer_sim.generation.augment import Augmentation, Summary
    from roformer_sim.model import RoFormerSim

_RATE_SECONDS = 600.0  # a block of a large model takes minutes, and two of them give a rate


@dataclass(frozen=True)
class FileOptions:
    """The options that belong to whole files."""

    column: str
    encoding: Encoding
    explode: bool
    scores: bool
    block_size: int
    skip_bad: bool
    overwrite: bool
    restart: bool


def augment_files(
    files: Sequence[Path],
    output: Path,
    options: FileOptions,
    *,
    model: str,
    n: int,
    k: int,
    mask_idxs: Sequence[int],
    seed: int,
    sampling: Mapping[str, Any],
    jsonl: bool,
    as_json: bool,
) -> None:
    """Write the variants of the files' texts, and print what became of the rows.

    Raises:
        InputError: See :class:`roformer_sim.generation.augment.Augmentation`.
        Interrupted: Ctrl-C; the message says how to go on.
    """
    started = time.monotonic()
    with_keras = load_needed(model, generating=sampling["engine"])
    from roformer_sim.generation.augment import Augmentation, Plan

    _check_sampling(sampling)

    settings = {
        "n": n,
        "k": k,
        "mask_idxs": list(mask_idxs),
        **sampling,
        **_model_settings(model, with_keras),
    }
    plan = Plan(
        inputs=tuple(files),
        output=output,
        column=options.column,
        jsonl=jsonl,
        encoding=options.encoding,
        explode=options.explode,
        scores=options.scores,
        seed=seed,
        block_size=options.block_size,
        skip_bad=options.skip_bad,
        settings=settings,
    )
    job = Augmentation(plan, overwrite=options.overwrite, restart=options.restart)
    _tell_of_lost_columns(job)
    try:
        with job, _progress() as on_progress, warnings.catch_warnings():
            # They are counted instead: of a million rows, a warning each is no information.
            warnings.filterwarnings("ignore", message=r".*\bcut to \d+ tokens")
            network, maxlen = _load(model), sampling["maxlen"]
            summary = job.run(
                _generate(network, n, k, mask_idxs, sampling),
                is_too_long=lambda text: network.tokenizer.encode(text, maxlen=maxlen).truncated,
                on_progress=on_progress,
            )
    except KeyboardInterrupt:
        raise Interrupted(_where_it_stands(job)) from None
    _report(summary, sampling["maxlen"], time.monotonic() - started, as_json)


def _load(model: str) -> RoFormerSim:
    from roformer_sim.model import RoFormerSim

    return RoFormerSim.from_preset(model)


def _generate(
    network: RoFormerSim, n: int, k: int, mask_idxs: Sequence[int], sampling: Mapping[str, Any]
) -> Callable[[list[str], list[int]], list[list[Synonym]]]:
    def generate(texts: list[str], seeds: list[int]) -> list[list[Synonym]]:
        return network.gen_synonyms_batch(texts, n, k, mask_idxs, seed=seeds, **sampling)

    return generate


def _check_sampling(sampling: Mapping[str, Any]) -> None:
    """What is wrong with every row is no matter of a row, and must not make rejects of them all."""
    from roformer_sim.generation import GenerationOptions, Selection

    others = dict(sampling)
    for name in ("mask", "engine"):
        others.pop(name)
    Selection(None, others.pop("min_similarity"), others.pop("diversity")).check()
    GenerationOptions.of(**others)


def _model_settings(model: str, with_keras: bool) -> dict[str, str]:
    """What the variants depend on besides the options: the model's files, the program, Keras's backend if
    Keras computes."""
    from roformer_sim.checkpoints import resolve_preset

    digest = hashlib.sha256()
    for path in sorted(resolve_preset(model).iterdir()):
        if path.is_file() and path.suffix != ".md":
            with path.open("rb") as file:
                digest.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return {
        "model (sha256 of its files)": digest.hexdigest()[:16],
        "version": __version__,
        "backend": _backend() if with_keras else "none",
    }


def _backend() -> str:
    import keras

    return str(keras.backend.backend())


def _tell_of_lost_columns(job: Augmentation) -> None:
    from corpus_builder.readers import Format

    plan = job.plan
    if job.layout.form is Format.TEXT and any(
        job.source.format_of(p) is not Format.TEXT for p in plan.inputs
    ):
        say(f"{plan.output}: plain text has no columns; of the input only the text is kept")


def _where_it_stands(job: Augmentation) -> str:
    done, total = job.progress
    if not done:
        return "interrupted; no block of rows was complete; the same command begins anew"
    return f"interrupted; {done:,} of {total:,} rows are kept; the same command goes on behind them"


def _report(summary: Summary, maxlen: int, seconds: float, as_json: bool) -> None:
    if as_json:
        rejects = None if summary.rejects is None else str(summary.rejects)
        values = {**vars(summary), "output": str(summary.output), "rejects": rejects}
        print_json({**values, "seconds": round(seconds, 2)})
        return
    lines = [(summary.rows, "rows read")]
    if summary.resumed_at:
        lines.append((summary.resumed_at, "of them by an earlier run"))
    lines.append((summary.variants, "variants written"))
    if summary.without_variants:
        lines.append((summary.without_variants, "rows without one: only the text itself was drawn"))
    if summary.too_long:
        reason = f"texts longer than {maxlen} tokens: variants were made of what fits (--maxlen)"
        lines.append((summary.too_long, reason))
    if summary.rejected:
        lines.append((summary.rejected, f"rows rejected, listed in {summary.rejects}"))
    for count, what in lines:
        print(f"{count:>12,}  {what}")
    print(f"{seconds:>12,.1f}  seconds; written to {summary.output}")


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar with the rows a second and the time left, on standard error; nothing if that is no terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("synonyms"),
        BarColumn(20),
        TextColumn("{task.percentage:>3.0f}% {task.completed:,.0f} of {task.total:,.0f} rows"),
        _rate_column(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, speed_estimate_period=_RATE_SECONDS) as bar:
        tasks: list[Any] = []

        def on_progress(done: int, total: int) -> None:
            if tasks:
                bar.update(tasks[0], completed=done)
            else:  # what an earlier run did says nothing about the pace of this one
                tasks.append(bar.add_task("", total=total, completed=done))
                bar.update(tasks[0], advance=0)

        yield on_progress


def _rate_column() -> Any:
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text("" if task.speed is None else f"{task.speed:,.3g} rows/s")

    return Rate()
