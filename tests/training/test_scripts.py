"""The training scripts hand their arguments to the recipes; ``--explain`` shows what would run."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
START = "roformer_sim_char_mini_zh"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A corpus as script 01 writes it, tables, triples, texts and a teacher."""
    folder = tmp_path_factory.mktemp("scripts files")
    groups = {"text": "怎么借钱", "synonyms": ["如何借钱"]}
    pairs = {"text_a": "今天天气真好。", "text_b": "今天的天气真好！"}
    for name, row in (("groups", groups), ("answers", pairs), ("documents", pairs)):
        with gzip.open(folder / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    (folder / "texts.txt").write_text("怎么借钱\n如何借钱\n今天天气真好。\n", encoding="utf-8")
    for name in ("sts.tsv", "graded.tsv", "nli.tsv", "triples.tsv"):
        (folder / name).write_text("text_a\ttext_b\tlabel\n", encoding="utf-8")
    (folder / "teacher.py").write_text(
        "def lengths(texts):\n    return [[len(text), 1.0] for text in texts]\n", encoding="utf-8"
    )
    return folder


def explain(files, script, *arguments, **environment):
    """What the script prints with ``--explain``."""
    root = str(SCRIPTS.parent)
    variables = {**os.environ, "PYTHON": sys.executable, "PYTHONPATH": f"{root}:{files}", **environment}
    done = subprocess.run(
        ["bash", str(SCRIPTS / script), *map(str, arguments), "--explain"],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "MISSING" not in done.stdout
    return done.stdout


def test_pretraining_builds_the_vocabulary_of_its_texts(files, tmp_path):
    said = explain(files, "00_pretrain.sh", tmp_path / "run", files / "texts.txt")
    assert f"vocabulary {tmp_path / 'run' / 'vocab.txt'}" in said
    assert "1 x mlm" in said and "1 x generation" in said
    assert "借" in (tmp_path / "run" / "vocab.txt").read_text("utf-8")


@pytest.mark.parametrize("recipe", ["stage1", "simbert", "rdrop", "stage1_mini_cls", "stage1_mini"])
def test_stage_1_simbert_and_rdrop_take_a_corpus_and_a_start(files, recipe, tmp_path):
    said = explain(files, "02_train_stage1.sh", files, tmp_path / "run", recipe, START=START)
    assert f"the preset {START}" in said and "1 x in_batch" in said
    assert ("documents.jsonl.gz" in said) == (recipe != "simbert")
    assert ("x rdrop" in said) == (recipe == "rdrop")


def test_a_recipe_that_goes_on_says_so_where_it_has_no_start(files, tmp_path):
    command = ["bash", str(SCRIPTS / "02_train_stage1.sh"), str(files), str(tmp_path), "stage1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "stage1 goes on from a preset: START=PRESET" in done.stderr


def test_distillation_fills_the_cache_of_its_teacher(files, tmp_path):
    run = tmp_path / "run"
    said = explain(files, "05_distil.sh", files, run, "python:teacher:lengths", START)
    assert f"teacher cache:{run / 'teacher'}" in said and "100 x distillation" in said
    assert json.loads((run / "teacher" / "manifest.json").read_text("utf-8"))["count"] == 4


@pytest.mark.parametrize(("recipe", "term"), [("supervised", "sbert"), ("cosent", "cosent")])
def test_labelled_tables_keep_their_ranges(files, recipe, term, tmp_path):
    said = explain(
        files,
        "06_supervised.sh",
        tmp_path / "run",
        START,
        recipe,
        files / "sts.tsv",
        f"{files / 'graded.tsv'}:5",
        "--nli",
        files / "nli.tsv",
        "--set",
        "train.epochs=2",
    )
    assert f"1 x {term}" in said and f"nli: {files / 'nli.tsv'}" in said
    assert "max = 1.0 }" in said and "max = 5.0 }" in said and "train.epochs = 2" in said


@pytest.mark.parametrize(("recipe", "file"), [("simcse_unsup", "texts.txt"), ("simcse_sup", "triples.tsv")])
def test_simcse_takes_texts_or_triples(files, recipe, file, tmp_path):
    said = explain(files, "07_simcse.sh", tmp_path / "run", START, recipe, files / file)
    assert f"{files / file}\n" in said and "1 x simcse" in said


@pytest.mark.parametrize("script", ["00_pretrain.sh", "05_distil.sh", "06_supervised.sh", "07_simcse.sh"])
def test_too_few_arguments_show_the_usage(script):
    done = subprocess.run(["bash", str(SCRIPTS / script), "x"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and f"scripts/{script} " in done.stderr
