"""Bytes to text: UTF-8, GB18030, how `auto` tells them apart, and what is never guessed."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpus_builder.errors import InputError
from corpus_builder.readers import OnReject, RowError, read_jsonl, read_lines, read_rows

SENTENCES = ["今天去公园散步。", "晚饭吃了面条，很好吃！", "The end 结束", "plain ASCII", "镕堃㐀𠀀 也是字"]


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def texts_as_auto(path: Path, on_reject: OnReject | None = None) -> list[str]:
    return [row for _, _, row in read_rows([path], "texts", on_reject=on_reject, encoding="auto")]


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
@pytest.mark.parametrize("asked", ["same", "auto"])
def test_both_encodings_are_read_in_every_text_format(tmp_path: Path, encoding: str, asked: str) -> None:
    rows = "".join(f'{{"text": "{sentence}"}}\n' for sentence in SENTENCES)
    lines = "".join(f"{sentence}\n" for sentence in SENTENCES)
    files = {"a.jsonl": rows, "a.txt": lines, "a.tsv": "text\n" + lines, "a.csv": "text\n" + lines}
    for name, content in files.items():
        path = write(tmp_path / name, content.encode(encoding))
        read = read_rows([path], "texts", encoding=encoding if asked == "same" else "auto")  # type: ignore[call-overload]
        assert [row for _, _, row in read] == SENTENCES


def test_auto_says_once_that_it_took_gb18030(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "旧.txt", "\n".join(SENTENCES).encode("gb18030"))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):  # the documents are read twice, for instance
            assert texts_as_auto(path) == SENTENCES
    assert [record.getMessage() for record in caplog.records] == [f"{path}: not UTF-8, read as GB18030"]


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "auto"])
def test_a_byte_order_mark_is_no_text(tmp_path: Path, encoding: str) -> None:
    bytes_of = "gb18030" if encoding == "gb18030" else "utf-8"
    path = write(tmp_path / "a.txt", "\ufeff第一行\n第二行".encode(bytes_of))
    assert list(read_lines(path, encoding=encoding)) == [(1, "第一行"), (2, "第二行")]  # type: ignore[arg-type]


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "auto"])
@pytest.mark.parametrize("utf16", ["utf-16-le", "utf-16-be"])
def test_utf16_is_refused_with_the_way_to_convert_it(tmp_path: Path, encoding: str, utf16: str) -> None:
    path = write(tmp_path / "a.txt", "\ufeff第一行\n上\n".encode(utf16))
    rejected: list[RowError] = []
    assert list(read_lines(path, rejected.append, encoding=encoding)) == []  # type: ignore[arg-type]
    assert [(error.line, error.reason) for error in rejected] == [
        (0, "the file is UTF-16, which is not read; convert it: iconv -f UTF-16 -t UTF-8")
    ]


@pytest.mark.parametrize(
    ("encoding", "line", "reason"),
    [
        (
            "utf-8",
            "好".encode() + b"\xff!",
            "not UTF-8 (byte 0xff at 3); convert the file to UTF-8, or read it as gb18030 if it is that",
        ),
        (
            "gb18030",
            "好".encode("gb18030") + b"\xff!",
            "not GB18030 (byte 0xff at 2); is that the file's encoding?",
        ),
    ],
)
def test_a_broken_byte_costs_its_line_and_no_other(
    tmp_path: Path, encoding: str, line: bytes, reason: str
) -> None:
    first, last = "前面有一句话".encode(encoding), "后面还有一句".encode(encoding)
    path = write(tmp_path / "a.txt", b"\n".join([first, line, last]))
    rejected: list[RowError] = []
    read = list(read_lines(path, rejected.append, encoding=encoding))  # type: ignore[arg-type]
    assert read == [(1, "前面有一句话"), (3, "后面还有一句")]
    assert [(error.line, error.reason) for error in rejected] == [(2, reason)]


def test_a_gb18030_file_with_a_broken_line_in_a_hundred_is_still_one(tmp_path: Path) -> None:
    lines = ["天气预报说明天有雨".encode("gb18030")] * 100
    lines[50] += b"\xff"
    rejected: list[RowError] = []
    read = texts_as_auto(write(tmp_path / "a.txt", b"\n".join(lines)), rejected.append)
    assert read == ["天气预报说明天有雨"] * 99
    assert [error.line for error in rejected] == [51]


def test_broken_utf8_is_not_taken_for_gb18030(tmp_path: Path) -> None:
    # Cut in the middle of a character, as by a program that counts bytes; these bytes are also GB18030.
    data = "今天天气很好我们去公园".encode()[:-1]
    assert data.decode("gb18030")
    with pytest.raises(RowError, match=r"line 1: not UTF-8 \(byte 0xe5 at 30\)"):
        texts_as_auto(write(tmp_path / "a.txt", data))


def test_auto_looks_past_lines_that_are_the_same_in_both(tmp_path: Path) -> None:
    lines = [b"only ASCII for a while"] * 10_000 + ["终于有汉字了".encode("gb18030")]
    read = texts_as_auto(write(tmp_path / "a.txt", b"\n".join(lines)))
    assert read[-1] == "终于有汉字了"


def test_an_unknown_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"encoding 'big5': must be one of utf-8, gb18030, auto"):
        read_rows([tmp_path], "texts", encoding="big5")  # type: ignore[call-overload]


def test_control_characters_are_left_to_the_cleaning_of_sentences(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", b'{"a": "x\\u0000\\u0007y"}\n')
    assert list(read_jsonl(path)) == [(1, {"a": "x\x00\x07y"})]
    assert list(read_lines(write(tmp_path / "a.txt", b"x\x00\x07y\n"))) == [(1, "x\x00\x07y")]


phrases = st.sampled_from(
    ["北京", "天气怎么样", "，", "我们", "今天", "iPhone 15", "很贵。", "龘", "？", "乒乓球"]
)
# One phrase alone may be valid in both: 一一 in GB18030 is also two Cyrillic letters in UTF-8.
sentences = st.lists(phrases, min_size=3, max_size=10).map("".join)


@settings(deadline=None)
@given(lines=st.lists(sentences, min_size=1, max_size=10), encoding=st.sampled_from(["utf-8", "gb18030"]))
@example(lines=["很贵。很贵。北京"], encoding="gb18030")
def test_auto_finds_the_encoding_of_sentences(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], encoding: str
) -> None:
    path = write(tmp_path_factory.mktemp("any") / "a.txt", "\n".join(lines).encode(encoding))
    assert texts_as_auto(path) == lines
