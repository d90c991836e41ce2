"""Which two sentences make a pair: seeded, 1:1 between the corpora, the same after a resume."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from roformer_sim import InputError
from roformer_sim.training.drawing import CUT
from roformer_sim.training.pairs import SINGLE, PairSource, PairStream

SETS = [("甲", "乙"), ("丙", "丁", "戊"), ("己", "庚")]


@pytest.fixture
def stream(corpus):
    def make(seed=0, held_out=2, pairs=True, maxlen=16):
        files = [str(corpus / "pairs.jsonl")] if pairs else []
        return PairStream([str(corpus / "groups.jsonl")], files, maxlen=maxlen, held_out=held_out, seed=seed)

    return make


def is_general(pair):
    """The general sentences of the corpus end with a mark, the questions do not."""
    return pair[0][-1] in "。！"


def test_a_pair_is_two_different_members_of_one_set():
    source = PairSource(SETS, seed=3)
    for a, b, *_ in (source.pair(i) for i in range(300)):
        assert a != b
        assert any({a, b} <= set(texts) for texts in SETS)


def test_every_set_comes_once_a_pass_and_passes_differ_in_order():
    source = PairSource([(f"甲{i}", f"乙{i}") for i in range(20)], seed=0)
    passes = [[source.pair(p * 20 + i)[0][1:] for i in range(20)] for p in range(3)]
    assert all(sorted(order) == sorted(passes[0]) for order in passes)
    assert passes[0] != passes[1] != passes[2]


def test_all_members_and_both_directions_come_up():
    source = PairSource([("丙", "丁", "戊")], seed=0)
    seen = Counter(source.pair(i)[:2] for i in range(600))
    assert len(seen) == 6
    assert min(seen.values()) > 60  # 100 expected of each


def test_a_pair_depends_on_seed_and_index_alone():
    forward = [PairSource(SETS, seed=5).pair(i) for i in range(50)]
    backward = [PairSource(SETS, seed=5).pair(i) for i in reversed(range(50))]
    assert forward == backward[::-1]
    assert forward != [PairSource(SETS, seed=6).pair(i) for i in range(50)]


def test_questions_and_general_sentences_take_turns(stream):
    kinds = [is_general(pair) for pair in stream().draw(0, 40)]
    assert kinds == [False, True] * 20


def test_without_general_sentences_all_are_questions(stream):
    only = stream(pairs=False)
    assert only.sizes == [8]
    assert not any(is_general(pair) for pair in only.draw(0, 40))


def test_a_slice_is_what_a_resumed_run_reads(stream):
    whole = stream().draw(0, 60)
    again = stream()
    assert again.draw(20, 15) == whole[20:35]
    assert again.draw(0, 20) == whole[:20]


def test_held_out_sets_are_never_trained_on(stream):
    made = stream(held_out=3)
    assert made.sizes == [7, 5]
    held_out = {text for pairs in made.held_out_items() for pair in pairs for text in pair[:2]}
    trained = {text for pair in made.draw(0, 500) for text in pair[:2]}
    assert [len(pairs) for pairs in made.held_out_items()] == [3, 3]
    assert not held_out & trained


def test_validation_pairs_are_the_same_for_a_seed(stream):
    assert stream(seed=1).held_out_items() == stream(seed=1).held_out_items()


def test_no_seed_trains_on_what_another_holds_out(stream):
    held_out = {
        text for pairs in stream(seed=1, held_out=3).held_out_items() for pair in pairs for text in pair[:2]
    }
    trained = {text for pair in stream(seed=2, held_out=3).draw(0, 500) for text in pair[:2]}
    assert held_out and not held_out & trained


def test_nothing_held_out(stream):
    made = stream(held_out=0)
    assert made.sizes == [10, 8] and made.held_out_items() == []


def test_too_few_sets_are_refused_with_file_and_remedy(stream):
    with pytest.raises(InputError, match=r"pairs\.jsonl.*8 usable sets.*held_out"):
        stream(held_out=7)


def test_a_broken_line_is_named(tmp_path):
    path = tmp_path / "groups.jsonl"
    path.write_text('{"text": "甲", "synonyms": ["乙"]}\n{"text": "丙"\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"groups\.jsonl.*2"):
        PairStream([str(path)], [], maxlen=16, held_out=0, seed=0)


def test_long_texts_give_their_first_piece_and_equal_texts_no_pair(tmp_path):
    long = "今天下雨了我不出门，" * 6
    rows = [
        {"text": "今天下雨", "synonyms": ["今天下雨", "今天有雨"]},
        {"text": long, "synonyms": [long + "真的。", "我不出门"]},
        {"text": "只有一句", "synonyms": ["只有一句", " "]},
    ]
    path = tmp_path / "groups.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    made = PairStream([str(path)], [], maxlen=12, held_out=0, seed=0)
    assert made.sizes == [2]
    assert made.losses[SINGLE] == 1 and made.losses[CUT] == 2
    pairs = {frozenset(pair[:2]) for pair in made.draw(0, 40)}
    assert pairs == {frozenset({"今天下雨", "今天有雨"}), frozenset({"今天下雨了我不出门", "我不出门"})}


def test_a_mixed_corpus_gives_both_kinds(tmp_path):
    rows = [
        {"text": f"第{n}个问题是什么？", "synonyms": [f"什么是第{n}个问题？"], "kind": "question"}
        for n in range(5)
    ] + [{"text": f"第{n}句话。", "synonyms": [f"这是第{n}句话。"], "kind": "general"} for n in range(4)]
    folder = tmp_path / "mixed"
    folder.mkdir()
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (folder / "a.jsonl").write_text(lines, "utf-8")
    stream = PairStream([str(folder)], [], maxlen=16, held_out=1, seed=0)
    assert stream.sizes == [4, 3]
    assert ["问题" in pair[0] for pair in stream.draw(0, 6)] == [True, False] * 3


class TestSentencesThatStandAlone:
    @pytest.fixture
    def alone(self, corpus, tmp_path):
        path = tmp_path / "texts.txt"
        path.write_text("".join(f"这是单独的第{n}句话。\n" for n in range(12)), encoding="utf-8")

        def make(share=0.5, held_out=2):
            files = [str(corpus / "groups.jsonl")], [str(corpus / "pairs.jsonl")]
            return PairStream(
                *files, maxlen=16, held_out=held_out, seed=0, sentences=[str(path)], sentence_share=share
            )

        return make

    @pytest.mark.parametrize("share", [0.25, 0.5, 0.8])
    def test_they_have_their_share_and_pairs_still_take_turns(self, alone, share):
        drawn = alone(share).draw(0, 400)
        assert sum(not item.alike for item in drawn) == 400 * share
        kinds = [is_general(item) for item in drawn if item.alike]
        assert kinds == [False, True] * (len(kinds) // 2)

    def test_each_comes_once_a_pass_and_none_is_held_out(self, alone):
        stream = alone()
        assert stream.sizes == [8, 6, 10]
        items = [item for item in stream.draw(0, 20) if not item.alike]
        seen = Counter(text for item in items for text in item[:2])
        held_out = {text for item in stream.held_out_items()[2] for text in item[:2]}
        assert len(seen) == 10 and set(seen.values()) == {2}
        assert len(held_out) == 2 and not held_out & set(seen)
        assert {*seen, *held_out} <= set(stream.texts())
