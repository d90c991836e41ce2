"""Trains the recipes of a folder in this process: ``python devices_runs.py FOLDER NAME DEVICES ...``.

``FOLDER/RECIPE.json`` is trained into ``FOLDER/NAME/RECIPE``, on as many devices as DEVICES says (JSON);
further pairs NAME DEVICES are trained by the same process. On TensorFlow it has two virtual CPUs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import keras
import numpy as np

from roformer_sim.training.recipe import Recipe
from roformer_sim.training.running import Helpers
from roformer_sim.training.trainer import train

VECTORS = np.random.default_rng(7).standard_normal((70_000, 8)).astype(np.float32)


def teacher(texts: list[str]) -> np.ndarray:
    """Means of fixed vectors of the characters."""
    return np.stack([VECTORS[[ord(character) for character in text]].mean(axis=0) for text in texts])


def measure(backbone, tokenizer) -> dict[str, float]:
    """A figure of the network that is being trained, as STS figures are measured."""
    batch = tokenizer.encode_batch(["怎么借钱"])[0]
    states = backbone(np.array([batch.token_ids]), np.array([batch.segment_ids]))
    return {"sts_sum": float(np.sum(keras.ops.convert_to_numpy(states.last)[0, 0, :3]))}


def main(folder: Path, *runs: str) -> None:
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        cpus = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(cpus[0], [tf.config.LogicalDeviceConfiguration()] * 2)
    sys.modules["matplotlib"] = None  # type: ignore[assignment]  # no curves: they take as long as a training
    for name, devices in zip(runs[::2], runs[1::2], strict=True):
        for path in sorted(folder.glob("*.json")):
            values = json.loads(path.read_text("utf-8"))
            values["train"]["devices"] = json.loads(devices)
            recipe = Recipe(**values)
            helpers = Helpers(
                measure=measure, measured=("sts_sum",), open_teacher=lambda name, texts: teacher
            )
            train(recipe, folder / name / path.stem, helpers)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
