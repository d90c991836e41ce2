"""Every shape in every format; foreign names; what is wrong with tables and Parquet files."""

from __future__ import annotations

import csv
import gzip
import json
import lzma
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_builder.errors import InputError
from corpus_builder.readers import (
    SHAPES,
    RowError,
    read_documents,
    read_groups,
    read_nli,
    read_objects,
    read_pairs,
    read_questions,
    read_rows,
    read_sts,
    read_texts,
    read_triples,
)
from corpus_builder.rows import Document, Group, NliRow, Pair, Question, StsRow, Triple

Object = dict[str, Any]

# For each shape: what a file holds, and the rows that it means. The files are called 百科.ENDING.
SHAPE_ROWS: dict[str, tuple[list[Object], list[Any]]] = {
    "groups": (
        [
            {"text": "怎么煮粥？", "synonyms": ["粥怎么煮？", "如何煮粥"], "source": "菜谱"},
            {"text": "几点下班", "synonyms": ['"几点"下班？'], "source": "百科"},
        ],
        [
            Group("怎么煮粥？", ("粥怎么煮？", "如何煮粥"), "菜谱"),
            Group("几点下班", ('"几点"下班？',), "百科"),
        ],
    ),
    "pairs": (
        [{"text_a": "下雨了", "text_b": "天在下雨", "score": 0.5, "source": "天气"}],
        [Pair("下雨了", "天在下雨", 0.5, "天气")],
    ),
    "qa": (
        [
            {"question": "猫吃什么？", "answers": ["吃猫粮，也吃鱼。", "鱼"]},
            {"question": "狗呢？", "answers": []},
        ],
        [Question("猫吃什么？", ("吃猫粮，也吃鱼。", "鱼"), "百科"), Question("狗呢？", (), "百科")],
    ),
    "documents": (
        [
            {"doc_id": "甲/1", "text": "第一段，有逗号。", "source": "报纸"},
            {"doc_id": "2", "text": '他说："好"', "source": "书"},
        ],
        [Document("甲/1", "第一段，有逗号。", "报纸"), Document("2", '他说："好"', "书")],
    ),
    "sts": (
        [
            {"text_a": '"早"安', "text_b": "早上好", "label": 4.5},
            {"text_a": "晚安", "text_b": "你好", "label": 0.0},
        ],
        [StsRow('"早"安', "早上好", 4.5), StsRow("晚安", "你好", 0.0)],
    ),
    "nli": (
        [
            {"text_a": "一个人在弹吉他", "text_b": "有人在演奏", "label": "entailment"},
            {"text_a": "一个人在弹吉他", "text_b": "他很高兴", "label": "-"},
        ],
        [
            NliRow("一个人在弹吉他", "有人在演奏", "entailment"),
            NliRow("一个人在弹吉他", "他很高兴", "-"),
        ],
    ),
    "triples": (
        [{"anchor": "孩子在踢球", "positive": "有人踢球", "negative": "孩子睡了", "source": "手写"}],
        [Triple("孩子在踢球", "有人踢球", "孩子睡了", "手写")],
    ),
    "texts": ([{"text": "第一句"}, {"text": '"第二"句'}], ["第一句", '"第二"句']),
}
TEXT_ENDINGS = [".jsonl", ".ndjson", ".json", ".tsv", ".csv"]
PACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstd.compress,
    ".xz": lzma.compress,
}


def cell(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else str(value)


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    """By the ending: CSV as Python's own writer quotes it, TSV, or Parquet as pyarrow writes it."""
    if path.suffix == ".parquet":
        pyarrow = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        parquet.write_table(
            pyarrow.table([list(column) for column in zip(*rows, strict=True)], columns), path
        )
    elif path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([columns, *[[cell(value) for value in row] for row in rows]])
    else:
        lines = ["\t".join(map(cell, row)) for row in [columns, *rows]]
        path.write_text("\n".join(lines) + "\n", "utf-8", newline="")
    return path


def write_objects(path: Path, rows: list[Object]) -> Path:
    plain = path.with_suffix("") if path.suffix in PACK else path
    if plain.suffix in {".tsv", ".csv", ".parquet"}:
        write_table(plain, list(rows[0]), [list(row.values()) for row in rows])
    else:
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
        plain.write_text("".join(lines), "utf-8", newline="")
    if plain != path:
        path.write_bytes(PACK[path.suffix](plain.read_bytes()))
    return path


@pytest.mark.parametrize("ending", [e + c for e in TEXT_ENDINGS for c in PACK] + [".parquet"])
@pytest.mark.parametrize("shape", SHAPE_ROWS)
def test_every_shape_is_read_from_every_format(tmp_path: Path, shape: str, ending: str) -> None:
    objects, expected = SHAPE_ROWS[shape]
    path = write_objects(tmp_path / f"百科{ending}", objects)
    read = list(read_rows([path], shape))
    assert [row for _, _, row in read] == expected
    assert {file for file, _, _ in read} == {path}
    # The header of a table is a line, too.
    first = 2 if ending.startswith((".tsv", ".csv")) else 1
    assert [line for _, line, _ in read] == list(range(first, first + len(expected)))


@pytest.mark.parametrize("compression", PACK)
def test_plain_text_holds_texts_and_documents(tmp_path: Path, compression: str) -> None:
    path = tmp_path / f"诗.txt{compression}"
    path.write_bytes(PACK[compression]("床前\r\n \n地上".encode()))
    assert list(read_texts(path)) == ["床前", "地上"]
    name = path.name
    assert list(read_documents(path)) == [
        Document(f"{name}:1", "床前", "诗"),
        Document(f"{name}:3", "地上", "诗"),
    ]


@pytest.mark.parametrize("shape", sorted(set(SHAPES) - {"texts", "documents"}))
def test_plain_text_holds_nothing_else(tmp_path: Path, shape: str) -> None:
    (tmp_path / "诗.txt").write_text("床前\n", "utf-8")
    with pytest.raises(InputError, match=f"plain text holds no {shape}; use JSON lines, a table or Parquet"):
        list(read_rows([tmp_path / "诗.txt"], shape))


def test_the_readers_of_one_shape_say_the_same(tmp_path: Path) -> None:
    readers: dict[str, Callable[[Path], Iterator[Any]]] = {
        "groups": read_groups,
        "pairs": read_pairs,
        "qa": read_questions,
        "documents": read_documents,
        "sts": read_sts,
        "nli": read_nli,
        "triples": read_triples,
        "texts": read_texts,
    }
    assert set(readers) == set(SHAPES)
    for shape, read in readers.items():
        objects, expected = SHAPE_ROWS[shape]
        assert list(read(write_objects(tmp_path / "百科.jsonl", objects))) == expected


def test_dureaders_documents_are_further_answers(tmp_path: Path) -> None:
    row = {
        "question": "茶怎么泡？",
        "answers": ["用开水。"],
        "documents": [{"title": "茶", "paragraphs": ["先洗杯。", "再放茶。"]}, {"paragraphs": []}],
    }
    expected = [Question("茶怎么泡？", ("用开水。", "先洗杯。\n再放茶。", ""), "茶")]
    for name in ("茶.jsonl", "茶.csv"):
        assert list(read_questions(write_objects(tmp_path / name, [row]))) == expected


def test_documents_of_title_and_paragraphs_and_integer_ids(tmp_path: Path) -> None:
    rows: list[Object] = [{"doc_id": 7, "title": "题", "paragraphs": ["上", "下"]}]
    for name in ("书.jsonl", "书.tsv", "书.parquet"):
        assert list(read_documents(write_objects(tmp_path / name, rows))) == [
            Document("7", "题\n上\n下", "书")
        ]


def test_what_may_be_absent_may_be_null_or_an_empty_cell(tmp_path: Path) -> None:
    path = tmp_path / "对.jsonl"
    path.write_text('{"text_a": "甲", "text_b": "乙", "score": null, "source": null}\n', "utf-8")
    assert list(read_pairs(path)) == [Pair("甲", "乙", 1.0, "对")]
    table = write_table(tmp_path / "对.tsv", ["text_a", "text_b", "score", "source"], [["甲", "乙", "", ""]])
    assert list(read_pairs(table)) == [Pair("甲", "乙", 1.0, "对")]


def test_a_list_in_a_cell_is_json_or_one_text(tmp_path: Path) -> None:
    cells = ['["甲", "乙"]', "[图片]看这里", "", "[]"]
    table = write_table(tmp_path / "问.tsv", ["question", "answers"], [["问", cell] for cell in cells])
    answers = [question.answers for question in read_questions(table)]
    assert answers == [("甲", "乙"), ("[图片]看这里",), (), ()]


@pytest.mark.parametrize("ending", [".jsonl", ".tsv", ".csv", ".parquet"])
def test_foreign_names_are_given_by_fields(tmp_path: Path, ending: str) -> None:
    rows = [{"标题": "感冒怎么办？", "回复": ["多喝水。"], "question": "别的", "浏览": 3}]
    path = write_objects(tmp_path / f"论坛{ending}", rows)
    read = read_rows([path], "qa", fields={"question": "标题", "answers": "回复"})
    assert [row for _, _, row in read] == [Question("感冒怎么办？", ("多喝水。",), "论坛")]


def test_a_field_that_is_named_wins_over_the_others_that_would_do(tmp_path: Path) -> None:
    rows = [{"text": "摘要", "正文": ["上", "下"]}]
    path = write_objects(tmp_path / "书.jsonl", rows)
    assert [row.text for _, _, row in read_rows([path], "documents", fields={"paragraphs": "正文"})] == [
        "上\n下"
    ]
    assert [row.text for row in read_documents(path)] == ["摘要"]


NAMES = {"question": "标题", "answers": "回复"}
MISSING = '"标题", named for "question", is missing'
WRONG_NAMES = [
    (".jsonl", f"line 1: the field {MISSING}; the row has: title, 回复"),
    (".tsv", f"line 1: the column {MISSING}; the file has: title, 回复"),
    (".csv", f"line 1: the column {MISSING}; the file has: title, 回复"),
    (".parquet", f"百科.parquet: the column {MISSING}; the file has: title, 回复"),
]


@pytest.mark.parametrize(("ending", "message"), WRONG_NAMES)
def test_a_name_that_is_missing_is_answered_with_those_that_are_there(
    tmp_path: Path, ending: str, message: str
) -> None:
    path = write_objects(tmp_path / f"百科{ending}", [{"title": "甲", "回复": ["乙"]}])
    with pytest.raises(InputError) as caught:
        list(read_rows([path], "qa", fields=NAMES))
    assert str(caught.value).startswith(str(path))
    assert str(caught.value).endswith(message)


def test_fields_that_the_shape_has_not_are_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"fields: texts have no 'question'; they have text"):
        read_rows([tmp_path], "texts", fields={"question": "标题"})
    with pytest.raises(InputError, match=r"shape 'question': must be one of groups, pairs, qa, documents"):
        read_rows([tmp_path], "question")


TSV, CSV = "text_a\ttext_b\tlabel\n", "text_a,text_b,label\n"
NO_HEADER = "expected a header with the columns text_a, text_b, label; the file has: 甲, 乙, 1"
OPEN_QUOTE = "malformed CSV (a quote is not closed before the end of the file)"
UNDECODABLE = "not UTF-8 (byte 0x{} at {}); convert the file to UTF-8, or read it as gb18030 if it is that"
BAD_TABLES = [
    ("a.tsv", "甲\t乙\t1\n", 1, NO_HEADER),
    ("a.tsv", "text_a\ttext_a\tlabel\n", 1, "the header names a column twice: text_a"),
    ("a.tsv", TSV + "甲\t乙\n", 2, "expected 3 columns, found 2"),
    ("a.tsv", TSV + "甲\t乙\t像\n", 2, "the label '像' is not a number"),
    ("a.tsv", TSV + "甲\t乙\t1_0\n", 2, "the label '1_0' is not a number"),
    ("a.tsv", TSV + "甲\t乙\tnan\n", 2, 'the field "label" must be a finite number, found nan'),
    ("a.tsv", TSV + "甲\t乙\t\n", 2, "the label is empty"),
    ("a.csv", CSV + '甲,"乙"丙,1\n', 2, "malformed CSV (',' expected after '\"')"),
    ("a.csv", CSV + '\n甲,"乙,1\n还有\n', 3, OPEN_QUOTE),
    ("a.csv", CSV + "甲,乙\n", 2, "expected 3 columns, found 2"),
    ("a.tsv", TSV.encode() + b"a\xd6\xd0\t\xb9\xfa\t1\n", 2, UNDECODABLE.format("d6", 1)),
    ("a.csv", CSV.encode() + b'"a\n\xff",b,1\n', 3, UNDECODABLE.format("ff", 0)),
    ("a.csv", "", 0, "the file is empty"),
]


@pytest.mark.parametrize(("name", "content", "line", "reason"), BAD_TABLES)
def test_what_is_wrong_with_a_table(
    tmp_path: Path, name: str, content: str | bytes, line: int, reason: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(RowError) as caught:
        list(read_sts(path))
    assert (caught.value.file, caught.value.line, caught.value.reason) == (str(path), line, reason)


def test_a_list_cell_that_is_cut_off_is_no_text(tmp_path: Path) -> None:
    table = write_table(tmp_path / "问.tsv", ["question", "answers"], [["问", '["甲", "乙']])
    with pytest.raises(RowError, match=r'line 2: the field "answers" begins like a JSON list and is none'):
        list(read_questions(table))


def test_rows_behind_a_bad_one_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('text_a,text_b,label\n甲,"乙"x,1\n丙,丁,2\n戊,"己\n庚",3\n辛,壬,高\n癸,子,4\n', "utf-8")
    rejected: list[RowError] = []
    read = [(line, row) for _, line, row in read_rows([path], "sts", on_reject=rejected.append)]
    assert read == [
        (3, StsRow("丙", "丁", 2.0)),
        (4, StsRow("戊", "己\n庚", 3.0)),
        (7, StsRow("癸", "子", 4.0)),
    ]
    assert [(error.line, error.reason) for error in rejected] == [
        (2, "malformed CSV (',' expected after '\"')"),
        (6, "the label '高' is not a number"),
    ]


def test_a_quote_that_is_never_closed_does_not_swallow_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    line = "甲" * 999 + "\n"
    path.write_text('text\n"' + line * 9000 + "最后\n", "utf-8")
    rejected: list[RowError] = []
    read = list(read_texts(path, rejected.append))
    assert read[-1] == "最后"
    assert [error.line for error in rejected] == [2]
    assert rejected[0].reason == "the row is longer than 8 million characters; is a quote never closed?"


def test_a_wrong_header_is_never_skipped(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("甲\t乙\n", "utf-8")
    with pytest.raises(InputError, match="expected a header"):
        list(read_sts(tmp_path / "a.tsv", lambda error: None))


def test_parquet_without_pyarrow_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # what Python itself has for "cannot be imported"
    with pytest.raises(InputError, match=r"needs pyarrow; install it: pip install 'roformer-sim\[parquet\]'"):
        list(read_texts(tmp_path / "a.parquet"))


def test_damaged_parquet_is_an_error_or_a_reject(tmp_path: Path) -> None:
    table = write_table(tmp_path / "a.parquet", ["text"], [[f"第{i}句"] for i in range(5000)])
    table.write_bytes(table.read_bytes()[:-100])
    with pytest.raises(RowError, match=r"a\.parquet: the Parquet file is damaged or cut off"):
        list(read_texts(table))
    with pytest.raises(InputError, match=r"nirgends\.parquet: cannot be read \(No such file"):
        list(read_texts(tmp_path / "nirgends.parquet"))


def test_bad_values_in_parquet_are_named_by_row(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    broken = pyarrow.array([b"\xe7\x94\xb2", b"a\xff", b"\xe4\xb9\x99"]).view(pyarrow.string())
    parquet.write_table(pyarrow.table({"text": broken}), tmp_path / "a.parquet")
    rejected: list[RowError] = []
    assert list(read_texts(tmp_path / "a.parquet", rejected.append)) == ["甲", "乙"]
    assert str(rejected[0]).endswith(
        "a.parquet, row 2: not UTF-8 (byte 0xff at 1 of a string); write the file again"
    )
    write_table(tmp_path / "b.parquet", ["text", "synonyms"], [["甲", ["乙"]], [None, []], ["丙", None]])
    rejected.clear()
    assert [group.text for group in read_groups(tmp_path / "b.parquet", rejected.append)] == ["甲"]
    assert [(error.line, error.reason) for error in rejected] == [
        (2, 'the field "text" must hold strings, found null'),
        (3, 'the field "synonyms" must be a list of strings, found null'),
    ]


def test_objects_of_any_file_are_read_as_they_are(tmp_path: Path) -> None:
    assert list(read_objects(write_table(tmp_path / "a.tsv", ["名", "数"], [["甲", 1]]))) == [
        (2, {"名": "甲", "数": "1"})
    ]
    assert list(read_objects(write_objects(tmp_path / "a.jsonl", [{"数": [1]}]))) == [(1, {"数": [1]})]
    assert list(read_objects(write_table(tmp_path / "a.parquet", ["数"], [[1]]))) == [(1, {"数": 1})]
    (tmp_path / "a.md").write_text("甲\n\n乙\n", "utf-8")
    assert list(read_objects(tmp_path / "a.md")) == [(1, {"text": "甲"}), (3, {"text": "乙"})]


anything = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
one_line = anything.map(lambda text: "".join(text.split("\t")).replace("\n", "").rstrip("\r"))


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet", ".jsonl.zst"])
@settings(deadline=None)
@given(rows=st.lists(st.tuples(anything, anything, st.floats(-1e6, 1e6)), min_size=1, max_size=5))
def test_any_text_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, ending: str, rows: list[tuple[str, str, float]]
) -> None:
    path = tmp_path_factory.mktemp("any") / f"a{ending}"
    write_objects(path, [dict(zip(("text_a", "text_b", "label"), row, strict=True)) for row in rows])
    assert list(read_sts(path)) == [StsRow(*row) for row in rows]


@settings(deadline=None)
@given(rows=st.lists(st.tuples(one_line, one_line, st.integers(0, 5)), min_size=1, max_size=5))
def test_any_text_of_one_line_comes_back_from_tsv(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, int]]
) -> None:
    path = write_table(tmp_path_factory.mktemp("any") / "a.tsv", ["text_a", "text_b", "label"], rows)
    assert list(read_sts(path)) == [StsRow(a, b, float(label)) for a, b, label in rows]


@settings(deadline=None)
@given(answers=st.lists(anything, max_size=4))
def test_any_list_comes_back_from_a_cell(
    tmp_path_factory: pytest.TempPathFactory, answers: list[str]
) -> None:
    path = write_table(tmp_path_factory.mktemp("any") / "a.csv", ["question", "answers"], [["问", answers]])
    assert list(read_questions(path)) == [Question("问", tuple(answers), "a")]
