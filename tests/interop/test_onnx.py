"""ONNX Runtime gives on our graphs what our network gives."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from exported_networks import FAMILIES, exported, family, two_sources

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import Preset, save_preset
from roformer_sim.checkpoints.checksums import write_checksums
from roformer_sim.conversion import onnx as onnx_format
from roformer_sim.conversion.convert import convert

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def roformer(tmp_path_factory: pytest.TempPathFactory) -> tuple[Preset, Path]:
    preset = family("RoFormer")
    return preset, exported(onnx_format, preset, tmp_path_factory.mktemp("roformer") / "onnx")


def test_the_command_runs_what_it_wrote(tmp_path: Path) -> None:
    save_preset(tmp_path / "own", family("BERT"))
    done = convert(tmp_path / "own", tmp_path / "onnx", "onnx", texts=["广州和深圳", "好"])
    assert done.target.differences is not None
    assert done.target.differences["scores"] < 5e-5
    assert sorted(path.name for path in (tmp_path / "onnx").iterdir()) == [
        *("checksums.json", "config.json", "encoder.onnx", "lm_head.onnx", "source.onnx", "step.onnx"),
        *("vocab.txt", "weights.bin"),
    ]


def test_a_network_without_language_model_head_is_an_encoder_alone(tmp_path: Path) -> None:
    folder = exported(onnx_format, family("BERT, no LM head"), tmp_path / "onnx")
    assert [path.name for path in folder.glob("*.onnx")] == ["encoder.onnx"]


@pytest.mark.parametrize("name", FAMILIES)
def test_the_weights_in_the_files_are_ours_bit_for_bit(tmp_path: Path, name: str) -> None:
    preset = family(name)
    folder, found = exported(onnx_format, preset, tmp_path / "onnx"), {}
    for path in folder.glob("*.onnx"):
        onnx.checker.check_model(path, full_check=True)
        tensors = onnx.load(path).graph.initializer
        found.update({t.name: onnx.numpy_helper.to_array(t) for t in tensors if t.name in preset.weights})
    assert set(found) == set(preset.weights)
    for weight, array in found.items():
        assert array.tobytes() == preset.weights[weight].tobytes(), weight


def test_a_row_longer_than_berts_positions_is_an_error(tmp_path: Path) -> None:
    encoder = onnx_format.open_part(exported(onnx_format, family("BERT"), tmp_path / "onnx"), "encoder")
    assert encoder({"token_ids": np.ones((1, 72), np.int64)})["hidden"].shape == (1, 72, 32)
    with pytest.raises(Exception, match="73"):
        encoder({"token_ids": np.ones((1, 73), np.int64)})


def test_weights_outside_the_folder_are_not_read(tmp_path: Path) -> None:
    preset = family("RoFormer")
    folder = exported(onnx_format, preset, tmp_path / "onnx")
    (folder / "weights.bin").rename(tmp_path / "weights.bin")
    for path in folder.glob("*.onnx"):
        model = onnx.load(path, load_external_data=False)
        for entry in (entry for tensor in model.graph.initializer for entry in tensor.external_data):
            entry.value = entry.value.replace("weights.bin", "../weights.bin")
        path.write_bytes(model.SerializeToString())
    write_checksums(folder)
    with pytest.raises(InputError, match=r"encoder.onnx: .*\.\./weights.bin"):
        onnx_format.run(folder, two_sources(preset))


def test_a_folder_of_another_format_is_refused(roformer: tuple[Preset, Path]) -> None:
    from roformer_sim.conversion import openvino

    with pytest.raises(
        InputError, match=r"config.json: format 'roformer-sim-onnx-1'; expected 'roformer-sim-open"
    ):
        openvino.run(roformer[1], two_sources(roformer[0]))


def test_without_onnx_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("onnx_graph", "onnx_network"):
        monkeypatch.delitem(sys.modules, f"roformer_sim.conversion.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError, match="pip install onnx"):
        onnx_format.write(family("RoFormer"), tmp_path)


def test_the_example_writes_what_our_greedy_generation_writes(tmp_path: Path) -> None:
    from roformer_sim import RoFormerSim

    convert("roformer_sim_char_mini_zh", tmp_path / "onnx", "onnx", check=False)
    say = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "onnx_greedy.py"))["main"]
    texts = ["广州和深圳哪个好？", "高血压患者能喝咖啡吗？", "iPhone 15 和小米14哪个拍照更清楚"]
    model = RoFormerSim.from_preset("roformer_sim_char_mini_zh")
    own = [generated[0].text.replace(" ", "") for generated in model.generate(texts, n=1, greedy=True)]
    assert [say(tmp_path / "onnx", text) for text in texts] == own
    assert own != [text.replace(" ", "").lower() for text in texts]
