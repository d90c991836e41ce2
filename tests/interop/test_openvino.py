"""OpenVINO gives on its models what our network gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from exported_networks import FAMILIES, damages, family, kinds, two_sources
from recording import record

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import Preset
from roformer_sim.conversion import openvino as openvino_format
from roformer_sim.conversion.exported import padded, walk
from roformer_sim.conversion.outputs import Samples, largest_differences, own_outputs

pytest.importorskip("onnx")
openvino = pytest.importorskip("openvino")


def exported(preset: Preset, folder: Path) -> Path:
    folder.mkdir()
    openvino_format.write(preset, folder)
    return folder


@pytest.fixture(scope="module")
def roformer(tmp_path_factory: pytest.TempPathFactory) -> tuple[Preset, Path]:
    preset = family("RoFormer")
    return preset, exported(preset, tmp_path_factory.mktemp("roformer") / "openvino")


@pytest.mark.parametrize("name", FAMILIES)
def test_every_output_is_that_of_our_network(tmp_path: Path, name: str) -> None:
    preset = family(name)
    samples, folder = Samples.of(preset), exported(preset, tmp_path / "openvino")
    ours, theirs = own_outputs(preset, samples), openvino_format.run(folder, samples)
    assert set(theirs) == set(ours) == kinds(preset)
    differences = largest_differences(ours, theirs)
    record("openvino", name, "out", differences)
    assert max(differences.values()) < 5e-5


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
    for path in exported(preset, tmp_path / "openvino").glob("*.xml"):
        nodes = openvino.Core().read_model(path).get_ordered_ops()
        found |= {node.data.tobytes() for node in nodes if node.get_type_name() == "Constant"}
    for weight, array in preset.weights.items():
        assert array.tobytes() in found, weight


def test_rows_of_one_source_are_as_rows_with_a_source_each(roformer: tuple[Preset, Path]) -> None:
    preset, folder = roformer
    source_ids = padded(two_sources(preset), 0)
    targets = np.random.default_rng(5).integers(1, preset.config.vocab_size, (2, 3, 5))
    source, step = (openvino_format.open_part(folder, name) for name in ("source", "step"))
    shared = walk(preset.config, source, step, source_ids, targets)
    apart = walk(preset.config, source, step, source_ids.repeat(3, axis=0), targets.reshape(6, 1, 5))
    for number, (one, other) in enumerate(zip(shared, apart, strict=True)):
        np.testing.assert_allclose(one.reshape(6, 1, -1), other, atol=5e-6, err_msg=str(number))


def test_padding_changes_nothing(roformer: tuple[Preset, Path]) -> None:
    preset, folder = roformer
    encoder = openvino_format.open_part(folder, "encoder")
    samples = Samples.of(preset)
    together = encoder({"token_ids": padded(samples, 0)})
    for number, row in enumerate(samples.rows):
        alone = encoder({"token_ids": row[None]})
        for kind in ("P1", "P2", "P3", "P4", "vector"):
            np.testing.assert_allclose(alone[kind][0], together[kind][number], atol=5e-6, err_msg=kind)


def test_a_damaged_file_is_named(roformer: tuple[Preset, Path]) -> None:
    preset, folder = roformer
    contents = {path: path.read_bytes() for path in folder.iterdir()}
    for name, damage in damages(folder):
        damage()
        # Of a checksum with a wrong digit nobody can tell which of the two is wrong.
        named = "" if name == "checksums.json" else name
        with pytest.raises(
            InputError, match=rf"openvino: {named}.*(is missing|bytes|is not what was written)"
        ):
            openvino_format.run(folder, two_sources(preset))
        for path, content in contents.items():
            path.write_bytes(content)
