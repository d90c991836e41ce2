"""OpenVINO gives on its models what our network gives."""

from __future__ import annotations

from pathlib import Path

import pytest
from exported_networks import FAMILIES, exported, family

from roformer_sim.checkpoints import Preset
from roformer_sim.conversion import openvino as openvino_format

pytest.importorskip("onnx")
openvino = pytest.importorskip("openvino")


@pytest.fixture(scope="module")
def roformer(tmp_path_factory: pytest.TempPathFactory) -> tuple[Preset, Path]:
    preset = family("RoFormer")
    return preset, exported(openvino_format, preset, tmp_path_factory.mktemp("roformer") / "openvino")


def test_the_files_are_of_its_own_format_alone(roformer: tuple[Preset, Path]) -> None:
    parts = ("encoder", "lm_head", "source", "step")
    expected = {f"{part}.{ending}" for part in parts for ending in ("xml", "bin")}
    assert {path.name for path in roformer[1].iterdir()} == expected | {
        "checksums.json",
        "config.json",
        "vocab.txt",
    }


@pytest.mark.parametrize("name", FAMILIES)
def test_the_weights_are_ours_bit_for_bit(tmp_path: Path, name: str) -> None:
    preset, found = family(name), set()
    for path in exported(openvino_format, preset, tmp_path / "openvino").glob("*.xml"):
        nodes = openvino.Core().read_model(path).get_ordered_ops()
        found |= {node.data.tobytes() for node in nodes if node.get_type_name() == "Constant"}
    for weight, array in preset.weights.items():
        assert array.tobytes() in found, weight
