"""The guards on sentences and pairs, and decontamination."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import pytest

from corpus_builder.exclusion import Exclusion
from corpus_builder.readers import RowError
from corpus_builder.rules import Rules, prepare, substituted
from corpus_builder.similarity import normalise


def compatible(rules: Rules, a: str, b: str) -> bool:
    return rules.compatible(normalise(a), normalise(b))


def test_texts_equal_after_normalisation_are_no_pair() -> None:
    assert not compatible(Rules(), "你好吗？", "你 好 吗！")


def test_length_ratio() -> None:
    assert compatible(Rules(max_length_ratio=2.0), "天气很好", "今天外面的天气好")
    assert not compatible(Rules(max_length_ratio=2.0), "天气很好", "今天外面的天气真好")


def test_containment() -> None:
    assert not compatible(Rules(), "北京好吗", "你说，北京好吗")
    assert compatible(Rules(allow_containment=True), "北京好吗", "你说，北京好吗")


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("苹果2元一斤", "苹果3元一斤啊", False),
        ("等了１２分钟", "我等了12分钟", True),
        ("第二季好看吗", "第三季好不好看", False),
        ("一个人去旅行", "自己一人旅行去", True),
        ("iOS 怎么截图", "Android 怎么截屏", False),
        ("APP 打不开", "app怎么打不开", True),
    ],
)
def test_numbers_and_latin_words(a: str, b: str, same: bool) -> None:
    assert compatible(Rules(same_numbers=True, allow_containment=True), a, b) is same
    assert compatible(Rules(allow_containment=True), a, b)


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("晚上要喝咖啡", "晚上不要喝咖啡", False),
        ("他没有来上课", "他来上课了吗", False),
        ("有没有好看的书", "好看的书有哪些", True),
        ("这家店是不是很贵", "这家店很贵吗", True),
        ("味道特别好", "味道真的好", True),
        ("我不想去了", "我没想去啊", True),
    ],
)
def test_negation(a: str, b: str, same: bool) -> None:
    assert compatible(Rules(same_negation=True, allow_containment=True), a, b) is same


def test_a_word_in_place_of_another_is_told_from_a_word_put_in() -> None:
    assert substituted("有哪些空调值得买", "有哪些洗碗机值得买") == 2
    assert substituted("今天买空调", "今天去商场买空调") == 0
    assert not compatible(Rules(max_substituted=1), "有哪些空调值得买", "有哪些洗碗机值得买")
    assert compatible(Rules(max_substituted=1), "请问怎么买空调好", "买空调应该如何选")


def test_long_texts_may_replace_a_share_of_their_characters() -> None:
    a, b = "春天的时候我们全家一起到郊外放风筝和野餐", "春天的时候我们全家一起到山里放风筝和采花"
    # 郊野餐 against 山采花; 外 and 里 are function characters. Each text has 20 characters, all different.
    assert substituted(a, b) == 3
    assert compatible(Rules(max_substituted=2, substituted_share=0.15), a, b)
    assert not compatible(Rules(max_substituted=2, substituted_share=0.14), a, b)


def test_sentences_are_dropped_by_length_script_and_benchmark() -> None:
    counts: Counter[str] = Counter()
    candidates = ["好", "今天天气很好", "https abc def ghi", "明天见，老地方", "字" * 99, "后天 下雨\x00吗"]
    kept = list(prepare(candidates, Rules(), Exclusion(["明天见老地方！"]), counts))
    assert kept == [("今天天气很好", "今天天气很好"), ("后天 下雨 吗", "后天下雨吗")]
    assert counts == {
        "sentences": 6,
        "sentences dropped: length": 2,
        "sentences dropped: not Chinese": 1,
        "sentences dropped: in a benchmark": 1,
    }


def test_exclusion_reads_tables_json_lines_and_plain_text(tmp_path: Path) -> None:
    (tmp_path / "a.tsv.gz").write_bytes(gzip.compress("text_a\ttext_b\tlabel\n天冷了\t天凉了\t1\n".encode()))
    (tmp_path / "b.jsonl").write_text('{"text": "三加二？", "synonyms": ["二加三"], "n": 1}\n', "utf-8")
    (tmp_path / "c.txt").write_text("早上好！\n\n", "utf-8")
    exclusion = Exclusion.from_files(sorted(tmp_path.iterdir()))
    assert len(exclusion) == 5
    for text in ["天冷了。", "天 凉了", "三加二", "二加三！", "早上好"]:
        assert text in exclusion
    assert "晚上好" not in exclusion
    assert "" not in exclusion


def test_a_bad_benchmark_file_is_never_skipped(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("text_a\ttext_b\tlabel\n天冷了\n", "utf-8")
    with pytest.raises(RowError, match="line 2"):
        Exclusion.from_files([tmp_path / "a.tsv"])
