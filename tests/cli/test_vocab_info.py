"""``roformer-sim vocab`` and ``roformer-sim info``."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from roformer_sim.text import Tokenizer


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("广州和深圳哪个好？\n广州在广东\n只有一次\n")
    return path


def test_a_vocabulary_of_frequent_characters_is_written(cli, texts: Path, tmp_path: Path) -> None:
    output = tmp_path / "new" / "vocab.txt"
    result = cli("vocab", texts, "--output", output, "--max-size", 200)
    assert (result.code, result.err) == (0, "")
    tokenizer = Tokenizer.from_file(output)
    assert result.out == f"{tokenizer.vocab_size:,} tokens written to {output}\n"
    assert {"广", "州"} <= set(tokenizer.vocab)
    assert "圳" not in tokenizer.vocab, "seen once, fewer than --min-count"


def test_json_lines_of_training_files_count_too(cli, tmp_path: Path) -> None:
    (tmp_path / "groups.jsonl").write_text('{"text": "怎么办", "synonyms": ["怎么办呢"]}\n', encoding="utf-8")
    output = tmp_path / "vocab.txt"
    result = cli("vocab", tmp_path / "groups.jsonl", "-o", output, "--json", "--min-count", 1)
    assert json.loads(result.out)["tokens"] == Tokenizer.from_file(output).vocab_size
    assert "呢" in Tokenizer.from_file(output).vocab


def test_wrong_vocab_arguments_are_refused(refused, texts: Path, tmp_path: Path) -> None:
    output = tmp_path / "vocab.txt"
    assert "max_size is 10" in refused("vocab", texts, "-o", output, "--max-size", 10)
    assert "there is no such file" in refused("vocab", tmp_path / "none.txt", "-o", output)
    assert "is a folder" in refused("vocab", texts, "-o", tmp_path)
    assert "cannot be written" in refused("vocab", texts, "-o", texts / "vocab.txt")
    assert not output.exists()


def test_info_tells_shape_size_and_origin(cli, tiny_preset: Path, tiny_config, tiny_model) -> None:
    facts = json.loads(cli("info", tiny_preset, "--json").out)
    assert facts["kind"] == "preset"
    assert facts["tokens"] == tiny_config.vocab_size
    assert facts["config"] == tiny_config.model_dump()
    assert facts["metadata"] == {"made_by": "tests"}
    assert facts["parameters"] == tiny_model.backbone.count_params()
    assert facts["bytes"] > 4 * facts["parameters"]


def test_info_is_readable_without_json(cli, tiny_preset: Path) -> None:
    lines = cli("info", tiny_preset).out.splitlines()
    assert "kind: preset" in lines
    assert "  hidden_size: 32" in lines


def test_info_without_a_name_lists_the_shipped_presets(cli) -> None:
    from roformer_sim.checkpoints import shipped_presets

    assert json.loads(cli("info", "--json").out) == {"shipped_presets": shipped_presets()}


def test_info_of_no_model_folder_is_refused(refused, tmp_path: Path) -> None:
    assert "holds neither a preset" in refused("info", tmp_path)
    assert "neither a folder nor a shipped preset" in refused("info", "no-such-preset")


def test_info_of_a_hugging_face_folder_tells_what_is_missing(cli, tiny_preset: Path, tmp_path: Path) -> None:
    from roformer_sim.checkpoints import load_preset
    from roformer_sim.conversion import huggingface, sentence_transformers

    preset = load_preset(tiny_preset)
    (tmp_path / "whole").mkdir()
    huggingface.write(preset, tmp_path / "whole")
    facts = json.loads(cli("info", tmp_path / "whole", "--json").out)
    assert (facts["kind"], facts["missing"], facts["can"]) == (
        "huggingface",
        "nothing",
        "encode and generate",
    )
    assert "RoFormer of 2 layers, 32 wide, pooler (P2), language-model head, vocabulary of" in facts["found"]

    preset.config = preset.config.model_copy(
        update={"has_pooler": False, "has_lm_head": False, "pooling": "P3"}
    )
    preset.weights = {k: v for k, v in preset.weights.items() if not k.startswith(("pooler", "lm_"))}
    (tmp_path / "less").mkdir()
    sentence_transformers.write(preset, tmp_path / "less")
    facts = json.loads(cli("info", tmp_path / "less", "--json").out)
    assert facts["kind"] == "sentence-transformers"
    assert facts["missing"].startswith("pooler (no P2; vectors are P3), language-model head")
    assert facts["can"] == "encode (no language-model head)"
