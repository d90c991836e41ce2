"""Keras Hub presets, written here by hand from the names that its HDF5 files have."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from published_checkpoint import VOCABULARY

from corpus_builder.errors import InputError
from roformer_sim import RoFormerSim
from roformer_sim.checkpoints import load_any, load_preset, save_preset
from roformer_sim.checkpoints.folders import kind_of

HEADS, SIZE, HIDDEN, INNER = 2, 4, 8, 12
LAYER = {
    "_feedforward_intermediate_dense": ((HIDDEN, INNER), (INNER,)),
    "_feedforward_layer_norm": ((HIDDEN,), (HIDDEN,)),
    "_feedforward_output_dense": ((INNER, HIDDEN), (HIDDEN,)),
    "_self_attention_layer/key_dense": ((HIDDEN, HEADS, SIZE), (HEADS, SIZE)),
    "_self_attention_layer/output_dense": ((HEADS, SIZE, HIDDEN), (HIDDEN,)),
    "_self_attention_layer/query_dense": ((HIDDEN, HEADS, SIZE), (HEADS, SIZE)),
    "_self_attention_layer/value_dense": ((HIDDEN, HEADS, SIZE), (HEADS, SIZE)),
    "_self_attention_layer_norm": ((HIDDEN,), (HIDDEN,)),
}
BACKBONE = {
    "dense": ((HIDDEN, HIDDEN), (HIDDEN,)),
    "embedding": ((2, HIDDEN),),
    "layer_normalization": ((HIDDEN,), (HIDDEN,)),
    "position_embedding": ((12, HIDDEN),),
    "reversible_embedding": ((len(VOCABULARY), HIDDEN),),
    **{f"transformer_encoder/{name}": shapes for name, shapes in LAYER.items()},
    **{f"transformer_encoder_1/{name}": shapes for name, shapes in LAYER.items()},
}
HEAD = {
    "masked_lm_head": ((len(VOCABULARY),),),
    "masked_lm_head/_intermediate_dense": ((HIDDEN, HIDDEN), (HIDDEN,)),
    "masked_lm_head/_intermediate_layer_norm": ((HIDDEN,), (HIDDEN,)),
}


def write_arrays(path: Path, layers: dict[str, tuple[tuple[int, ...], ...]]) -> dict[str, np.ndarray]:
    rng, arrays = np.random.default_rng(2), {}
    with h5py.File(path, "w") as file:
        for layer, shapes in layers.items():
            for place, shape in enumerate(shapes):
                name = f"layers/{layer}/vars/{place}"
                file[name] = arrays[name] = rng.standard_normal(shape).astype(np.float32)
    return arrays


@pytest.fixture
def preset(tmp_path: Path) -> tuple[Path, dict[str, np.ndarray]]:
    folder = tmp_path / "hub"
    (folder / "assets" / "tokenizer").mkdir(parents=True)
    values = {"vocabulary_size": len(VOCABULARY), "num_layers": 2, "num_heads": HEADS, "hidden_dim": HIDDEN}
    values |= {"intermediate_dim": INNER, "dropout": 0.1, "max_sequence_length": 12, "num_segments": 2}
    (folder / "config.json").write_text(json.dumps({"class_name": "BertBackbone", "config": values}))
    settings = {"lowercase": False, "strip_accents": False, "suffix_indicator": "##"}
    (folder / "tokenizer.json").write_text(json.dumps({"class_name": "BertTokenizer", "config": settings}))
    (folder / "assets/tokenizer/vocabulary.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    arrays = write_arrays(folder / "model.weights.h5", BACKBONE)
    return folder, arrays | write_arrays(folder / "task.weights.h5", HEAD)


def test_heads_are_joined_in_order(preset: tuple[Path, dict[str, np.ndarray]]) -> None:
    folder, arrays = preset
    assert kind_of(folder) == "keras-hub"
    weights = load_any(folder).weights
    key = arrays["layers/transformer_encoder_1/_self_attention_layer/key_dense/vars/0"]
    np.testing.assert_array_equal(
        weights["block_1/attention/qkv_kernel"][:, HIDDEN + 5],
        key[:, 1, 1],  # column 5: head 1, place 1
    )
    output = arrays["layers/transformer_encoder/_self_attention_layer/output_dense/vars/0"]
    np.testing.assert_array_equal(weights["block_0/attention/output/kernel"][6], output[1, 2])


def test_its_head_keeps_an_activation_and_an_epsilon_of_its_own(
    preset: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    config = load_any(preset[0]).config
    assert (config.hidden_act, config.layer_norm_eps) == ("gelu_new", 1e-12)
    assert (config.lm_hidden_act, config.lm_layer_norm_eps) == ("gelu", 1e-5)
    save_preset(tmp_path / "ours", load_any(preset[0]))
    assert load_preset(tmp_path / "ours").config == config


def test_both_engines_compute_that_head(preset: tuple[Path, dict[str, np.ndarray]]) -> None:
    model = RoFormerSim.from_preset(preset[0])
    options = {"n": 6, "seed": 3, "maxlen": 8}
    native = model.generate(["广州好"], engine="native-float32", **options)[0]  # type: ignore[arg-type]
    keras = model.generate(["广州好"], engine="keras", **options)[0]  # type: ignore[arg-type]
    assert [found.text for found in native] == [found.text for found in keras]
    np.testing.assert_allclose(
        [found.log_probability for found in native], [found.log_probability for found in keras], atol=1e-3
    )


def test_a_preset_without_such_a_head_does_not_mention_it(tiny_preset: Path) -> None:
    assert "lm_hidden_act" not in json.loads((tiny_preset / "config.json").read_text())


def test_an_unknown_array_and_another_network_are_refused(preset: tuple[Path, dict[str, np.ndarray]]) -> None:
    folder = preset[0]
    with h5py.File(folder / "model.weights.h5", "a") as file:
        file["layers/transformer_encoder_2/_self_attention_layer_norm/vars/0"] = np.ones(HIDDEN, np.float32)
    with pytest.raises(InputError, match=r"transformer_encoder_2/.* has no place in a BERT network"):
        load_any(folder)
    (folder / "config.json").write_text('{"class_name": "GemmaBackbone", "config": {}}')
    with pytest.raises(InputError, match="class_name is GemmaBackbone; only BertBackbone is read"):
        load_any(folder)
