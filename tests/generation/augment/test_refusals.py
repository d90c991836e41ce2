"""What is refused, where it stands, and what becomes of it with ``skip_bad``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from file_runs import augment, files, generate

from corpus_builder.errors import InputError

BAD_ROWS = [
    ("q.jsonl", '{"text": "甲"}\n{"text": "乙\n', 2, "the line is cut off"),
    ("q.jsonl", '{"text": "甲"}\n["乙"]\n', 2, "expected a JSON object"),
    ("q.jsonl", '{"text": "甲"}\n{"Text": "乙"}\n', 2, 'the field "text" is missing; the row has: Text'),
    ("q.jsonl", '{"text": "甲"}\n{"text": 7}\n', 2, 'the field "text" must hold strings, found a number'),
    ("q.jsonl", '{"text": "甲"}\n{"text": " "}\n', 2, "the text is empty"),
    ("q.jsonl", '{"text": "甲"}\n{"text": "乙", "a": "\\ud83d"}\n', 2, "lone surrogate"),
    ("q.jsonl", '{"text": "甲"}\n{"text": "乙", "a": 1e999}\n', 2, "would lose digits"),
    ("q.jsonl", '{"text": "甲"}\n{"text": "乙", "a": [1' + "0" * 20 + "]}", 2, "would lose digits"),
    ("q.jsonl", '{"text": "甲"}\n{"text": "乙", "synonyms": []}\n', 2, 'a column "synonyms" already'),
    ("q.jsonl", b'{"text": "\xe7\x94\xb2"}\n{"text": "\xb9\xe3"}\n', 2, "not UTF-8"),
    ("q.csv", "text,id\n甲,1\n乙\n", 3, "expected 2 columns, found 1"),
    ("q.csv", 'text,id\n甲,1\n"",2\n', 3, "the text is empty"),
    ("q.txt", "甲\n\n乙\n", 2, "the text is empty"),
    ("q.txt", "甲\n无效\n", 2, "the text is empty; give a sentence"),
]


@pytest.mark.parametrize(("name", "content", "line", "reason"), BAD_ROWS)
def test_a_bad_row_is_an_error_with_its_line_or_a_reject(
    write, tmp_path, name, content, line, reason
) -> None:
    source = write(name, content)
    output = tmp_path / "out" / "out.jsonl"
    with pytest.raises(InputError) as caught:
        augment(source, output)
    assert str(caught.value).startswith(f"{source}, line {line}: ")
    assert reason in str(caught.value) and "--skip-bad" in str(caught.value)
    assert not output.exists()

    summary = augment(source, output, skip_bad=True)
    assert summary.rejected == 1 and summary.rejects is not None
    (reject,) = map(json.loads, summary.rejects.read_text(encoding="utf-8").splitlines())
    assert (reject["file"], reject["line"]) == (str(source), line) and reason in reject["reason"]
    assert len(output.read_text(encoding="utf-8").splitlines()) == summary.rows - 1
    assert sorted(files(output.parent)) == ["out.jsonl", "out.rejects.jsonl"]


def test_a_bad_row_is_known_before_anything_is_generated(write, tmp_path: Path) -> None:
    source = write("q.txt", "甲\n" * 1000 + "\n")
    with pytest.raises(InputError, match="line 1001"):
        augment(source, tmp_path / "out" / "out.jsonl", generate=None)
    assert files(tmp_path / "out") == {}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "q.csv",
            "id,问题\n1,甲\n",
            'line 1: the column "text" is missing; the file has: id, 问题 (see --column)',
        ),
        ("q.csv", "id,text,synonyms\n", 'line 1: there is a column "synonyms" already'),
        ("q.csv", b"\xb9\xe3,text\n1,2\n", "line 1: not UTF-8"),
        ("q.tsv", "", "the file is empty"),
        ("q.txt", "\ufeff你好".encode("utf-16"), "UTF-16"),
        ("q.parquet", "", "Parquet is not read here"),
    ],
)
def test_a_whole_file_that_cannot_be_used_is_never_skipped(write, tmp_path, name, content, message) -> None:
    with pytest.raises(InputError) as caught:
        augment(write(name, content), tmp_path / "out.jsonl", skip_bad=True)
    assert message in str(caught.value)


def test_what_the_output_cannot_hold_is_a_bad_row(write, tmp_path: Path) -> None:
    source = write("q.jsonl", '{"text": "甲", "a": "x\\ty"}\n{"text": "乙\\n丙"}\n')
    with pytest.raises(InputError, match=r'line 1: the column "a" holds a tab .*write \.csv'):
        augment(source, tmp_path / "out.tsv")
    assert augment(source, tmp_path / "out.tsv", skip_bad=True).rejected == 2
    with pytest.raises(InputError, match="line 2: the text holds a tab or a line end"):
        augment(source, tmp_path / "plain.txt")
    assert augment(source, tmp_path / "variants.txt", explode=True).rejected == 0


def test_an_output_that_is_there_is_kept_unless_told_otherwise(write, tmp_path: Path) -> None:
    source, output = write("q.txt", "甲\n"), tmp_path / "out.jsonl"
    output.write_text("precious")
    with pytest.raises(InputError, match=r"out\.jsonl: is there already; --overwrite"):
        augment(source, output)
    assert output.read_text() == "precious"
    augment(source, output, overwrite=True)
    assert json.loads(output.read_text(encoding="utf-8"))["text"] == "甲"


def test_the_input_is_never_written_over(write, tmp_path: Path) -> None:
    source = write("q.jsonl", '{"text": "甲"}\n')
    link = tmp_path / "link.jsonl"
    link.symlink_to(source)
    for output in (source, link):
        with pytest.raises(InputError, match=r"is the input and .* is to be written"):
            augment(source, output, overwrite=True)
    assert source.read_text(encoding="utf-8") == '{"text": "甲"}\n'
    rejects = write("a.rejects.jsonl", '{"text": "甲"}\n')
    with pytest.raises(InputError, match="is the input"):
        augment(rejects, rejects.with_name("a.csv"), overwrite=True)


def test_places_that_are_no_files_are_refused(write, tmp_path: Path) -> None:
    source = write("q.txt", "甲\n")
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(InputError, match="no ordinary file"):
        augment(source, tmp_path / "folder.jsonl")
    with pytest.raises(InputError, match="no ordinary file"):
        augment(tmp_path, tmp_path / "out.jsonl")
    with pytest.raises(InputError, match="the ending says how to write it"):
        augment(source, tmp_path / "out.xlsx")
    with pytest.raises(InputError, match="cannot be written"):
        augment(source, source / "out.jsonl")
    with pytest.raises(InputError, match="cannot be read"):
        augment(tmp_path / "none.txt", tmp_path / "out.jsonl")
    with pytest.raises(InputError, match="no place for scores"):
        augment(source, tmp_path / "out.txt", scores=True)


@pytest.fixture
def unfinished(write, tmp_path: Path) -> tuple[Path, Path]:
    """Twenty of thirty rows are done."""
    source, output = write("q.txt", "".join(f"第{i}个\n" for i in range(30))), tmp_path / "out" / "out.jsonl"

    def interrupted(texts, seeds):
        if "第20个" in texts:
            raise KeyboardInterrupt
        return generate(texts, seeds)

    with pytest.raises(KeyboardInterrupt):
        augment(source, output, block_size=10, generate=interrupted)
    return source, output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": 1}, "begun with seed=0, and now seed=1"),
        ({"block_size": 7}, "begun with block_size=10, and now block_size=7"),
        ({"explode": True}, "begun with explode=False, and now explode=True"),
        ({"settings": {"n": 100}}, "begun with n=None, and now n=100"),
    ],
)
def test_a_run_is_not_gone_on_with_otherwise(unfinished, options, message: str) -> None:
    source, output = unfinished
    before = files(output.parent)
    with pytest.raises(InputError, match=f"an earlier run of 20 rows was {message}.*--restart"):
        augment(source, output, **{"block_size": 10, **options})
    assert files(output.parent) == before
    assert augment(source, output, block_size=10).resumed_at == 20


def test_a_run_is_not_gone_on_with_another_input(unfinished, write) -> None:
    source, output = unfinished
    before = source.read_text(encoding="utf-8")
    source.write_text(before.replace("第5个", "第6个"), encoding="utf-8")
    with pytest.raises(InputError, match="with another input, or the file was changed since"):
        augment(source, output, block_size=10)
    assert augment(source, output, block_size=10, restart=True).resumed_at == 0
    assert len(output.read_text(encoding="utf-8").splitlines()) == 30


def test_an_input_that_changes_meanwhile_is_noticed(write, tmp_path: Path) -> None:
    text = "".join(f"第{i}个\n" for i in range(30))
    source, output = write("q.txt", text), tmp_path / "out.jsonl"

    def meanwhile(texts, seeds):
        source.write_text(text.replace("第29个", "第2x个"), encoding="utf-8")
        return generate(texts, seeds)

    with pytest.raises(InputError, match="changed while it was read; 10 rows are kept: put it back"):
        augment(source, output, block_size=10, generate=meanwhile)
    source.write_text(text, encoding="utf-8")
    assert augment(source, output, block_size=10).resumed_at == 10


@pytest.mark.parametrize("damage", ["state", "cut", "lost"])
def test_a_damaged_unfinished_output_is_refused(unfinished, damage: str) -> None:
    source, output = unfinished
    partial, state = (output.with_name(f"out.jsonl.{end}") for end in ("partial", "partial.state"))
    if damage == "state":
        state.write_bytes(state.read_bytes()[:50])
    elif damage == "cut":
        partial.write_bytes(partial.read_bytes()[:50])
    else:
        state.unlink()
    with pytest.raises(InputError, match=r"cannot be gone on with: .*--restart"):
        augment(source, output, block_size=10)
    assert augment(source, output, block_size=10, restart=True).resumed_at == 0
