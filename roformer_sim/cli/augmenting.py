"""``roformer-sim synonyms --input FILE --output FILE``: a whole file, resumable, with progress."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus_builder.readers import Encoding
from roformer_sim.cli.outputs import print_json
from roformer_sim.cli.quiet import load_needed, say
from roformer_sim.cli.row_runs import model_settings, row_progress
from roformer_sim.cli.train import Interrupted

if TYPE_CHECKING:
    from roformer_sim.generation import Synonym
    from roformer_sim.generation.augment import Augmentation, Summary
    from roformer_sim.model import RoFormerSim


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
    with_keras = load_needed(generating=sampling["engine"])
    from roformer_sim.generation.augment import Augmentation, Plan

    _check_sampling(sampling)

    settings = {
        "n": n,
        "k": k,
        "mask_idxs": list(mask_idxs),
        **sampling,
        **model_settings(model, with_keras),
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
        with job, row_progress("synonyms") as on_progress, warnings.catch_warnings():
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
    Selection(None, **{name: others.pop(name) for name in Selection._fields if name in others}).check()
    GenerationOptions.of(**others)


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
