"""From one kind of folder to another."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from published_checkpoint import random_variables

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import load_any, save_preset
from roformer_sim.cli.application import main
from roformer_sim.conversion.convert import convert
from roformer_sim.conversion.formats import FORMATS, Format
from roformer_sim.conversion.outputs import Outputs, Samples, largest_differences

Published = Callable[..., Path]


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


def preset_of(published: Published, model_type: str, folder: Path) -> Path:
    """A preset; its format needs no other tool to be checked."""
    save_preset(folder, load_any(published(random_variables(model_type))))
    return folder


@pytest.mark.parametrize("model_type", ["roformer", "bert"])
def test_what_was_written_is_read_again_and_compared(
    published: Published, tmp_path: Path, model_type: str
) -> None:
    source = preset_of(published, model_type, tmp_path / "own")
    done = convert(source, tmp_path / "out", "preset", texts=["广州好？", "深圳和广州"])
    assert done.target.differences is not None
    assert set(done.target.differences) == {"P1", "P2", "P3", "P4", "vector", "hidden", "logits", "scores"}
    assert max(done.target.differences.values()) == 0.0
    before, after = load_any(source).weights, load_any(tmp_path / "out").weights
    assert {name: array.tobytes() for name, array in before.items()} == {
        name: array.tobytes() for name, array in after.items()
    }


def test_the_command_prints_what_it_measured(
    published: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = published(random_variables("roformer"))
    assert run("convert", source, tmp_path / "out", "--to", "preset", "--json", "--no-check") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["target"] == {"format": "preset", "differences": None, "tolerance": 1e-4}
    assert said["has_pooler"]
    assert said["has_lm_head"]


def test_an_unknown_format_is_told_which_there_are(
    published: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = published(random_variables("roformer"))
    assert run("convert", source, tmp_path / "out", "--to", "caffe") == 2
    assert "no format 'caffe' to convert to; there are preset" in capsys.readouterr().err


def test_the_source_is_not_written_over(published: Published) -> None:
    source = published(random_variables("roformer"))
    with pytest.raises(InputError, match="is the source itself"):
        convert(source, source, "preset")


class WrongFormat(Format):
    """A tool that makes something else of the folder."""

    def write(self, preset, folder: Path) -> None:  # type: ignore[no-untyped-def]
        (folder / "weights").write_text("…", encoding="utf-8")

    def run(self, folder: Path, samples: Samples) -> Outputs:
        assert (folder / "weights").is_file()
        return {"P3": np.full((len(samples.rows), 8), 0.5, np.float32)}


def test_a_result_that_differs_is_not_left_behind(
    published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FORMATS, "wrong", WrongFormat("wrong", "a wrong one", True, "nothing"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "kept").write_text("of before", encoding="utf-8")
    with pytest.raises(InputError, match=r"gives other P3 than our network: .* nothing was written"):
        convert(preset_of(published, "roformer", tmp_path / "own"), tmp_path / "out", "wrong")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["kept"]


def test_samples_are_cut_alike_and_never_write_padding(published: Published) -> None:
    preset = load_any(published(random_variables("bert")))
    samples = Samples.of(preset, ["广州和深圳哪个好？" * 9, "好"])
    assert [len(row) for row in samples.rows] == [8, 3]  # 12 positions, 4 of them to be written
    assert samples.targets.shape == (2, 4)
    assert preset.config.pad_token_id not in samples.targets


def test_differences_are_of_kinds_that_both_gave() -> None:
    ours = {"P1": np.zeros((2, 3)), "logits": np.ones((2, 5))}
    assert largest_differences(ours, {"P1": np.array([[0, 0, 0], [0, -0.25, 0]])}) == {"P1": 0.25}


@pytest.mark.parametrize(
    ("theirs", "message"),
    [
        ({"P9": np.zeros((2, 3))}, "nothing to compare"),
        ({"P1": np.zeros((3, 3))}, r"shape \[2, 3\] on one side, \[3, 3\] on the other"),
        ({"P1": np.full((2, 3), np.nan)}, "NaN"),
    ],
)
def test_what_cannot_be_compared_is_an_error(theirs: Outputs, message: str) -> None:
    with pytest.raises(InputError, match=message):
        largest_differences({"P1": np.zeros((2, 3))}, theirs)
