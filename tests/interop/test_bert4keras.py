"""bert4keras: what it writes of every family is read, and what we write it reads; both sides really run."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from recording import record

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import Preset, load_any
from roformer_sim.checkpoints.folders import kind_of
from roformer_sim.checkpoints.tensorflow_checkpoint import find_checkpoint
from roformer_sim.conversion import bert4keras, bert4keras_hdf5
from roformer_sim.conversion.outputs import Outputs, Samples, largest_differences, own_outputs

if not all(map(importlib.util.find_spec, ("bert4keras", "tf_keras", "tensorflow"))):
    pytest.skip("bert4keras, tf-keras and TensorFlow are needed", allow_module_level=True)

HERE = Path(__file__).parent
LIMIT = 2e-5
TEXTS = ("今天的雨下得很大，我们还是去看了那场电影。", "你觉得怎么样？", "OKs 30 a！", "雨")
KINDS = {"checkpoint": "bert4keras", "hdf5": "bert4keras-hdf5"}

# Pooler, language-model head.
FAMILIES = {
    "roformer-char": (False, True),
    "roformer-word": (True, True),
    "roformer-sim": (True, True),
    "roformer-sim-ft": (True, False),
    "roformer-encoder": (False, False),
    "simbert": (True, True),
    "simbert-small": (True, True),
    "bert": (True, True),
    "roberta-wwm": (True, True),
    "bert-encoder": (False, False),
}


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each family, written by bert4keras; see ``bert4keras_families.py``."""
    place = tmp_path_factory.mktemp("bert4keras") / "families"
    command = [sys.executable, str(HERE / "bert4keras_families.py"), str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return place


def given(folder: Path, preset: Preset) -> tuple[Samples, Outputs]:
    """What bert4keras cut the texts to, and computed of them before anything was written."""
    with np.load(folder / "outputs.npz") as file:
        arrays = dict(file)
    rows = tuple(row[:length] for row, length in zip(arrays["token_ids"], arrays["lengths"], strict=True))
    samples = Samples(TEXTS, rows, arrays["targets"])
    return samples, bert4keras.chosen(arrays, preset.config, samples)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", FAMILIES)
def test_what_bert4keras_wrote_computes_the_same_here(families: Path, family: str, kind: str) -> None:
    folder = families / family / kind
    assert kind_of(folder) == KINDS[kind]
    preset = load_any(folder)
    assert (preset.config.has_pooler, preset.config.has_lm_head) == FAMILIES[family]
    samples, theirs = given(families / family, preset)
    ours = [encoding.token_ids.tolist() for encoding in preset.tokenizer.encode_batch(list(TEXTS))]
    assert ours == [row.tolist() for row in samples.rows]
    differences = largest_differences(own_outputs(preset, samples), theirs)
    record(KINDS[kind], family, "in", differences)
    assert ("P2" in differences, "scores" in differences) == FAMILIES[family]
    assert max(differences.values()) < LIMIT


@pytest.mark.parametrize("family", FAMILIES)
def test_both_kinds_of_files_hold_the_same_weights(families: Path, family: str) -> None:
    checkpoint, hdf5 = (load_any(families / family / kind).weights for kind in KINDS)
    assert {name: values.tobytes() for name, values in checkpoint.items()} == {
        name: values.tobytes() for name, values in hdf5.items()
    }


@pytest.fixture(scope="module")
def written(families: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Outputs]]:
    """Each family as we write it, and what bert4keras computes of that, in one process for all."""
    place = tmp_path_factory.mktemp("written")
    jobs: list[bert4keras.Job] = []
    for family in FAMILIES:
        preset = load_any(families / family / "checkpoint")
        folder = place / family
        folder.mkdir()
        bert4keras.write(preset, folder)
        samples, _ = given(families / family, preset)
        jobs.append(({"checkpoint": str(find_checkpoint(folder))}, folder, preset.config, samples))
    found = bert4keras.run_jobs(jobs)
    return {family: (place / family, outputs) for family, outputs in zip(FAMILIES, found, strict=True)}


@pytest.mark.parametrize("family", FAMILIES)
def test_what_we_write_computes_the_same_in_bert4keras(
    families: Path, written: dict[str, tuple[Path, Outputs]], family: str
) -> None:
    before = load_any(families / family / "checkpoint")
    folder, theirs = written[family]
    samples, _ = given(families / family, before)
    differences = largest_differences(own_outputs(before, samples), theirs)
    record("bert4keras", family, "out", differences)
    assert ("P2" in differences, "scores" in differences) == FAMILIES[family]
    assert max(differences.values()) < LIMIT
    after = load_any(folder)
    assert after.config == before.config
    assert {name: values.tobytes() for name, values in after.weights.items()} == {
        name: values.tobytes() for name, values in before.weights.items()
    }


def test_hdf5_weights_are_checked_by_bert4keras_loading_them(families: Path, tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    (families / "simbert-small" / "hdf5").rename(folder)
    (folder / "best_model.h5").rename(folder / "best_model.weights")  # as Keras 2.3 names them
    preset = load_any(folder)
    samples, _ = given(families / "simbert-small", preset)
    differences = largest_differences(own_outputs(preset, samples), bert4keras_hdf5.run(folder, samples))
    assert set(differences) == {"P1", "P2", "P3", "P4", "vector", "hidden", "logits", "scores"}
    assert max(differences.values()) < LIMIT


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("network", "message"),
    [
        ("albert", "num_hidden_groups belongs to ALBERT"),
        ("nezha", "use_relative_position belongs to NEZHA"),
        ("roformer-v2", "is missing|weights expected"),
        ("t5", "the weights of T5|has no place"),
    ],
)
def test_other_networks_are_refused(families: Path, kind: str, network: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_any(families / network / kind)


@pytest.mark.parametrize("kind", KINDS)
def test_albert_is_refused_by_its_weights_too(families: Path, kind: str) -> None:
    path = families / "albert" / kind / "bert_config.json"
    config = path.read_text()
    keys = {key: value for key, value in json.loads(config).items() if "group" not in key}
    path.write_text(json.dumps(keys))
    with pytest.raises(
        InputError, match=r"the weights of ALBERT|layer Transformer-MultiHeadSelfAttention has"
    ):
        load_any(path.parent)
    path.write_text(config)


def test_a_python_without_bert4keras_is_told(
    written: dict[str, tuple[Path, Outputs]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = written["roformer-sim"]
    samples = Samples.of(load_any(folder), ["雨"])
    monkeypatch.setenv(bert4keras.PYTHON, "/nowhere/python")
    with pytest.raises(InputError, match="/nowhere/python: cannot be run"):
        bert4keras.run(folder, samples)
    monkeypatch.setenv(bert4keras.PYTHON, sys.executable)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    (folder / "bert4keras.py").write_text("raise ImportError('No module named bert4keras')")
    with pytest.raises(ImportError, match="No module named bert4keras"):
        bert4keras.run(folder, samples)
