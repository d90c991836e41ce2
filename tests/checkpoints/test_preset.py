"""Our preset folder: bitwise there and back, whole or absent, and no pickle."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import (
    Preset,
    assign_weights,
    load_any,
    load_preset,
    read_weights,
    save_preset,
)
from roformer_sim.checkpoints.atomic import atomic_folder
from roformer_sim.models import Backbone


@pytest.fixture
def copy(tiny_preset: Path, tmp_path: Path) -> Path:
    """A preset folder to damage."""
    return Path(shutil.copytree(tiny_preset, tmp_path / "preset"))


def test_float32_weights_come_back_bit_for_bit(tiny_preset: Path, tmp_path: Path) -> None:
    preset = load_preset(tiny_preset)
    backbone = Backbone(preset.config)
    assign_weights(backbone, preset.weights, tiny_preset)
    save_preset(
        tmp_path / "again", Preset(preset.config, preset.tokenizer, read_weights(backbone), {"词": 1})
    )
    again = load_preset(tmp_path / "again")
    assert again.config == preset.config
    assert again.tokenizer.vocab == preset.tokenizer.vocab
    assert again.metadata == {"词": 1}
    assert set(again.weights) == set(preset.weights)
    for name, array in preset.weights.items():
        assert again.weights[name].tobytes() == array.tobytes(), name


def test_float16_files_are_half_as_large_and_rounded_once(tiny_preset: Path, tmp_path: Path) -> None:
    preset = load_preset(tiny_preset)
    save_preset(tmp_path / "half", preset, weights_dtype="float16")
    ratio = (tmp_path / "half/model.safetensors").stat().st_size / (
        tiny_preset / "model.safetensors"
    ).stat().st_size
    assert ratio < 0.6
    backbone = Backbone(preset.config)
    assign_weights(backbone, load_preset(tmp_path / "half").weights, "half")
    for name, array in read_weights(backbone).items():
        np.testing.assert_array_equal(array, preset.weights[name].astype(np.float16).astype(np.float32))


def test_a_preset_is_json_plain_text_and_safetensors(tiny_preset: Path) -> None:
    for path in tiny_preset.iterdir():
        if path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
        elif path.suffix == ".safetensors":
            header = int.from_bytes(path.read_bytes()[:8], "little")
            assert json.loads(path.read_bytes()[8 : 8 + header])["__metadata__"]["format"]
        else:
            assert path.name == "vocab.txt"


def test_loading_unpickles_nothing(tiny_preset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a preset was unpickled")

    monkeypatch.setattr(pickle, "load", refuse)
    monkeypatch.setattr(pickle, "loads", refuse)
    preset = load_any(tiny_preset)
    assign_weights(Backbone(preset.config), preset.weights, tiny_preset)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _garbage(path: Path) -> None:
    path.write_bytes(b"\x80\x04\x95 not what it should be" * 10)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "metadata.json"])
@pytest.mark.parametrize("damage", [_cut, _empty, _garbage])
def test_a_damaged_file_is_named(copy: Path, name: str, damage: Callable[[Path], None]) -> None:
    damage(copy / name)
    with pytest.raises(InputError) as caught:
        load_preset(copy)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_cut_vocabulary_is_refused(copy: Path) -> None:
    lines = (copy / "vocab.txt").read_text().splitlines(keepends=True)
    (copy / "vocab.txt").write_text("".join(lines[:-3]))
    with pytest.raises(InputError, match=rf"vocab\.txt has {len(lines) - 3} tokens"):
        load_preset(copy)


@pytest.mark.parametrize("name", ["vocab.txt", "model.safetensors"])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(InputError, match=name):
        load_preset(copy)


def test_an_unknown_configuration_key_is_named(copy: Path) -> None:
    values = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(values | {"rotary_base": 500000}))
    with pytest.raises(InputError, match=r"config\.json: rotary_base"):
        load_preset(copy)


def test_missing_extra_and_misshapen_weights_are_named_and_nothing_is_assigned(tiny_preset: Path) -> None:
    preset = load_preset(tiny_preset)
    backbone = Backbone(preset.config)
    before = read_weights(backbone)
    name = "block_1/attention/qkv_kernel"
    rest = {key: value for key, value in preset.weights.items() if key != name}
    with pytest.raises(InputError, match=rf"here: weight {name} \[32, 96\] is missing"):
        assign_weights(backbone, rest, "here")
    with pytest.raises(InputError, match=rf"{name} has shape \[32, 95\].*\[32, 96\]"):
        assign_weights(backbone, rest | {name: preset.weights[name][:, 1:]}, "here")
    with pytest.raises(InputError, match="unexpected weight block_2/pooler"):
        assign_weights(backbone, preset.weights | {"block_2/pooler": np.zeros(3)}, "here")
    for key, value in read_weights(backbone).items():
        np.testing.assert_array_equal(value, before[key])


def test_a_file_in_the_way_is_left_alone(tiny_preset: Path, tmp_path: Path) -> None:
    target = tmp_path / "taken"
    target.write_text("mine")
    with pytest.raises(InputError, match="taken: is a file"):
        save_preset(target, load_preset(tiny_preset))
    assert target.read_text() == "mine"


def test_a_parent_that_is_a_file_cannot_be_written(tiny_preset: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/preset: cannot be written"):
        save_preset(tmp_path / "file" / "preset", load_preset(tiny_preset))


@pytest.mark.parametrize("failure", [RuntimeError("half way"), KeyboardInterrupt(), OSError(28, "disk full")])
def test_when_writing_fails_the_old_folder_stays_and_nothing_else(
    tmp_path: Path, failure: BaseException
) -> None:
    target = tmp_path / "preset"
    with atomic_folder(target) as place:
        (place / "config.json").write_text("old")
    expected = InputError if isinstance(failure, OSError) else type(failure)
    with pytest.raises(expected), atomic_folder(target) as place:
        (place / "config.json").write_text("new")
        raise failure
    assert (target / "config.json").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["preset"]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "preset"
    with atomic_folder(target) as place:
        (place / "old.json").write_text("")
    with atomic_folder(target) as place:
        (place / "new.json").write_text("")
        assert (target / "old.json").exists(), "the old one is there until the new one is whole"
    assert [path.name for path in target.iterdir()] == ["new.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["preset"]
