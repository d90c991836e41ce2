"""Every recipe in a short run on real data, and the experiment that compares SimCSE's term with R-Drop's.

    python -m benchmarks.recipes DATA CORPUS OUT [--only NAME ...] [--experiment] [--jobs 2] [--json]

DATA holds ``sts`` and ``nli`` (docs/recipes.md says which files), CORPUS is what
``scripts/01_build_corpus.sh`` wrote, OUT/teacher a cache that ``roformer-sim teacher-cache use``
made of it; OUT receives a run folder each. A run takes some minutes on one core and goes on where
it was stopped. Prints, for each, its terms at the first and the last rows of ``metrics.csv`` and
Spearman x 100 of the valid splits before and after, on the same 1,000 rows of each table.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

PRESET = "roformer_sim_char_mini_zh"
TABLES = ("ATEC", "BQ", "LCQMC", "PAWSX", "STS-B")
SMALL = {
    "hidden_size": 192,
    "num_hidden_layers": 4,
    "num_attention_heads": 3,
    "intermediate_size": 768,
    "hidden_act": "relu",
    "attention_probs_dropout_prob": 0.0,
    "pooling": "P3",
}
ARMS: dict[str, dict[str, Any]] = {
    "generation": {},
    "generation + R-Drop": {"rdrop": {"weight": 2.0}},
    "generation + SimCSE": {"simcse": {"weight": 1.0}},
}
SEEDS = (0, 1, 2)


def changes(name: str, data: Path, corpus: Path, out: Path) -> dict[str, Any]:
    """What a short run changes in the shipped recipe; None takes a key away."""
    groups = [str(corpus / "groups.jsonl.gz")]
    pairs = [str(corpus / "answers.jsonl.gz"), str(corpus / "documents.jsonl.gz")]
    texts = [str(corpus / "texts.txt.gz")]
    new = {"preset": None, "dropout": None, "vocab": str(_vocabulary())}
    pretrained, shipped = {"preset": str(out / "pretrain" / "best"), "dropout": 0.1}, {"preset": PRESET}
    similar = {"groups": groups, "pairs": pairs}
    tables = [
        str(data / "sts" / "ATEC" / "train.tsv"),
        str(data / "sts" / "BQ" / "train_like_from_ATEC_CCKS.tsv"),
        {"path": str(data / "sts" / "STS-B" / "train.tsv"), "max": 5.0},
    ]
    nli = [str(data / "nli" / "OCNLI" / "train_10k.tsv.gz")]

    def train(rows: int, steps: int, rate: float, **more: Any) -> dict[str, Any]:
        given = {"batch_rows": rows, "steps_per_epoch": steps, "learning_rate": rate}
        return {"epochs": 3, "warmup_steps": 60, "schedule": "linear", **given, **more}

    made: dict[str, dict[str, Any]] = {
        "pretrain": {"start": new, "data": {"texts": texts}, "train": train(64, 150, 1e-3)},
        "simbert": {
            "start": {**new, "config": {**SMALL, "model_type": "bert"}},
            "data": {"groups": groups},
            "train": train(64, 130, 1e-3),
        },
        "stage1": {"start": pretrained, "data": {**similar, "maxlen": 48}, "train": train(64, 130, 7e-4)},
        "rdrop": {"start": pretrained, "data": {**similar, "maxlen": 48}, "train": train(64, 130, 7e-4)},
        "stage2": {
            "start": shipped,
            "data": {**similar, "maxlen": 48},
            "objectives": {"distillation": {"teacher": f"cache:{out / 'teacher'}"}},
            "train": train(64, 130, 3e-4),
        },
        "supervised": {
            "start": shipped,
            "data": {"sts": tables, "nli": nli},
            "train": train(128, 300, 2e-4),
        },
        "cosent": {"start": shipped, "data": {"sts": tables, "nli": nli}, "train": train(64, 200, 2e-4)},
        "simcse_unsup": {"start": shipped, "data": {"texts": texts}, "train": train(128, 150, 1e-4)},
        "simcse_sup": {
            "start": shipped,
            "data": {"triples": [str(data / "nli" / "triples" / "train.tsv.gz")]},
            "train": train(192, 80, 1e-4),
        },
    }
    return made[name]


RECIPES = (
    *("pretrain", "simbert", "stage1", "rdrop", "stage2"),
    *("supervised", "cosent", "simcse_unsup", "simcse_sup"),
)


def experiment(arm: str, seed: int, corpus: Path, out: Path) -> dict[str, Any]:
    """Stage 1's pairs, every row twice, without the in-batch term: what does one more term do?"""
    pairs = [str(corpus / "answers.jsonl.gz"), str(corpus / "documents.jsonl.gz")]
    return {
        "start": {"preset": str(out / "pretrain" / "best"), "dropout": 0.1},
        "data": {"groups": [str(corpus / "groups.jsonl.gz")], "pairs": pairs, "maxlen": 48, "copies": 2},
        "objectives": {"in_batch": None, "rdrop": None, **ARMS[arm]},
        "train": {
            "batch_rows": 64,
            "epochs": 2,
            "steps_per_epoch": 200,
            "learning_rate": 7e-4,
            "warmup_steps": 60,
            "schedule": "linear",
            "seed": seed,
        },
    }


def run(recipe: str, changed: dict[str, Any], data: Path, folder: Path) -> None:
    """Train by a shipped recipe with changes, in this process."""
    from roformer_sim.cli.quiet import load_keras
    from roformer_sim.cli.train import find_recipe
    from roformer_sim.cli.train import run as train
    from roformer_sim.training.recipe import Recipe

    valid = [str(data / "sts" / name / "valid.tsv") for name in TABLES]
    values = tomllib.loads(find_recipe(recipe).read_text("utf-8"))
    _change(values, {"data": {"exclude": valid, "held_out": 256}, "train": {"dtype": "float32"}})
    _change(values, {"watch": {"sts": valid, "samples": [], "tensorboard": False, "every": 20}})
    _change(values, changed)
    load_keras()
    train(Recipe(**values), folder)


def _change(values: dict[str, Any], changed: dict[str, Any]) -> None:
    for key, value in changed.items():
        if isinstance(value, dict) and isinstance(values.get(key), dict):
            _change(values[key], value)
        elif value is None:
            values.pop(key, None)
        else:
            values[key] = value


def _vocabulary() -> Path:
    from roformer_sim.checkpoints import resolve_preset

    return Path(resolve_preset(PRESET)) / "vocab.txt"


def summary(folder: Path) -> dict[str, Any]:
    """First and last figures of a run, and its minutes."""
    from roformer_sim.training.watching.metrics_file import read_metrics

    rows = read_metrics(folder / "metrics.csv")
    figures: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.items():
            figures.setdefault(name, []).append(value)
    kept = {
        name: [round(values[0], 4), round(values[-1], 4)]
        for name, values in figures.items()
        if name.endswith(("loss", "accuracy")) or name.startswith(("sts_", "alignment", "uniformity"))
    }
    return {"minutes": round(rows[-1]["seconds"] / 60, 1), "steps": int(rows[-1]["step"]), **kept}


def main() -> None:
    """Run what was asked for, each in a process of its own with one thread."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for place in ("data", "corpus", "out"):
        parser.add_argument(place, type=Path)
    parser.add_argument("--only", action="append", choices=RECIPES, help="this recipe; may be repeated")
    parser.add_argument("--experiment", action="store_true", help="the three arms instead of the recipes")
    parser.add_argument("--jobs", type=int, default=2, help="runs at the same time, one core each")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    asked.data, asked.corpus, asked.out = (p.resolve() for p in (asked.data, asked.corpus, asked.out))
    if asked.run:
        _run_one(asked)
        return
    names = [f"{arm}, seed {seed}" for seed in SEEDS for arm in ARMS]
    if not asked.experiment:
        names = [name for name in RECIPES if name in (asked.only or RECIPES)]
    with ThreadPoolExecutor(asked.jobs) as pool:
        list(pool.map(lambda name: _start(name, asked), names))
    found = {name: summary(asked.out / _folder(name)) for name in names}
    if asked.json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
        return
    for name, figures in found.items():
        print(name)
        for key, value in figures.items():
            print(f"  {key}: {f'{value[0]:g} -> {value[1]:g}' if isinstance(value, list) else value}")


def _run_one(asked: argparse.Namespace) -> None:
    arm, comma, seed = asked.run.partition(", seed ")
    folder = asked.out / _folder(asked.run)
    if comma:
        run("rdrop", experiment(arm, int(seed), asked.corpus, asked.out), asked.data, folder)
    else:
        run(asked.run, changes(asked.run, asked.data, asked.corpus, asked.out), asked.data, folder)


def _start(name: str, asked: argparse.Namespace) -> None:
    asked.out.mkdir(parents=True, exist_ok=True)
    places = [str(asked.data), str(asked.corpus), str(asked.out)]
    threads = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with (asked.out / f"{_folder(name)}.log").open("w", encoding="utf-8") as log:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.recipes", *places, "--run", name],
            env={**os.environ, **threads},
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    print(f"{name}: {'done' if not done.returncode else f'failed, see {log.name}'}", file=sys.stderr)


def _folder(name: str) -> str:
    return name.replace(" + ", "-").replace(", seed ", "-").replace(" ", "-").lower()


if __name__ == "__main__":
    main()
