"""TensorFlow's checkpoint files without TensorFlow: what TensorFlow wrote, and every byte of it damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from published_checkpoint import random_variables, write_checkpoint

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import load_any
from roformer_sim.checkpoints.tensor_bundle import TensorBundle

tensorflow = pytest.importorskip("tensorflow", reason="TensorFlow writes the checkpoints")

VARIABLES = {
    "a/kernel": np.arange(12, dtype=np.float32).reshape(3, 4),
    "a/kernel_of_doubles": np.linspace(0, 1, 5),
    "half": np.array([0.5, -2], np.float16),
    "steps": np.int64(-7),
    "empty": np.zeros((0, 3), np.float32),
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The prefix of a checkpoint of these variables."""
    folder = tmp_path_factory.mktemp("bundle")
    write_checkpoint(folder, VARIABLES, "model.ckpt")
    return folder / "model.ckpt"


def everything(prefix: Path) -> dict[str, bytes]:
    found = TensorBundle(prefix)
    return {name: found.read(name).tobytes() for name in found.entries}


def test_it_reads_what_tensorflow_wrote(bundle: Path) -> None:
    found = TensorBundle(bundle)
    assert set(found.entries) == set(VARIABLES)
    for name, values in VARIABLES.items():
        np.testing.assert_array_equal(found.read(name), values)
        assert found.read(name).dtype == values.dtype


def test_names_of_many_blocks_are_read(tmp_path: Path) -> None:
    many = {f"bert/encoder/layer_{i}/a/rather/long/name/kernel": np.float32(i) for i in range(3000)}
    write_checkpoint(tmp_path, many, "model.ckpt")
    found = TensorBundle(tmp_path / "model.ckpt")
    assert len(found.entries) == 3000
    assert found.read("bert/encoder/layer_2999/a/rather/long/name/kernel") == 2999


def test_the_variables_of_a_whole_model_are_those_tensorflow_reads(published: Callable[..., Path]) -> None:
    prefix = published(random_variables("bert", 4), embedding_size=4) / "bert_model.ckpt"
    reader = tensorflow.train.load_checkpoint(str(prefix))
    found = TensorBundle(prefix)
    assert set(found.entries) == set(reader.get_variable_to_shape_map())
    for name in found.entries:
        assert found.read(name).tobytes() == reader.get_tensor(name).tobytes()


@pytest.mark.parametrize("file", ["index", "data-00000-of-00001"])
@pytest.mark.parametrize("bit", [0, 7])
def test_any_flipped_bit_is_found_or_changes_nothing(
    bundle: Path, file: str, bit: int, tmp_path: Path
) -> None:
    intact = everything(bundle)
    prefix = tmp_path / "model.ckpt"
    for part in ("index", "data-00000-of-00001"):
        Path(f"{prefix}.{part}").write_bytes(Path(f"{bundle}.{part}").read_bytes())
    place = Path(f"{prefix}.{file}")
    content = place.read_bytes()
    unnoticed = 0
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 1 << bit
        place.write_bytes(damaged)
        try:
            assert everything(prefix) == intact
            unnoticed += 1
        except InputError as error:
            assert place.name in str(error)
            assert "\n" not in str(error)
    # Only what nothing reads: padding, and the footer's note of an empty block.
    assert unnoticed < 60 if file == "index" else unnoticed == 0


@pytest.mark.parametrize("file", ["index", "data-00000-of-00001"])
def test_a_file_cut_anywhere_is_named(bundle: Path, file: str, tmp_path: Path) -> None:
    prefix = tmp_path / "model.ckpt"
    for part in ("index", "data-00000-of-00001"):
        Path(f"{prefix}.{part}").write_bytes(Path(f"{bundle}.{part}").read_bytes())
    place = Path(f"{prefix}.{file}")
    content = place.read_bytes()
    for length in range(len(content)):
        place.write_bytes(content[:length])
        with pytest.raises(InputError, match=place.name):
            everything(prefix)


def test_an_index_that_claims_more_than_the_file_allocates_nothing(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, {"big": np.zeros(1000, np.float32)}, "model.ckpt")
    data = tmp_path / "model.ckpt.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:100])
    with pytest.raises(InputError, match="at variable big: the file ends before it"):
        TensorBundle(tmp_path / "model.ckpt").read("big")


def test_text_is_no_number(tmp_path: Path) -> None:
    tensorflow.raw_ops.SaveV2(
        prefix=str(tmp_path / "model.ckpt"), tensor_names=["a"], shape_and_slices=[""], tensors=[["x", "y"]]
    )
    with pytest.raises(InputError, match="variable a is of TensorFlow's type 7, no number"):
        TensorBundle(tmp_path / "model.ckpt").read("a")


def test_keras_own_format_is_told_apart(published: Callable[..., Path]) -> None:
    folder = published(random_variables("roformer"))
    for path in list(folder.glob("bert_model.ckpt.*")):
        path.rename(folder / path.name.replace("bert_model.ckpt", "best_model.weights"))
    with pytest.raises(InputError, match=r"best_model\.weights\.index is Keras's own format"):
        load_any(folder)
