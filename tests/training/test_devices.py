"""Several devices train what one trains: the same losses, the same weights, of the same whole batches."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from roformer_sim.training.run_folder import RunFolder

PROGRAM = Path(__file__).with_name("devices_runs.py")
STEPS = 2
LEARNING_RATE = 1e-3
TEXTS = [
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
    "我在公园",
    "怎么借钱",
]


@pytest.fixture(scope="session")
def recipes(corpus, tiny_tokenizer, tmp_path_factory):
    """Folder of two recipes as JSON: stage 1 with distillation, watched on held-out items, and SimCSE."""
    folder = tmp_path_factory.mktemp("devices")
    tiny_tokenizer.save(folder / "vocab.txt")
    (folder / "texts.txt").write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    files = {"groups": [str(corpus / "groups.jsonl")], "pairs": [str(corpus / "pairs.jsonl")]}
    similar = {"rows": "similar", **files, "maxlen": 8}
    similarity = {"in_batch": {"general": 0.5}, "distillation": {"teacher": "characters"}}
    write(folder, "similar", {**similar, "held_out": 4}, {"generation": {}, **similarity})
    texts = {"rows": "twice", "texts": [str(folder / "texts.txt")], "held_out": 0, "maxlen": 8}
    write(folder, "simcse", texts, {"simcse": {}})
    return folder


def write(folder, name, data, objectives):
    # On TensorFlow replicas drop other units than one device does, on JAX the same.
    dropout = 0.2 if on_jax() else 0.0
    config = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    config |= {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    # Vectors of an untrained network are all alike, and rounding then decides the gradient of their cosines.
    config["initializer_range"] = 0.3
    recipe = {
        "start": {"vocab": str(folder / "vocab.txt"), "config": config},
        "data": data,
        "objectives": objectives,
        "train": {
            "batch_rows": 8,
            "epochs": 2,
            "steps_per_epoch": STEPS,
            "learning_rate": LEARNING_RATE,
            "warmup_steps": 0,
            "dtype": "float32",
        },
        "watch": {"samples": ["怎么借钱"], "tensorboard": False},
    }
    (folder / f"{name}.json").write_text(json.dumps(recipe, ensure_ascii=False), encoding="utf-8")


def on_jax():
    return os.environ.get("KERAS_BACKEND") == "jax"


def start(folder, *runs, **environment):
    variables = {**os.environ, "PYTHONPATH": str(PROGRAM.parents[2]), **environment}
    command = [sys.executable, str(PROGRAM), str(folder), *runs]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=variables, text=True
    )


def finish(*processes):
    said = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), "\n".join(said)[-6000:]
    return said


def assert_same_training(recipes, name, tolerance=2e-6):
    """Each recipe's figures of all epochs and its last weights are those of ``one`` device."""
    for one in sorted((recipes / "one").iterdir()):
        ours, theirs = recipes / name / one.name, one
        histories = [RunFolder(run).read_state().history for run in (ours, theirs)]
        for ours_of_epoch, theirs_of_epoch in zip(*histories, strict=True):
            assert ours_of_epoch.keys() == theirs_of_epoch.keys()
            for key, value in theirs_of_epoch.items():
                # Shares that are right turn on ties; on TensorFlow `loss` weighs batches otherwise.
                if not key.endswith("accuracy") and (on_jax() or key != "loss"):
                    assert ours_of_epoch[key] == pytest.approx(value, rel=tolerance, abs=tolerance), key
        # Moments are means of gradients. AdamW moves a weight by the learning rate however small its gradient
        # is, so that rounding shows in weights first: 2 % of a step is allowed there.
        for file, difference in {"optimizer": 2e-7, "model": LEARNING_RATE / 50}.items():
            first, second = (load_file(run / "last" / f"{file}.safetensors") for run in (ours, theirs))
            for key, value in second.items():
                said = f"{one.name}: {key}"
                np.testing.assert_allclose(first[key], value, rtol=1e-5, atol=difference, err_msg=said)


def assert_it_learned(recipes):
    """Weights moved by far more than they are compared to."""
    for run in sorted((recipes / "one").iterdir()):
        first, last = (load_file(run / name / "model.safetensors") for name in ("epoch-0001", "epoch-0002"))
        assert max(np.abs(last[key] - first[key]).max() for key in last) > LEARNING_RATE / 2


@pytest.mark.skipif(on_jax(), reason="MirroredStrategy is TensorFlow's")
def test_two_replicas_train_what_one_device_trains(recipes):
    finish(start(recipes, "one", "null", "two", "2"))
    assert_it_learned(recipes)
    assert_same_training(recipes, "two")


@pytest.mark.skipif(not on_jax(), reason="DataParallel is JAX's")
def test_two_jax_devices_and_two_processes_train_what_one_device_trains(recipes):
    devices = start(recipes, "one", "null", "two", "2", XLA_FLAGS="--xla_force_host_platform_device_count=2")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    together = {"KERAS_DISTRIBUTION_JOB_ADDRESSES": address, "KERAS_DISTRIBUTION_NUM_PROCESSES": "2"}
    processes = [
        start(recipes, "processes", '"all"', **together, KERAS_DISTRIBUTION_PROCESS_ID=str(process))
        for process in range(2)
    ]
    finish(devices, *processes)
    assert_it_learned(recipes)
    assert_same_training(recipes, "two")
    assert_same_training(recipes, "processes")
