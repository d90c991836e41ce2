"""The command line as a user meets it: a process, its output, its exit code."""

from __future__ import annotations

import gzip
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
COMMANDS = ["clean-groups", "mine-questions", "mine-answers", "mine-documents", "texts"]
ALL_COMMANDS = [*COMMANDS, "mix", "report", "study"]
Run = Callable[..., subprocess.CompletedProcess[str]]


def run(*arguments: object, python: Path | str = sys.executable) -> subprocess.CompletedProcess[str]:
    command = [str(python), "-m", "corpus_builder.cli", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    return subprocess.run(command, check=False, capture_output=True, env=environment, encoding="utf-8")


@pytest.fixture(scope="module")
def forked(forking_python: Path) -> Run:
    """``run`` in a process that needs not load the program; the examples above start each by itself."""
    return partial(run, python=forking_python)


def rows(path: Path) -> list[dict[str, object]]:
    data = path.read_bytes()
    data = gzip.decompress(data) if path.suffix == ".gz" else data
    return [json.loads(line) for line in data.decode().splitlines()]


def assert_refused(result: subprocess.CompletedProcess[str], *words: str) -> None:
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    for word in words:
        assert word in result.stderr


def test_help_lists_the_commands_within_a_second_of_computing() -> None:
    # Computing time, not time on the clock, which depends on what else the machine does.
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = run("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert result.returncode == 0
    assert all(command in result.stdout for command in ALL_COMMANDS)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1


def test_without_arguments_the_help_is_shown() -> None:
    assert run().stdout == run("--help").stdout


@pytest.mark.parametrize("command", ALL_COMMANDS)
def test_each_command_explains_itself_with_an_example(command: str) -> None:
    result = run(command, "--help")
    assert result.returncode == 0
    assert f"corpus-builder {command} " in result.stdout
    assert ("--exclude" in result.stdout) == (command not in {"report", "study"})


def test_importing_the_package_loads_no_framework() -> None:
    code = "import sys, corpus_builder.cli; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert "corpus_builder.cli" in result.stdout.split()
    assert not {"tensorflow", "keras", "jax", "torch", "jieba", "roformer_sim"} & set(result.stdout.split())


def test_answers_of_the_example(tmp_path: Path) -> None:
    result = run("mine-answers", EXAMPLES / "qa.jsonl", "-o", tmp_path / "pairs.jsonl.gz", "--json")
    assert result.returncode == 0
    summary = json.loads(result.stdout)
    pairs = rows(tmp_path / "pairs.jsonl.gz")
    assert len(pairs) == summary["counts"]["pairs"] == summary["counts"]["rows written"] >= 20
    assert summary["settings"]["threshold"] == 0.5
    assert set(pairs[0]) == {"text_a", "text_b", "score", "source", "origin"}
    assert {"先炒鸡蛋，盛出来再炒西红柿。", "先把鸡蛋炒好盛出来，再炒西红柿。"} in [
        {pair["text_a"], pair["text_b"]} for pair in pairs
    ]


def test_documents_of_the_example(tmp_path: Path) -> None:
    result = run(
        "mine-documents", EXAMPLES / "documents.jsonl", "-o", tmp_path / "pairs.jsonl", "--source", "例子"
    )
    assert result.returncode == 0
    assert "pairs above the threshold" in result.stdout
    pairs = rows(tmp_path / "pairs.jsonl")
    assert len(pairs) >= 5
    assert {pair["source"] for pair in pairs} == {"例子"}


def test_groups_and_questions_and_texts_of_the_example(tmp_path: Path) -> None:
    assert run("clean-groups", EXAMPLES / "groups.jsonl", "-o", tmp_path / "groups.jsonl").returncode == 0
    assert len(rows(tmp_path / "groups.jsonl")) == 20
    asked = run(
        "mine-questions", EXAMPLES / "documents.jsonl", "-o", tmp_path / "asked.jsonl", "--threshold", "0.5"
    )
    assert asked.returncode == 0
    assert "小区的旧电梯什么时候能换新的？" in [group["text"] for group in rows(tmp_path / "asked.jsonl")]
    done = run("texts", tmp_path / "*.jsonl", "-o", tmp_path / "texts.txt")
    assert done.returncode == 0
    lines = (tmp_path / "texts.txt").read_text("utf-8").splitlines()
    assert len(lines) == len(set(lines)) >= 60


def test_guards_of_groups_are_options(forked: Run, tmp_path: Path) -> None:
    group = {
        "text": "苹果2元一斤贵吗",
        "synonyms": ["苹果2元一斤贵", "2元的苹果贵吗", "苹果3元贵吗", "3元一斤的苹果贵不贵"],
    }
    (tmp_path / "g.jsonl").write_text(json.dumps(group), "utf-8")

    def members(*options: object) -> list[int]:
        result = forked("clean-groups", tmp_path / "g.jsonl", "-o", tmp_path / "out.jsonl", *options)
        assert result.returncode == 0, result.stderr
        return [1 + len(row["synonyms"]) for row in rows(tmp_path / "out.jsonl")]  # type: ignore[arg-type]

    assert members() == [4]
    assert members("--near-identical", "0") == [5]
    assert members("--max-length-ratio", "1.3") == [2, 2]
    assert members("--same-numbers", "--max-length-ratio", "0") == [2, 2]
    manifest = json.loads((tmp_path / "out.jsonl.manifest.json").read_text("utf-8"))
    assert manifest["settings"]["same_numbers"] is True
    assert manifest["settings"]["min_chinese"] == 0.5


@pytest.mark.parametrize(("option", "value"), [("--near-identical", 1.5), ("--max-length-ratio", 0.5)])
def test_guards_of_groups_that_cannot_be(forked: Run, tmp_path: Path, option: str, value: float) -> None:
    assert_refused(
        forked("clean-groups", EXAMPLES / "groups.jsonl", "-o", tmp_path / "o.jsonl", option, value), option
    )


def test_questions_by_another_variant(forked: Run, tmp_path: Path) -> None:
    (tmp_path / "asked.txt").write_text("北京到上海怎么走\n上海到北京怎么走\n", "utf-8")
    for variant, groups in (("set", 1), ("bigram", 0)):
        out = tmp_path / f"{variant}.jsonl"
        options = ("--shape", "texts", "--variant", variant, "--threshold", "0.9")
        assert forked("mine-questions", tmp_path / "asked.txt", "-o", out, *options).returncode == 0
        assert len(rows(out)) == groups


def test_sts_tables_become_groups(forked: Run, tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text(
        "text_a\ttext_b\tlabel\n天气很冷\t天气真冷\t5\n天气很冷\t我饿了\t0\n", "utf-8"
    )
    forked("clean-groups", "--shape", "sts", tmp_path / "train.tsv", "-o", tmp_path / "g.jsonl")
    assert rows(tmp_path / "g.jsonl") == [{"text": "天气很冷", "synonyms": ["天气真冷"], "source": "train"}]


@pytest.mark.parametrize("command", COMMANDS)
def test_excluded_texts_are_in_no_output(forked: Run, tmp_path: Path, command: str) -> None:
    example = {"clean-groups": "groups", "mine-answers": "qa"}.get(command, "documents")
    thresholds = [] if command in {"clean-groups", "texts"} else ["--threshold", "0.4"]
    out = tmp_path / "out.jsonl"
    assert forked(command, EXAMPLES / f"{example}.jsonl", "-o", out, *thresholds).returncode == 0
    before = out.read_text("utf-8")
    victims = {
        "clean-groups": "身份证怎么办理",
        "mine-answers": "先炒鸡蛋，盛出来再炒西红柿。",
        "mine-questions": "小区的旧电梯什么时候能换新的？",
    }
    victim = victims.get(command, "这本书讲的是一个修表匠的一生。")
    assert victim in before
    (tmp_path / "valid.tsv").write_text(f"text_a\ttext_b\tlabel\n {victim}！\t别的\t1\n", "utf-8")
    again = forked(
        command, EXAMPLES / f"{example}.jsonl", "-o", out, *thresholds, "--exclude", tmp_path / "valid.tsv"
    )
    assert again.returncode == 0
    assert victim not in out.read_text("utf-8")


def test_a_bad_row_stops_the_run_and_leaves_no_output(forked: Run, tmp_path: Path) -> None:
    (tmp_path / "qa.jsonl").write_text('{"question": "甲", "answers": []}\n{"question": "乙"}\n', "utf-8")
    result = forked("mine-answers", tmp_path / "qa.jsonl", "-o", tmp_path / "out.jsonl")
    assert_refused(result, "qa.jsonl, line 2", '"answers" is missing')
    assert [path.name for path in tmp_path.iterdir()] == ["qa.jsonl"]


def test_skipped_rows_are_counted_and_listed(forked: Run, tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text('{"doc_id": "1"}\n{"doc_id": "2", "text": "甲"}\n{"doc', "utf-8")
    result = forked(
        "mine-documents",
        tmp_path / "d.jsonl",
        "-o",
        tmp_path / "out.jsonl.zst",
        "--on-error",
        "skip",
        "--json",
    )
    assert result.returncode == 0
    assert json.loads(result.stdout)["counts"]["rows rejected"] == 2
    rejects = rows(tmp_path / "out.rejects.jsonl")
    assert [(row["line"], row["file"]) for row in rejects] == [
        (1, str(tmp_path / "d.jsonl")),
        (3, str(tmp_path / "d.jsonl")),
    ]
    assert "missing" in str(rejects[0]["reason"])
    assert "cut off" in str(rejects[1]["reason"])


def test_wrong_use_is_one_line_and_exit_code_2(forked: Run, tmp_path: Path) -> None:
    example, out = EXAMPLES / "qa.jsonl", tmp_path / "out.jsonl"
    assert_refused(forked("mine-answers", tmp_path / "fehlt.jsonl", "-o", out), "fehlt.jsonl", "no such file")
    assert_refused(forked("mine-answers", tmp_path / "*.gz", "-o", out), "no file matches")
    assert_refused(forked("mine-answers", tmp_path, "-o", out), "no file with a known ending")
    assert_refused(forked("mine-answers", example, "-o", out, "--threshold", "1.5"), "--threshold 1.5")
    assert_refused(forked("mine-answers", example, "-o", out, "--treshold", "0.5"), "--treshold", "--help")
    assert_refused(forked("mine-answers", example), "--output")
    assert_refused(
        forked("mine-answers", example, "-o", out, "--exclude", tmp_path / "fehlt.tsv"), "fehlt.tsv"
    )
    assert_refused(forked("mine"), "mine")
    assert not out.exists()


def test_ctrl_c_ends_with_one_line_and_nothing_half_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "endless.jsonl")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "corpus_builder.cli", "mine-answers", str(tmp_path / "endless.jsonl")]
    process = subprocess.Popen(
        [*command, "-o", str(out / "pairs.jsonl")],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        # A test run started in the background of a script ignores Ctrl-C, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    # Opening the pipe for writing waits until the program reads from it; then the row never ends.
    with (tmp_path / "endless.jsonl").open("w", encoding="utf-8") as pipe:
        pipe.write('{"question": "甲", "answers": []}\n')
        pipe.flush()
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (
        stderr
        == "error: interrupted; the output was not written, finished pieces are kept for the next run\n"
    )
    assert list(out.iterdir()) == []


def test_a_dry_run_shows_what_would_come_and_writes_nothing(forked: Run, tmp_path: Path) -> None:
    for command in ("mine-documents", "mine-answers", "mine-questions", "clean-groups", "texts"):
        source = {"mine-answers": "qa", "clean-groups": "groups"}.get(command, "documents")
        result = forked(command, EXAMPLES / f"{source}.jsonl", "-o", tmp_path / "out.jsonl", "--dry-run")
        assert result.returncode == 0, result.stderr
        assert "dry run, nothing was written" in result.stdout
        assert "mined from the first 1,000" in result.stdout
        assert not list(tmp_path.iterdir())
    lines = (f'{{"doc_id": "{n}", "text": "天上有一轮明月。天上有一轮弯月。"}}' for n in range(1500))
    (tmp_path / "d.jsonl").write_text("\n".join(lines), "utf-8")
    result = forked("mine-documents", tmp_path / "d.jsonl", "-o", tmp_path / "out", "--dry-run", "--json")
    counts = json.loads(result.stdout)["counts"]
    assert (counts["groups"], counts["pairs dropped: boilerplate"]) == (1000, 1000)


def test_a_report_is_a_page_beside_the_run(forked: Run, tmp_path: Path) -> None:
    assert forked("mine-answers", EXAMPLES / "qa.jsonl", "-o", tmp_path / "pairs.jsonl.gz").returncode == 0
    result = forked("report", tmp_path / "pairs.jsonl.gz")
    assert result.returncode == 0, result.stderr
    assert str(tmp_path / "pairs.html") in result.stdout
    page = (tmp_path / "pairs.html").read_text("utf-8")
    assert "<svg" in page and "sentences compared" in page
    assert_refused(forked("report", tmp_path / "fehlt.jsonl"), "fehlt.jsonl")


def test_a_study_without_its_data_names_the_file_that_is_missing(forked: Run, tmp_path: Path) -> None:
    assert_refused(forked("study", tmp_path, tmp_path / "out"), str(tmp_path), "no such file")
    assert not (tmp_path / "out").exists()


def test_traditional_characters_may_count_as_simplified_ones(forked: Run, tmp_path: Path) -> None:
    text = "這個軟體怎麼關閉通知？这个软件怎么把通知关闭？"
    (tmp_path / "d.jsonl").write_text(json.dumps({"doc_id": "1", "text": text}), "utf-8")
    (tmp_path / "b.txt").write_text("这个软体怎么关闭通知", "utf-8")
    out = tmp_path / "out.jsonl"
    found = {}
    for options in ((), ("--simplified",), ("--simplified", "--exclude", tmp_path / "b.txt")):
        assert forked("mine-documents", tmp_path / "d.jsonl", "-o", out, *options).returncode == 0
        found[len(options)] = [row["text_a"] for row in rows(out)]
    assert found == {0: [], 1: ["這個軟體怎麼關閉通知？"], 3: []}
