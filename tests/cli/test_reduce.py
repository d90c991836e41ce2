"""``roformer-sim reduce``."""

from __future__ import annotations

import json
from pathlib import Path

from roformer_sim.checkpoints import load_preset


def test_a_reduced_preset_is_written(cli, tiny_preset: Path, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("广州和深圳哪个好？\n怎么开通花呗\n", encoding="utf-8")
    arguments = ("--layers", 1, "--hidden", 16, "--texts", tmp_path / "texts.txt", "--json")
    facts = json.loads(cli("reduce", tiny_preset, tmp_path / "out", *arguments).out)
    small = load_preset(tmp_path / "out")
    assert facts["parameters"] == sum(array.size for array in small.weights.values())
    assert facts["fitted_on_texts"] == 2
    assert (small.config.num_hidden_layers, small.config.hidden_size) == (1, 16)


def test_blocks_are_named_by_number(cli, tiny_preset: Path, tmp_path: Path) -> None:
    result = cli("reduce", tiny_preset, tmp_path / "out", "--layers", "0,1", "--intermediate", 32)
    assert "blocks 0, 1, written to" in result.out
    assert "  intermediate_size: 64 -> 32" in result.out


def test_wrong_arguments_are_refused(refused, tiny_preset: Path, tmp_path: Path) -> None:
    assert "--layers is 'two'" in refused("reduce", tiny_preset, tmp_path / "out", "--layers", "two")
    assert "layers is 9" in refused("reduce", tiny_preset, tmp_path / "out", "--layers", 9)
    assert "is there already" in refused("reduce", tiny_preset, tiny_preset, "--layers", 1)
    assert not (tmp_path / "out").exists()
