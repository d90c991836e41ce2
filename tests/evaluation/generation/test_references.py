"""Sources with references, from groups and pairs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from corpus_builder.errors import InputError
from roformer_sim.evaluation.generation import Source, read_sources

GROUPS = [
    {"text": "怎么开通花呗？", "synonyms": ["花呗如何开通", "怎么开通花呗", "花呗如何开通？", "花呗怎么开"]},
    {"text": "今天下雨吗", "synonyms": ["今天下雨。"]},
    {"text": "广州好吗", "synonyms": ["广州怎么样"]},
]
PAIRS = [
    {"text_a": "他在弹琴。", "text_b": "他正在弹钢琴。"},
    {"text_a": "他在弹琴。", "text_b": "一个男人在弹琴。"},
    {"text_a": "广州好。", "text_b": "广州是好地方。"},
]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    paths = tmp_path / "groups.jsonl", tmp_path / "pairs.jsonl.gz"
    import gzip

    for path, rows in zip(paths, (GROUPS, PAIRS), strict=True):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
        path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return paths


def test_references_differ_from_the_text_and_from_one_another_by_more_than_marks(files) -> None:
    questions = read_sources(groups=[files[0]])
    assert questions == [
        Source("怎么开通花呗？", ("花呗如何开通", "花呗怎么开"), "questions"),
        Source("广州好吗", ("广州怎么样",), "questions"),
    ]


def test_pairs_of_one_first_text_make_one_statement_and_no_text_comes_twice(files) -> None:
    sources = read_sources([files[0]], [files[1]])
    assert [source.kind for source in sources] == ["questions", "questions", "statements"]
    # 广州好。 is 广州好吗 without marks and particles.
    assert sources[2] == Source("他在弹琴。", ("他正在弹钢琴。", "一个男人在弹琴。"), "statements")


def test_the_draw_depends_on_the_seed_alone(tmp_path: Path) -> None:
    path = tmp_path / "many.jsonl"
    rows = [{"text": f"问题{i}怎么办", "synonyms": [f"如何解决{i}"]} for i in range(50)]
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    drawn = read_sources([path], questions=10, seed=3)
    assert drawn == read_sources([path], questions=10, seed=3) != read_sources([path], questions=10, seed=4)
    assert len({source.text for source in drawn}) == 10
    # In the order of the file, and a larger draw holds the smaller one.
    assert [int(source.text[2:-3]) for source in drawn] == sorted(int(s.text[2:-3]) for s in drawn)
    assert set(drawn) <= set(read_sources([path], questions=20, seed=3))


def test_nothing_to_draw_from_is_refused(files, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to generate from: give groups"):
        read_sources()
    with pytest.raises(InputError, match="0 questions and 0 statements"):
        read_sources([files[0]], questions=0)
    (tmp_path / "same.jsonl").write_text('{"text_a": "你好", "text_b": "你好！"}\n', "utf-8")
    with pytest.raises(InputError, match=r"same\.jsonl: no text with a paraphrase, so no statements"):
        read_sources(pairs=[tmp_path / "same.jsonl"])
    (tmp_path / "wrong.jsonl").write_text('{"text_a": "你好"}\n', "utf-8")
    with pytest.raises(InputError, match=r"wrong\.jsonl.*line 1.*text_b"):
        read_sources(pairs=[tmp_path / "wrong.jsonl"])
