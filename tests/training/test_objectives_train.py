"""Every objective trains a tiny network through the whole trainer: its loss falls, its preset loads."""

from __future__ import annotations

import numpy as np
import pytest

from roformer_sim import InputError, RoFormerSim
from roformer_sim.teachers.axes import write_axes
from roformer_sim.training.recipe import Recipe
from roformer_sim.training.run_folder import RunFolder
from roformer_sim.training.running import Helpers
from roformer_sim.training.trainer import train

pytestmark = pytest.mark.usefixtures("no_curves")
LINES = [
    "广州和深圳哪个好",
    "怎么开通花呗",
    "今天下雨吗",
    "苹果手机多少钱",
    "去公园怎么走",
    "北京天气好吗",
    "怎么还款",
    "怎么借钱",
    "上海城市大吗",
    "学习中文难吗",
    "科学技术是第一生产力",
    "明天出门买书",
]


def teacher(texts):
    """Vectors by the characters of a text."""
    return np.array([np.bincount([ord(c) % 16 for c in text], minlength=16) for text in texts], np.float32)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Texts, an STS table, an NLI table and triples."""
    folder = tmp_path_factory.mktemp("files")

    def write(name, header, rows):
        lines = ["\t".join(map(str, row)) for row in ([header] if header else []) + rows]
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return str(folder / name)

    write_axes(folder / "axes.safetensors", np.random.default_rng(0).standard_normal((16, 32)), {})
    pairs = list(zip(LINES, LINES[1:] + LINES[:1], strict=True))
    classes = ("entailment", "neutral", "contradiction")
    return {
        "axes": str(folder / "axes.safetensors"),
        "texts": write("texts.txt", None, [(line,) for line in LINES]),
        "sts": write(
            "sts.tsv",
            ("text_a", "text_b", "label"),
            [(a, a + "吗", 1) for a, _ in pairs] + [(a, b, 0) for a, b in pairs],
        ),
        "nli": write(
            "nli.tsv",
            ("text_a", "text_b", "label"),
            [(a, b, classes[i % 3]) for i, (a, b) in enumerate(pairs)],
        ),
        "triples": write(
            "triples.tsv", ("anchor", "positive", "negative"), [(a, a + "吗", "不" + a) for a, _ in pairs]
        ),
    }


def cases(files, corpus):
    similar = {
        "rows": "similar",
        "groups": [str(corpus / "groups.jsonl")],
        "pairs": [str(corpus / "pairs.jsonl")],
        "held_out": 4,
        "maxlen": 16,
    }
    labelled = {"rows": "labelled", "sts": [files["sts"]], "nli": [files["nli"]], "held_out": 4, "maxlen": 16}
    return {
        "pretraining": (
            {"rows": "texts", "texts": [files["texts"]], "held_out": 4, "maxlen": 16},
            {"generation": {}, "mlm": {}},
            4,
        ),
        "distillation, R-Drop and SimCSE beside generation": (
            {**similar, "copies": 2},
            {"generation": {}, "rdrop": {}, "simcse": {}, "distillation": {"teacher": "characters"}},
            8,
        ),
        "a teacher's axes, for sentences that stand alone, too": (
            {**similar, "sentences": [files["texts"]]},
            {
                "generation": {},
                "in_batch": {},
                "distillation": {"teacher": "characters"},
                "regression": {"axes": files["axes"]},
            },
            8,
        ),
        "classes of two tasks": (labelled, {"sbert": {}}, 8),
        "CoSENT": (labelled, {"cosent": {}}, 8),
        "SimCSE on triples": (
            {"rows": "triples", "triples": [files["triples"]], "held_out": 4, "maxlen": 16},
            {"simcse": {}},
            12,
        ),
    }


NAMES = (
    "pretraining",
    "distillation, R-Drop and SimCSE beside generation",
    "a teacher's axes, for sentences that stand alone, too",
    "classes of two tasks",
    "CoSENT",
    "SimCSE on triples",
)


@pytest.mark.parametrize("name", NAMES)
def test_an_objective_trains(name, files, corpus, tiny_recipe, tmp_path):
    data, objectives, rows = cases(files, corpus)[name]
    recipe = tiny_recipe(data=data, objectives=objectives, batch_rows=rows, steps_per_epoch=10)
    best = train(recipe, tmp_path / "run", Helpers(open_teacher=lambda spec, texts: teacher))
    history = RunFolder(tmp_path / "run").read_state().history
    assert all(np.isfinite(list(entry.values())).all() for entry in history)
    assert min(entry["loss"] for entry in history[1:]) < history[0]["loss"]
    shown = {key for key in history[0] if key.endswith("_loss") and not key.startswith("val_")}
    assert len(shown) == len(objectives)
    assert RoFormerSim.from_preset(best).encode("怎么借钱").shape == (32,)


def test_a_classifier_goes_on_after_a_stop_as_if_there_had_been_none(files, corpus, tiny_recipe, tmp_path):
    data, objectives, rows = cases(files, corpus)["classes of two tasks"]

    def recipe(**more) -> Recipe:
        return tiny_recipe(data=data, objectives=objectives, batch_rows=rows, steps_per_epoch=4, **more)

    train(recipe(epochs=2), tmp_path / "whole")
    train(recipe(epochs=2, stop_after=1), tmp_path / "parts")
    train(recipe(epochs=2), tmp_path / "parts")
    whole, parts = (RunFolder(tmp_path / name).read_state().history for name in ("whole", "parts"))
    assert whole == parts


def test_a_teacher_is_told_every_sentence_before_the_first_step(files, corpus, tiny_recipe, tmp_path):
    data, objectives, rows = cases(files, corpus)["distillation, R-Drop and SimCSE beside generation"]

    def refuses(spec, texts):
        assert spec == "characters" and {"怎么借钱", "今天天气真好。"} <= set(texts)
        raise InputError("cache: lacks 3 sentences")

    recipe = tiny_recipe(data=data, objectives=objectives, batch_rows=rows)
    with pytest.raises(InputError, match="lacks 3 sentences"):
        train(recipe, tmp_path / "run", Helpers(open_teacher=refuses))
    assert RunFolder(tmp_path / "run").last is None
