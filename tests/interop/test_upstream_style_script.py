"""A script as users of bert4keras have it runs, unchanged, on a folder that we wrote of the shipped model."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recording import record
from scipy.special import softmax

from roformer_sim import RoFormerSim
from roformer_sim.checkpoints import load_any
from roformer_sim.conversion import bert4keras
from roformer_sim.generation import Generated, Selection, rank_synonyms

if not all(map(importlib.util.find_spec, ("bert4keras", "tf_keras", "tensorflow"))):
    pytest.skip("bert4keras, tf-keras and TensorFlow are needed", allow_module_level=True)

PRESET = "roformer_sim_char_mini_zh"
PAIRS = [
    ("怎么才能把手机里的照片传到电脑上？", "手机照片如何导入电脑"),
    ("这家店的面条太咸了", "明天早上几点的火车？"),
    ("好", "不好"),
]
TEXTS = ["怎么才能把手机里的照片传到电脑上？", "广州有什么好吃的"]
N, K = 12, 8


@pytest.fixture(scope="module")
def model() -> RoFormerSim:
    """The shipped model, ranking by P2 as upstream does."""
    return RoFormerSim.from_preset(PRESET)


@pytest.fixture(scope="module")
def script(model: RoFormerSim, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the script wrote."""
    place = tmp_path_factory.mktemp("script")
    folder = place / "chinese_roformer-sim-char_mini"
    folder.mkdir()
    assert model.folder is not None
    bert4keras.write(load_any(model.folder), folder)
    (folder / "roformer_sim.json").unlink()  # the script knows three files
    tasks = {"seed": 5, "pairs": PAIRS, "texts": TEXTS, "rank": TEXTS[:1], "n": N, "k": K}
    (place / "tasks.json").write_text(json.dumps(tasks), encoding="utf-8")
    command = [sys.executable, str(Path(__file__).with_name("upstream_style_script.py"))]
    command += [str(folder), str(place / "tasks.json"), str(place / "results.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=place)
    assert done.returncode == 0, done.stderr[-3000:]
    results = json.loads((place / "results.json").read_text(encoding="utf-8"))
    results["steps"] = [np.load(place / f"results.json.{number}.npy") for number in range(len(TEXTS))]
    return results  # type: ignore[no-any-return]


def test_its_similarities_are_ours(model: RoFormerSim, script: dict[str, Any]) -> None:
    ours = [model.similarity(a, b, pooling="P2", engine="native-float32") for a, b in PAIRS]
    difference = float(np.abs(np.subtract(ours, script["similarities"])).max())
    record("bert4keras", "upstream-style script", "out", {"similarity": difference})
    assert difference < 1e-5


def test_its_likeliest_sentence_is_ours(model: RoFormerSim, script: dict[str, Any]) -> None:
    for text, theirs in zip(TEXTS, script["likeliest"], strict=True):
        ours = model.generate([text], n=1, greedy=True, maxlen=20, engine="native-float32")[0][0]
        assert ours.text == theirs["text"]
        assert len(theirs["ids"]) > 4  # a sentence, not its end alone


def test_its_probabilities_at_every_step_are_ours(model: RoFormerSim, script: dict[str, Any]) -> None:
    engine = model.generator.engine("native-float32")
    worst = 0.0
    for text, best, theirs in zip(TEXTS, script["likeliest"], script["steps"], strict=True):
        source = model.tokenizer.encode(text, maxlen=64).token_ids.tolist()
        decoding, first = engine.begin([source], [1])
        scores = [first[0]]
        for token in best["ids"][:-1]:
            scores.append(np.array(decoding.step(np.array([token]))[0]))
        worst = max(worst, float(np.abs(softmax(np.stack(scores), axis=1) - theirs).max()))
    record("bert4keras", "upstream-style script", "out", {"probability": worst})
    assert worst < 1e-5


def test_its_synonyms_are_ranked_as_ours(model: RoFormerSim, script: dict[str, Any]) -> None:
    def encode(texts: list[str]) -> np.ndarray:
        return model.encode(texts, pooling="P2", engine="native-float32", maxlen=64)

    (theirs,) = script["synonyms"]
    assert len(theirs["ranked"]) >= 3
    drawn = [Generated(sentence, 0.0) for sentence in theirs["drawn"]]
    ours = rank_synonyms(TEXTS[:1], [drawn], encode, Selection(k=K))[0]
    assert [synonym.text for synonym in ours] == [sentence for sentence, _ in theirs["ranked"]]
    scores = [score for _, score in theirs["ranked"]]
    np.testing.assert_allclose([synonym.score for synonym in ours], scores, atol=1e-5)
