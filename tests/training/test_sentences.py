"""Streams of texts, labelled pairs and triples: what is read, left out, refused."""

from __future__ import annotations

import pytest

from roformer_sim import InputError
from roformer_sim.training.drawing import CUT, EXCLUDED
from roformer_sim.training.recipe_data import LabelledData, TextData, TripleData, TwiceData
from roformer_sim.training.sentences import (
    labelled_stream,
    sentence_stream,
    text_stream,
    triple_stream,
)

LINES = ["广州和深圳哪个好？", "怎么开通花呗？", "今天下雨吗？", "去公园怎么走？", "苹果手机多少钱？"]


def table(path, header, rows):
    path.write_text("\n".join("\t".join(map(str, row)) for row in [header, *rows]) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def sts(tmp_path):
    rows = [
        ("怎么借钱", "如何借钱", 5),
        ("今天下雨", "明天出门", 0),
        ("花呗还款", "还花呗", 3),
        ("好", "坏", 2),
    ]
    return table(tmp_path / "sts.tsv", ("text_a", "text_b", "label"), rows)


@pytest.fixture
def nli(tmp_path):
    rows = [
        ("一个人在弹吉他", "有人在弹吉他", "entailment"),
        ("一个人在弹吉他", "没有人在弹吉他", "contradiction"),
        ("一个人在弹吉他", "他弹得很好", "neutral"),
        ("一个人在弹吉他", "他很高兴", "-"),
    ]
    return table(tmp_path / "nli.tsv", ("text_a", "text_b", "label"), rows)


class TestTexts:
    def test_long_texts_are_cut_and_short_ones_left_out(self, tmp_path):
        path = tmp_path / "texts.txt"
        path.write_text("今天下雨了我们都不出门。" * 4 + "\n好的\n" + "\n".join(LINES), encoding="utf-8")
        stream = text_stream(TextData(rows="texts", texts=[str(path)], held_out=0, maxlen=12), seed=0)
        drawn = stream.draw(0, stream.sizes[0])
        assert sorted(drawn) == sorted(["今天下雨了我们都不出门。", *LINES])

    def test_what_is_cut_is_counted(self, tmp_path):
        path = tmp_path / "texts.txt"
        path.write_text("今天下雨了，我们都不出门，明天也不出门。\n" + "\n".join(LINES), encoding="utf-8")
        stream = sentence_stream(TwiceData(rows="twice", texts=[str(path)], held_out=0, maxlen=8), seed=0)
        assert "今天下雨了" in stream.draw(0, 6) and stream.losses[CUT] == 1

    def test_texts_of_a_benchmark_are_left_out_and_counted(self, tmp_path):
        path, bench = tmp_path / "texts.txt", tmp_path / "bench.txt"
        path.write_text("\n".join(LINES), encoding="utf-8")
        bench.write_text("怎么开通花呗\n", encoding="utf-8")  # the same but for its mark
        for data in (
            TextData(rows="texts", texts=[str(path)], held_out=0, exclude=[str(bench)]),
            TwiceData(rows="twice", texts=[str(path)], held_out=0, exclude=[str(bench)]),
        ):
            stream = (text_stream if data.rows == "texts" else sentence_stream)(data, 0)
            assert stream.sizes == [4] and stream.losses[EXCLUDED] == 1
            assert "怎么开通花呗？" not in stream.draw(0, 4)

    def test_every_sentence_comes_once_a_pass_and_held_out_ones_never(self, tmp_path):
        path = tmp_path / "texts.txt"
        path.write_text("\n".join(LINES), encoding="utf-8")
        stream = sentence_stream(TwiceData(rows="twice", texts=[str(path)], held_out=2), seed=3)
        (held_out,) = stream.held_out_items()
        passes = [stream.draw(3 * k, 3) for k in range(4)]
        assert all(sorted([*drawn, *held_out]) == sorted(LINES) for drawn in passes)
        assert len({tuple(drawn) for drawn in passes}) > 1


class TestLabelledPairs:
    def test_labels_are_scaled_and_classes_counted_through_both_tasks(self, sts, nli):
        data = LabelledData(rows="labelled", sts=[{"path": sts, "max": 5}], nli=[nli], held_out=0)
        stream = labelled_stream(data, seed=0)
        assert stream.sizes == [4, 3]
        drawn = {(p.a, p.b): (p.label, p.category, p.table) for p in stream.draw(0, 16)}
        assert drawn == {
            ("怎么借钱", "如何借钱"): (1.0, 1, 0),
            ("今天下雨", "明天出门"): (0.0, 0, 0),
            ("花呗还款", "还花呗"): (0.6, 1, 0),
            ("好", "坏"): (0.4, 0, 0),
            ("一个人在弹吉他", "没有人在弹吉他"): (0.0, 2, 1),
            ("一个人在弹吉他", "有人在弹吉他"): (1.0, 3, 1),
            ("一个人在弹吉他", "他弹得很好"): (0.5, 4, 1),
        }

    def test_the_tasks_take_turns(self, sts, nli):
        stream = labelled_stream(
            LabelledData(rows="labelled", sts=[{"path": sts, "max": 5}], nli=[nli], held_out=0), 0
        )
        assert [pair.table for pair in stream.draw(0, 10)] == [0, 1] * 5

    def test_where_similar_begins_is_the_tables_own(self, sts):
        data = LabelledData(rows="labelled", sts=[{"path": sts, "max": 5, "same": 2}], held_out=0)
        assert sorted(pair.category for pair in labelled_stream(data, 0).draw(0, 4)) == [0, 1, 1, 1]

    def test_a_label_outside_its_range_names_file_line_and_remedy(self, sts):
        data = LabelledData(rows="labelled", sts=[sts], held_out=0)
        with pytest.raises(InputError, match=r"sts\.tsv, line 2: the label 5 lies outside 0 to 1; .*max"):
            labelled_stream(data, 0)

    def test_an_unknown_class_names_file_and_line(self, sts, tmp_path):
        bad = table(tmp_path / "bad.tsv", ("text_a", "text_b", "label"), [("甲", "乙", "same")])
        data = LabelledData(rows="labelled", sts=[{"path": sts, "max": 5}], nli=[bad], held_out=0)
        with pytest.raises(InputError, match=r"bad\.tsv.*2.*'same'.*contradiction, entailment, neutral"):
            labelled_stream(data, 0)

    def test_wrong_columns_are_named(self, tmp_path):
        bad = table(tmp_path / "bad.tsv", ("sentence1", "sentence2", "score"), [("甲", "乙", 1)])
        with pytest.raises(InputError, match=r"bad\.tsv.*text_a"):
            labelled_stream(LabelledData(rows="labelled", sts=[bad], held_out=0), 0)


class TestTriples:
    def test_triples_with_an_empty_or_excluded_sentence_are_left_out(self, tmp_path):
        rows = [
            ("他在跑步", "有人在跑步", "他在睡觉"),
            ("她在唱歌", "她唱歌", "没人唱歌"),
            ("甲", "乙", "丙"),
        ]
        path = table(tmp_path / "triples.tsv", ("anchor", "positive", "negative"), [*rows, ("丁", " ", "戊")])
        bench = tmp_path / "bench.txt"
        bench.write_text("没人唱歌。\n", encoding="utf-8")
        data = TripleData(rows="triples", triples=[path], held_out=0, exclude=[str(bench)])
        stream = triple_stream(data, seed=0)
        assert {triple.anchor for triple in stream.draw(0, 2)} == {"他在跑步", "甲"}
        assert stream.sizes == [2] and stream.losses[EXCLUDED] == 1

    def test_too_few_are_refused_with_file_and_remedy(self, tmp_path):
        path = table(tmp_path / "t.tsv", ("anchor", "positive", "negative"), [("甲", "乙", "丙")])
        with pytest.raises(InputError, match=r"t\.tsv.*held_out"):
            triple_stream(TripleData(rows="triples", triples=[path], held_out=1), 0)


class TestTextsOfBenchmarksInPieces:
    """A benchmark's text of two sentences is found though training would cut it."""

    @pytest.mark.parametrize("rows", ["texts", "twice"])
    def test_it_is_left_out_whole(self, rows, tmp_path):
        path, bench = tmp_path / "texts.txt", tmp_path / "bench.txt"
        both = "今天天气真好。我们一起去公园玩吧！"
        path.write_text("\n".join([both, *LINES]), encoding="utf-8")
        bench.write_text(both + "\n", encoding="utf-8")
        kind, stream = (TextData, text_stream) if rows == "texts" else (TwiceData, sentence_stream)
        found = stream(kind(rows=rows, texts=[str(path)], held_out=0, exclude=[str(bench)], maxlen=8), 0)
        assert sorted(found.draw(0, found.sizes[0])) == sorted(LINES)
        assert found.losses[EXCLUDED] == 1
