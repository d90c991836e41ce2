"""ONNX Runtime and OpenVINO give on what we exported what our network gives."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from exported_networks import FAMILIES, damages, exported, family, kinds, two_sources
from recording import record

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import Preset
from roformer_sim.conversion import onnx, openvino
from roformer_sim.conversion.exported import padded, walk
from roformer_sim.conversion.outputs import Samples, largest_differences, own_outputs

FORMATS = {"onnx": (onnx, "onnxruntime"), "openvino": (openvino, "openvino")}


@pytest.fixture(scope="module", params=FORMATS)
def tool(request: pytest.FixtureRequest) -> ModuleType:
    pytest.importorskip("onnx")
    module, library = FORMATS[request.param]
    pytest.importorskip(library)
    return module


@pytest.fixture(scope="module")
def roformer(tool: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> tuple[Preset, Path]:
    preset = family("RoFormer")
    return preset, exported(tool, preset, tmp_path_factory.mktemp("roformer") / "folder")


@pytest.mark.parametrize("name", FAMILIES)
def test_every_output_is_that_of_our_network(tool: ModuleType, tmp_path: Path, name: str) -> None:
    preset = family(name)
    samples = Samples.of(preset)
    ours, theirs = own_outputs(preset, samples), tool.run(exported(tool, preset, tmp_path / "out"), samples)
    assert set(theirs) == set(ours) == kinds(preset)
    differences = largest_differences(ours, theirs)
    record(tool.__name__.rpartition(".")[2], name, "out", differences)
    assert max(differences.values()) < 5e-5


def test_padding_changes_nothing(tool: ModuleType, roformer: tuple[Preset, Path]) -> None:
    preset, folder = roformer
    samples = Samples.of(preset)
    together = tool.run(folder, samples)
    alone = [
        tool.run(folder, Samples(samples.texts[i : i + 1], (row,), samples.targets[i : i + 1]))
        for i, row in enumerate(samples.rows)
    ]
    joined = {kind: np.concatenate([one[kind] for one in alone]) for kind in together}
    assert max(largest_differences(joined, together).values()) < 5e-6


def test_rows_of_one_source_are_as_rows_with_a_source_each(
    tool: ModuleType, roformer: tuple[Preset, Path]
) -> None:
    preset, folder = roformer
    source_ids = padded(two_sources(preset), 0)
    targets = np.random.default_rng(5).integers(1, preset.config.vocab_size, (2, 3, 5))
    source, step = (tool.open_part(folder, name) for name in ("source", "step"))
    shared = walk(preset.config, source, step, source_ids, targets)
    apart = walk(preset.config, source, step, source_ids.repeat(3, axis=0), targets.reshape(6, 1, 5))
    for number, (one, other) in enumerate(zip(shared, apart, strict=True)):
        np.testing.assert_allclose(one.reshape(6, 1, -1), other, atol=5e-6, err_msg=str(number))
    assert np.abs(shared[1][:, 0] - shared[1][:, 1]).max() > 0.1


def test_a_damaged_file_is_named(tool: ModuleType, roformer: tuple[Preset, Path]) -> None:
    preset, folder = roformer
    contents = {path: path.read_bytes() for path in folder.iterdir()}
    for name, damage in damages(folder):
        damage()
        # Of a checksum with a wrong digit nobody can tell which of the two is wrong.
        named = "" if name == "checksums.json" else name
        with pytest.raises(InputError, match=rf"folder: {named}.*(is missing|bytes|is not what was written)"):
            tool.run(folder, two_sources(preset))
        for path, content in contents.items():
            path.write_bytes(content)
