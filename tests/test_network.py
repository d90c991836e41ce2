"""A network is weights in a file until something asks for the Keras model."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from roformer_sim import InputError, RoFormerSim
from roformer_sim.checkpoints import load_preset, read_weights, save_preset, weight_names, weight_shapes
from roformer_sim.checkpoints.mapped import MappedWeights
from roformer_sim.generation.engines import choose
from roformer_sim.models import Backbone, Pooling
from roformer_sim.network import Network
from roformer_sim.retrieval import SentenceEncoder
from roformer_sim.retrieval.engines.choose import best_encoder


@pytest.fixture
def network(tiny_preset) -> Network:
    preset = load_preset(tiny_preset, mapped=True)
    return Network(preset.config, preset.weights)


@pytest.mark.parametrize("changes", [{}, {"model_type": "bert"}, {"embedding_size": 16}], ids=str)
def test_names_and_shapes_are_known_without_building(tiny_config, changes):
    config = type(tiny_config)(**{**tiny_config.model_dump(), **changes})
    expected = weight_names(Backbone(config))
    assert list(weight_shapes(config).items()) == list(expected.items())


def test_a_cpu_engine_s_work_imports_neither_keras_nor_tensorflow(tiny_preset):
    program = f"""
import sys
from roformer_sim import RoFormerSim
model = RoFormerSim.from_preset({str(tiny_preset)!r})
model.gen_synonyms("怎么开通花呗", n=6, k=3, maxlen=10, seed=0, engine="native-float32")
model.encode(["今天下雨", "好"], pooling="P4", engine="native-float32")
model.keep_tokens("今天下雨").similarity("今天", "下雨", engine="native-float32")
found = [name for name in ("keras", "tensorflow", "jax", "torch") if name in sys.modules]
assert not found, found
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_keras_model_is_built_once_and_has_the_weights(network, tiny_preset):
    before = {name: array.copy() for name, array in network.weights().items()}
    with ThreadPoolExecutor(8) as pool:
        built = list(pool.map(lambda _: network.backbone, range(8)))
    assert all(backbone is built[0] for backbone in built)
    for name, array in read_weights(network.backbone).items():
        np.testing.assert_array_equal(array, before[name])


def test_from_then_on_the_keras_model_s_weights_count(network, tiny_tokenizer, tmp_path):
    model = RoFormerSim(network, tiny_tokenizer)
    before = model.encode("今天下雨", pooling="P2")
    network.backbone.pooler.bias.assign(np.ones(32, np.float32))
    assert (network.weights()["pooler/bias"] == 1.0).all()
    assert best_encoder(network).name == "keras"
    after = model.encode("今天下雨", pooling="P2")
    assert np.abs(after - before).max() > 0.01
    model.save_preset(tmp_path / "trained")
    again = RoFormerSim.from_preset(tmp_path / "trained").encode("今天下雨", pooling="P2")
    np.testing.assert_allclose(again, after, atol=1e-5)


def test_engines_keep_their_weights_until_they_are_forgotten(network, tiny_tokenizer):
    encoder = SentenceEncoder(network, tiny_tokenizer)

    def vector():
        return encoder.encode(["今天下雨"], ["P2"], engine="native-float32")[Pooling.P2]

    before = vector()
    network.backbone.pooler.bias.assign(np.ones(32, np.float32))
    np.testing.assert_array_equal(vector(), before)
    encoder.forget_engines()
    assert np.abs(vector() - before).max() > 0.01


def test_mapped_weights_are_those_of_the_file(tiny_preset, tmp_path):
    expected = load_preset(tiny_preset)
    save_preset(tmp_path / "half", expected, weights_dtype="float16")
    whole = MappedWeights(tiny_preset / "model.safetensors")
    half = MappedWeights(tmp_path / "half" / "model.safetensors")
    assert dict(whole.shapes()) == {name: array.shape for name, array in expected.weights.items()}
    for _ in range(2):
        for name, array in expected.weights.items():
            np.testing.assert_array_equal(whole[name], array)
            assert half[name].dtype == np.float32
            np.testing.assert_array_equal(half[name], array.astype(np.float16).astype(np.float32))
        whole.release()
    with pytest.raises(ValueError, match="read-only"):
        whole["lm_bias"][0] = 1.0


def test_a_preset_may_be_replaced_while_it_is_mapped(tiny_preset, tmp_path):
    shutil.copytree(tiny_preset, tmp_path / "preset")
    model = RoFormerSim.from_preset(tmp_path / "preset")
    other = load_preset(tiny_preset)
    other.weights["pooler/bias"][:] = 5.0
    save_preset(tmp_path / "preset", other)
    assert (model.network.weights()["pooler/bias"] != 5.0).all()


@pytest.mark.parametrize("kept", [0, 7, 100, -1])
def test_a_damaged_file_is_named(tiny_preset, tmp_path, kept):
    path = tmp_path / "model.safetensors"
    path.write_bytes((tiny_preset / "model.safetensors").read_bytes()[:kept])
    with pytest.raises(InputError, match=r"model\.safetensors: not a complete safetensors file"):
        MappedWeights(path)


def test_weights_that_do_not_fit_are_refused_before_anything_is_built(tiny_preset):
    preset = load_preset(tiny_preset)
    rest = {name: array for name, array in preset.weights.items() if name != "lm_bias"}
    with pytest.raises(InputError, match=r"here: weight lm_bias \[\d+\] is missing"):
        Network(preset.config, rest, where="here")
    with pytest.raises(InputError, match="unexpected weight more"):
        Network(preset.config, {**preset.weights, "more": np.zeros(2)})
    with pytest.raises(InputError, match=r"pooler/bias has shape \[3\]"):
        Network(preset.config, {**preset.weights, "pooler/bias": np.zeros(3)})


@pytest.mark.parametrize(
    ("files", "visible", "asked"),
    [
        ([], None, False),
        (["null", "tty0", "vfio/vfio"], None, False),
        (["nvidia0", "nvidiactl"], None, True),
        (["nvidia0", "nvidiactl"], "-1", False),
        (["nvidia0", "kfd"], "", True),
        (["accel0"], None, True),
    ],
)
def test_a_backend_is_asked_for_accelerators_only_where_a_driver_is(
    tmp_path, monkeypatch, files, visible, asked
):
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert bool(choose.accelerator_files(tmp_path)) is asked
