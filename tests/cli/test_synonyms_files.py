"""``roformer-sim synonyms --input FILE --output FILE``: whole files, and how a run of them may end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from corpus_builder.readers import read_groups, read_objects
from roformer_sim.generation.augment import text_seed

ROOT = Path(__file__).resolve().parents[2]
TEXTS = ["广州和深圳哪个好", "今天下雨吗", "怎么开通花呗"]
SECONDS = 120  # for a start on a busy machine


@pytest.fixture
def few(tiny_preset: Path) -> list[object]:
    """Options that keep a test short; the tiny network's random sentences are as long as allowed."""
    return ["-m", tiny_preset, "-n", 4, "-k", 2, "--maxlen", 12]


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    folder = tmp_path / "inputs"
    folder.mkdir()
    path = folder / "questions.jsonl"
    rows = [{"id": number, "text": text} for number, text in enumerate(TEXTS)]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_file_becomes_question_groups_that_keep_its_columns(
    cli, few, questions, tmp_path, tiny_model
) -> None:
    output = tmp_path / "made" / "out.jsonl"
    result = cli("synonyms", "--input", questions, "--output", output, "--seed", 3, *few)
    assert (result.code, result.err) == (0, "")
    assert "           3  rows read\n" in result.out and f"written to {output}" in result.out
    rows = [row for _, row in read_objects(output)]
    assert [(row["id"], row["text"]) for row in rows] == list(enumerate(TEXTS))
    for text, row in zip(TEXTS, rows, strict=True):
        assert row["synonyms"] == tiny_model.gen_synonyms(text, 4, 2, maxlen=12, seed=text_seed(3, text))
    assert [group.text for group in read_groups(output)] == TEXTS


def test_the_summary_is_json_when_asked_for(cli, few, questions, tmp_path) -> None:
    output = tmp_path / "out.csv"
    summary = json.loads(cli("synonyms", "-i", questions, "-o", output, "--explode", "--json", *few).out)
    assert (summary["rows"], summary["variants"], summary["output"]) == (3, 6, str(output))
    rows = [row for _, row in read_objects(output)]
    assert [list(row) for row in rows] == [["id", "text", "synonym", "score"]] * 6


def test_texts_that_are_cut_are_counted_not_warned_of_one_by_one(cli, few, tmp_path) -> None:
    source = tmp_path / "long.txt"
    source.write_text("广" * 500 + "\n今天\n" + "州" * 11 + "\n" + "深" * 10 + "\n", encoding="utf-8")
    result = cli("synonyms", "-i", source, "-o", tmp_path / "out.jsonl", *few)
    assert (result.code, result.err) == (0, "")
    assert "           2  texts longer than 12 tokens" in result.out


def test_bad_rows_are_listed_with_skip_bad(cli, refused, few, tmp_path) -> None:
    source = tmp_path / "q.csv"
    # The tokenizer leaves nothing of the third text.
    source.write_text('id,问题\n1,今天\n2,\n3,"\u200b"\n', encoding="utf-8")
    given = ["synonyms", "-i", source, "-o", tmp_path / "out.csv", "--column", "问题", *few]
    assert f"{source}, line 3: the text is empty; correct it, or --skip-bad" in refused(*given)
    result = cli(*given, "--skip-bad")
    assert result.code == 0 and "2  rows rejected, listed in" in result.out
    rejects = (tmp_path / "out.rejects.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(reject)["line"] for reject in rejects] == [3, 4]


def test_plain_text_output_tells_what_it_does_not_keep(cli, few, questions, tmp_path) -> None:
    result = cli("synonyms", "-i", questions, "-o", tmp_path / "out.txt", *few)
    assert result.code == 0
    assert "plain text has no columns" in result.err and len(result.err.splitlines()) == 1


def test_wrong_options_are_refused_before_the_model_is_loaded(refused, few, questions, tmp_path) -> None:
    files = ["synonyms", "-i", questions, "-o", tmp_path / "out.jsonl", *few]
    assert "-k 9 is more than -n 4" in refused(*files, "-k", 9)
    assert "top_p must lie in (0, 1]" in refused(*files, "--skip-bad", "--top-p", 0)
    assert "temperature must be" in refused(*files, "--skip-bad", "--temperature", 0)
    assert "not both" in refused("synonyms", "今天", "-i", questions, "-o", tmp_path / "out.jsonl", *few)
    assert "--explode needs both --input FILE and --output FILE" in refused(
        "synonyms", "今天", "--explode", *few
    )
    assert "--block-size needs both" in refused("synonyms", "-i", questions, "--block-size", 5, *few)
    assert "the file has: id, text" in refused(
        *files[:2], write_table(questions), *files[3:], "--column", "问题"
    )
    assert not (tmp_path / "out.jsonl").exists()


def write_table(beside: Path) -> Path:
    path = beside.with_name("q.tsv")
    path.write_text("id\ttext\n1\t今天\n", encoding="utf-8")
    return path


def test_another_model_does_not_go_on_with_a_run(cli, refused, few, questions, tmp_path, monkeypatch) -> None:
    from roformer_sim.model import RoFormerSim

    given = ["synonyms", "-i", questions, "-o", tmp_path / "out.jsonl", "--block-size", 1, *few]
    synonyms = RoFormerSim.gen_synonyms_batch

    def interrupted(self, texts, *arguments, **options):
        if TEXTS[1] in texts:
            signal.raise_signal(signal.SIGINT)
        return synonyms(self, texts, *arguments, **options)

    monkeypatch.setattr(RoFormerSim, "gen_synonyms_batch", interrupted)
    result = cli(*given)
    assert result.code == 130 and len(result.err.splitlines()) == 1
    assert "interrupted; 1 of 3 rows are kept; the same command goes on" in result.err
    monkeypatch.undo()
    assert "begun with model (sha256 of its files)=" in refused(*given, "-m", "roformer_sim_char_mini_zh")
    assert "begun with n=4, and now n=5" in refused(*given, "-n", 5)
    result = cli(*given)
    assert result.code == 0 and "1  of them by an earlier run" in result.out


def started(arguments: list[object], state: Path, rows: int) -> subprocess.Popen[str]:
    """The program in a process of its own, which has just done so many rows."""
    process = subprocess.Popen(
        [sys.executable, "-m", "roformer_sim.cli", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + SECONDS
    while not state.exists() or json.loads(state.read_bytes())["rows_done"] < rows:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.005)
    return process


def test_killed_and_started_again_the_program_ends_with_the_same_bytes(cli, few, tmp_path) -> None:
    source, output = tmp_path / "q.txt", tmp_path / "broken" / "out.jsonl.gz"
    source.write_text("".join(f"{city}哪个好\n" for city in "广州深圳北京上"), "utf-8")
    given = ["synonyms", "-i", source, "--block-size", 1, *few, "-o"]
    process = started([*given, output], output.with_name("out.jsonl.gz.partial.state"), rows=1)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL and not output.exists()
    whole = tmp_path / "whole" / "out.jsonl.gz"
    result = cli(*given, output)
    assert result.code == 0 and "of them by an earlier run" in result.out
    assert cli(*given, whole).code == 0
    assert output.read_bytes() == whole.read_bytes()
    assert [path.name for path in output.parent.iterdir()] == ["out.jsonl.gz"]
