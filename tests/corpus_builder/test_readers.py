"""Readers: each shape, each compression, and complaints that name file and line."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
from backports import zstd

from corpus_builder.errors import InputError
from corpus_builder.readers import (
    RowError,
    read_documents,
    read_groups,
    read_jsonl,
    read_pairs,
    read_questions,
    read_sts,
    read_texts,
    read_triples,
)
from corpus_builder.rows import Document, Group, Pair, Question, StsRow
from corpus_builder.writers import AtomicWriter


def write(path: Path, content: str | bytes) -> Path:
    data = content.encode() if isinstance(content, str) else content
    if path.suffix == ".gz":
        data = gzip.compress(data)
    elif path.suffix == ".xz":
        data = lzma.compress(data, preset=0)
    elif path.suffix == ".zst":
        data = zstd.compress(data)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst", ".xz"])
def test_json_lines_are_read_plain_and_compressed(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a.jsonl{suffix}", '{"a": "甲"}\n\n{"a": "乙"}\r\n{"a": "丙"}')
    assert list(read_jsonl(path)) == [(1, {"a": "甲"}), (3, {"a": "乙"}), (4, {"a": "丙"})]


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", b"\xef\xbb\xbf" + '{"a": "甲"}\n'.encode())
    assert list(read_jsonl(path)) == [(1, {"a": "甲"})]


def test_line_separators_inside_a_string_do_not_cut_the_row(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"a": "上\u2028下\x85"}\n')
    assert list(read_jsonl(path)) == [(1, {"a": "上\u2028下\x85"})]


def test_a_row_may_have_several_sources(tmp_path: Path) -> None:
    row = '{"text": "甲", "synonyms": ["乙"], "source": %s}'
    groups = write(tmp_path / "g.jsonl", row % '["书", "报"]' + "\n" + row % "[]")
    assert [group.source for group in read_groups(groups)] == ["书, 报", "g"]
    wrong = write(tmp_path / "w.jsonl", row % "[1]")
    with pytest.raises(InputError, match=r"w\.jsonl, line 1: .* must hold strings"):
        list(read_groups(wrong))


def test_the_shapes(tmp_path: Path) -> None:
    groups = write(tmp_path / "g.jsonl", '{"text": "甲", "synonyms": ["乙"], "source": "书", "score": 0.5}')
    assert list(read_groups(groups)) == [Group("甲", ("乙",), "书", 0.5)]
    questions = write(tmp_path / "q.jsonl", '{"question": "甲？", "answers": []}')
    assert list(read_questions(questions)) == [Question("甲？", (), "q")]
    documents = write(
        tmp_path / "d.jsonl",
        '{"doc_id": "1", "text": "甲"}\n{"title": "题", "paragraphs": ["上", "下"]}\n'
        '{"question": "问", "answers": ["答"]}',
    )
    assert list(read_documents(documents)) == [
        Document("1", "甲", "d"),
        Document("d.jsonl:2", "题\n上\n下", "d"),
        Document("d.jsonl:3", "问\n答", "d"),
    ]
    pairs = write(tmp_path / "p.jsonl", '{"text_a": "甲", "text_b": "乙"}')
    assert list(read_pairs(pairs)) == [Pair("甲", "乙", 1.0, "p")]
    sts = write(tmp_path / "s.tsv.gz", "text_a\ttext_b\tlabel\n甲\t乙\t4\n")
    assert list(read_sts(sts)) == [StsRow("甲", "乙", 4.0)]
    texts = write(tmp_path / "t.txt", "甲\n\n乙\n")
    assert list(read_texts(texts)) == ["甲", "乙"]


UNDECODABLE = "not UTF-8 (byte 0xd6 at 7); convert the file to UTF-8, or read it as gb18030 if it is that"
BAD_ROWS = [
    (read_jsonl, '{"a": 1}\n{"a": }\n', 2, "malformed JSON (Expecting value at column 7)"),
    (
        read_jsonl,
        '{"a": 1}\n{"a": "还没写',
        2,
        "the line is cut off after 10 characters; is the file complete?",
    ),
    (read_jsonl, '{"a": 1', 1, "the line is cut off after 7 characters; is the file complete?"),
    (read_jsonl, '{"a": NaN}', 1, "malformed JSON (NaN is no number of JSON)"),
    (read_jsonl, '{"a": "\t"}', 1, "malformed JSON (Invalid control character at at column 8)"),
    (read_jsonl, "[1, 2]\n", 1, "expected a JSON object like {...}, found a list"),
    (read_jsonl, '"甲"\n', 1, "expected a JSON object like {...}, found a string"),
    (
        read_jsonl,
        '[{"a": 1}, {"a": 2}]',
        1,
        "expected a JSON object like {...}, found a list; write one object a line: jq -c '.[]'",
    ),
    (read_jsonl, b'{"a": "\xd6\xd0\xce\xc4"}\n', 1, UNDECODABLE),
    (read_jsonl, "", 0, "the file is empty"),
    (read_groups, '{"synonyms": []}', 1, 'the field "text" is missing; the row has: synonyms'),
    (
        read_groups,
        '{"text": "甲", "synonyms": "乙"}',
        1,
        'the field "synonyms" must be a list of strings, found a string',
    ),
    (
        read_groups,
        '{"text": "甲", "synonyms": [3]}',
        1,
        'the field "synonyms" must hold strings, found a number',
    ),
    (
        read_groups,
        '{"text": "\\ud83d", "synonyms": []}',
        1,
        'the field "text" holds a lone surrogate, which is no character',
    ),
    (
        read_questions,
        '{"question": null, "answers": []}',
        1,
        'the field "question" must hold strings, found null',
    ),
    (
        read_questions,
        '{"question": "甲", "answers": [], "documents": ["乙"]}',
        1,
        'the field "documents" must be a list of objects',
    ),
    (
        read_documents,
        '{"doc_id": "1"}',
        1,
        'the field "text" (or "paragraphs") is missing; the row has: doc_id',
    ),
    (read_documents, "{}", 1, 'the field "text" (or "paragraphs") is missing; the row has: nothing'),
    (
        read_pairs,
        '{"text_a": "甲", "text_b": "乙", "score": "高"}',
        1,
        'the field "score" must be a number, found a string',
    ),
    (
        read_pairs,
        '{"text_a": "甲", "text_b": "乙", "score": 1e999}',
        1,
        'the field "score" must be a finite number, found inf',
    ),
    (
        read_triples,
        '{"anchor": "甲", "positive": "乙"}',
        1,
        'the field "negative" is missing; the row has: anchor, positive',
    ),
]


@pytest.mark.parametrize(("read", "content", "line", "reason"), BAD_ROWS)
def test_a_bad_row_is_named_by_file_and_line(
    tmp_path: Path, read: Callable[[Path], object], content: str | bytes, line: int, reason: str
) -> None:
    path = write(tmp_path / "坏.jsonl", content)
    with pytest.raises(RowError) as caught:
        list(read(path))  # type: ignore[call-overload]
    where = f"{path}, line {line}" if line else str(path)
    assert str(caught.value) == f"{where}: {reason}"
    assert (caught.value.file, caught.value.line, caught.value.reason) == (str(path), line, reason)


def test_deeply_nested_json_is_an_error_and_no_crash(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", "[" * 100_000 + "\n")
    with pytest.raises(RowError, match=r"malformed JSON|cut off"):
        list(read_jsonl(path))


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".xz"])
def test_a_cut_off_compressed_file_is_named_with_the_line_reached(tmp_path: Path, suffix: str) -> None:
    rows = "".join(f'{{"a": "{i * 7919 % 1000003}"}}\n' for i in range(30_000))
    path = write(tmp_path / f"a.jsonl{suffix}", rows)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    rejected: list[RowError] = []
    kept = list(read_jsonl(path, rejected.append))
    assert len(kept) > 10_000
    assert len(rejected) == 1
    assert rejected[0].line == len(kept) + 1
    assert rejected[0].reason == (
        "the compressed data is damaged or cut off (Compressed file ended before the end-of-stream marker "
        "was reached); fetch or write the file again"
    )
    with pytest.raises(RowError, match=rf"a\.jsonl{suffix}, line {len(kept) + 1}: the compressed data"):
        list(read_jsonl(path))


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".xz"])
def test_a_file_that_is_not_what_its_ending_says_is_an_error(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(b'{"a": 1}')
    with pytest.raises(RowError, match="line 1: the compressed data is damaged or cut off"):
        list(read_jsonl(path))


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".xz"])
def test_a_flipped_bit_is_noticed(tmp_path: Path, suffix: str) -> None:
    with AtomicWriter(tmp_path / f"a.jsonl{suffix}") as out:
        for i in range(2000):
            out.write_row({"a": i * 7919 % 1000003})
    data = bytearray(out.path.read_bytes())
    data[len(data) // 2] ^= 1
    out.path.write_bytes(data)
    with pytest.raises(RowError, match=r"malformed JSON|damaged or cut off"):
        list(read_jsonl(out.path))


def test_half_a_surrogate_pair_in_a_field_that_is_not_read_costs_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"text": "甲", "emoji": "\\ud83d"}\n')
    assert list(read_texts(path)) == ["甲"]


def test_skipping_goes_on_behind_the_bad_row(tmp_path: Path) -> None:
    path = write(
        tmp_path / "g.jsonl",
        '{"text": "甲", "synonyms": []}\n{"text": 1}\n{\n{"text": "乙", "synonyms": []}\n',
    )
    rejected: list[RowError] = []
    assert [group.text for group in read_groups(path, rejected.append)] == ["甲", "乙"]
    assert [error.line for error in rejected] == [2, 3]


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        list(read_jsonl(tmp_path / "nirgends.jsonl"))
