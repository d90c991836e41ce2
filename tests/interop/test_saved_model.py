"""SavedModels run in a process that has TensorFlow and nothing of ours."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pytest
from recording import record

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import Preset, weight_shapes
from roformer_sim.conversion import saved_model
from roformer_sim.conversion.outputs import Outputs, Samples, largest_differences, own_outputs
from roformer_sim.models import ModelConfig
from roformer_sim.text import Tokenizer

if importlib.util.find_spec("tensorflow") is None or keras.backend.backend() != "tensorflow":
    pytest.skip("Keras must run on TensorFlow", allow_module_level=True)

SPECIALS = ["[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CHARACTERS = list("今天的雨下得很大我们还是去看了那场电影你觉怎么样？，。")
TEXTS = ("今天的雨下得很大，我们还是去看了那场电影。", "你觉得怎么样？", "雨")
LIMIT = 2e-5

# Name: what differs from a RoFormer with both heads, and where [PAD] stands.
NETWORKS: dict[str, tuple[dict[str, object], int]] = {
    "roformer-sim": ({}, 0),
    "simbert-small": ({"model_type": "bert", "embedding_size": 16, "max_position_embeddings": 40}, 0),
    "roformer-encoder": ({"has_pooler": False, "has_lm_head": False, "pooling": "P3"}, 0),
    "roformer-sim, [PAD] last": ({"hidden_act": "relu", "pooling": "P4"}, -1),
}


class Exported(NamedTuple):
    preset: Preset
    folder: Path
    samples: Samples
    outputs: Outputs


def preset_of(name: str) -> Preset:
    keys, place = NETWORKS[name]
    tokens = [*SPECIALS, *CHARACTERS]
    tokens.insert(place % (len(tokens) + 1), "[PAD]")
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    values = {**shape, "vocab_size": len(tokens), "pad_token_id": tokens.index("[PAD]"), **keys}
    config = ModelConfig.from_dict(values)
    generator = np.random.default_rng(3)
    weights = {
        key: (generator.standard_normal(size) * 0.2 + key.endswith("gamma")).astype(np.float32)
        for key, size in weight_shapes(config).items()
    }
    return Preset(config, Tokenizer(tokens), weights)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Exported]]:
    """Every network written and run, all in one process."""
    place = tmp_path_factory.mktemp("saved_models")
    presets = {name: preset_of(name) for name in NETWORKS}
    samples = {name: Samples.of(preset, TEXTS) for name, preset in presets.items()}
    folders = {name: place / str(number) for number, name in enumerate(NETWORKS)}
    for name, preset in presets.items():
        folders[name].mkdir()
        saved_model.write(preset, folders[name])
    found = saved_model.run_folders([(folders[name], samples[name]) for name in NETWORKS])
    yield {
        name: Exported(presets[name], folders[name], samples[name], outputs)
        for name, outputs in zip(NETWORKS, found, strict=True)
    }


@pytest.mark.parametrize("name", NETWORKS)
def test_tensorflow_alone_gives_our_vectors_and_scores(exported: dict[str, Exported], name: str) -> None:
    one = exported[name]
    differences = largest_differences(own_outputs(one.preset, one.samples), one.outputs)
    record("saved-model", name, "out", differences)
    expected = {"hidden", "vector", *(pooling.value for pooling in one.preset.config.poolings)}
    if one.preset.config.has_lm_head:
        expected |= {"logits", "scores"}
    assert set(differences) == expected
    assert max(differences.values()) < LIMIT


def test_the_vocabulary_is_among_its_files(exported: dict[str, Exported]) -> None:
    one = exported["roformer-sim, [PAD] last"]
    assert Tokenizer.from_file(one.folder / "assets/vocab.txt").vocab == one.preset.tokenizer.vocab


def test_a_damaged_folder_is_an_error(exported: dict[str, Exported]) -> None:
    one = exported["roformer-encoder"]
    (one.folder / "saved_model.pb").write_bytes(b"\0\1\2")
    with pytest.raises(InputError, match="TensorFlow cannot read or run it"):
        saved_model.run(one.folder, one.samples)
