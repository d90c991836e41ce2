"""``roformer-sim synonyms``."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from corpus_builder.readers import read_groups

TEXT = "广州和深圳哪个好"


@pytest.fixture
def few(tiny_preset: Path) -> list[object]:
    """Options that keep a test short; the tiny network's random sentences are as long as allowed."""
    return ["-m", tiny_preset, "-n", 6, "-k", 3, "--maxlen", 14]


def test_json_is_a_question_group_with_falling_cosines(cli, few) -> None:
    result = cli("synonyms", TEXT, "--json", *few)
    assert (result.code, result.err) == (0, "")
    row = json.loads(result.out)
    assert list(row) == ["text", "synonyms", "scores"]
    assert row["text"] == TEXT
    assert len(row["synonyms"]) == len(row["scores"]) == 3
    assert row["scores"] == sorted(row["scores"], reverse=True)
    assert TEXT not in row["synonyms"]


def test_plain_output_is_the_text_and_its_synonyms_below(cli, few) -> None:
    lines = cli("synonyms", TEXT, *few).out.splitlines()
    assert lines[0] == TEXT
    assert len(lines) == 4
    score, sentence = lines[1].split(maxsplit=1)
    assert -1 <= float(score) <= 1 and sentence


def test_same_result_as_the_library(cli, few, tiny_model) -> None:
    row = json.loads(cli("synonyms", TEXT, "--json", "--seed", 7, *few).out)
    assert row["synonyms"] == tiny_model.gen_synonyms(TEXT, n=6, k=3, maxlen=14, seed=7)


def test_a_text_gets_the_same_synonyms_alone_and_among_others(cli, few) -> None:
    alone = cli("synonyms", TEXT, "--json", *few).out
    among = cli("synonyms", "今天天气真好", TEXT, "--json", *few).out.splitlines(keepends=True)
    assert among[1] == alone


def test_another_seed_gives_other_sentences(cli, few) -> None:
    assert cli("synonyms", TEXT, "--seed", 1, *few).out != cli("synonyms", TEXT, "--seed", 2, *few).out


def test_mask_positions_and_sampling_options_reach_the_sampler(cli, few, tiny_model) -> None:
    text = "科学技术是第一生产力。"
    options = ["--mask-idxs", "6,7", "--top-k", 5, "--top-p", 0.8, "--temperature", 0.7]
    row = json.loads(cli("synonyms", text, "--json", *options, *few).out)
    assert row["synonyms"] == tiny_model.gen_synonyms(
        text, 6, 3, [6, 7], top_k=5, top_p=0.8, temperature=0.7, maxlen=14, seed=0
    )


def test_sentences_come_from_standard_input_one_a_line(cli, few) -> None:
    result = cli("synonyms", "--json", *few, stdin="今天下雨\r\n明天\n".encode())
    assert [json.loads(line)["text"] for line in result.out.splitlines()] == ["今天下雨", "明天"]


def test_files_plain_gzipped_and_json_lines_are_read_in_order(cli, few, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("今天下雨\n", encoding="utf-8")
    with gzip.open(tmp_path / "b.txt.gz", "wt", encoding="utf-8") as file:
        file.write("明天下雨\n")
    (tmp_path / "c.jsonl").write_text('{"id": 1, "text": "北京"}\n\n{"text": "上海"}\n', encoding="utf-8")
    inputs = [part for name in ("a.txt", "b.txt.gz", "c.jsonl") for part in ("-i", tmp_path / name)]
    rows = cli("synonyms", "--json", *inputs, *few).out.splitlines()
    assert [json.loads(row)["text"] for row in rows] == ["今天下雨", "明天下雨", "北京", "上海"]


def test_the_output_file_can_be_read_back_as_groups(cli, few, tmp_path: Path) -> None:
    output = tmp_path / "made" / "synonyms.jsonl.gz"
    result = cli("synonyms", TEXT, "今天", "--json", "-o", output, *few)
    assert (result.code, result.out) == (0, "")
    assert [group.text for group in read_groups(output)] == [TEXT, "今天"]


def test_an_error_leaves_no_output_file(cli, few, tmp_path: Path) -> None:
    output = tmp_path / "synonyms.jsonl"
    assert cli("synonyms", TEXT, " ", "-o", output, *few).code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("empty", ["", "   ", "\u3000"])
def test_an_empty_line_is_refused_with_its_number(cli, few, empty: str) -> None:
    result = cli("synonyms", "--json", *few, stdin=f"今天下雨\n{empty}\n明天\n".encode())
    assert result.code == 2
    assert result.err == "error: standard input, line 2: the text is empty\n"
    assert len(result.out.splitlines()) == 1


def test_a_text_that_is_cut_is_warned_of(cli, few) -> None:
    result = cli("synonyms", "广" * 10_000, *few)
    assert result.code == 0
    assert result.err.startswith("warning: text of 10000 characters cut to 14 tokens")
    assert all(line.startswith("warning: ") for line in result.err.splitlines())


def test_wrong_values_are_refused(refused, few, tmp_path: Path) -> None:
    assert "--mask-idxs 'x'" in refused("synonyms", TEXT, "--mask-idxs", "x", *few)
    assert "argument 1: " in refused("synonyms", TEXT, "--mask-idxs", "99", *few)
    assert "top_p" in refused("synonyms", TEXT, "--top-p", "1.5", *few)
    assert "temperature" in refused("synonyms", TEXT, "--temperature", "0", *few)
    assert "not both" in refused("synonyms", TEXT, "-i", tmp_path / "x.txt", *few)
    assert "neither a folder nor a shipped preset" in refused("synonyms", TEXT, "-m", tmp_path / "none")


def test_unreadable_input_is_refused_with_file_and_line(refused, few, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"sentence": "北京"}\n', encoding="utf-8")
    assert f'{bad}, line 1: the field "text" is missing' in refused("synonyms", "-i", bad, *few)
    bad.write_text('{"text": "北京', encoding="utf-8")
    assert f"{bad}, line 1: the line is cut off" in refused("synonyms", "-i", bad, *few)
    assert "cannot be read" in refused("synonyms", "-i", tmp_path / "none.txt", *few)
    assert "line 1: not UTF-8 (byte 0xb9 at 0)" in refused("synonyms", *few, stdin="广州".encode("gb18030"))
    assert "standard input is empty" in refused("synonyms", *few, stdin=b"")
    assert "nothing to read" in refused("synonyms", *few, stdin=None)


def test_half_a_surrogate_pair_is_refused(refused, few) -> None:
    assert "lone surrogate" in refused("synonyms", "--jsonl", *few, stdin=rb'{"text": "\ud83d"}')
    assert "argument 1: TEXT holds a lone surrogate" in refused("synonyms", "广\udce4", *few)
