"""Rows ``[CLS] source [SEP] target [SEP]``, batches of them, and the batches of an epoch."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roformer_sim.training.arrays import Assembler, longest_row, make_batch
from roformer_sim.training.batches import Batches, validation_batches
from roformer_sim.training.pairs import PairStream, SentencePair
from roformer_sim.training.rows import Row, RowMaker

LONG = "今天天气真好我们明天出门去公园买书可以借钱还款学习中文科学技术是第一生产力"


@pytest.fixture
def maker(tiny_tokenizer):
    def make(noise=0.0, maxlen=64):
        return RowMaker(tiny_tokenizer, maxlen=maxlen, noise=noise)

    return make


def ids(tokenizer, text):
    return tokenizer.encode(text).token_ids[1:-1].tolist()


def parts(row):
    """Source and target tokens of a row, without [CLS] and [SEP]."""
    return row.token_ids[1 : row.source - 1], row.token_ids[row.source : -1]


class TestRows:
    def test_a_pair_gives_both_directions_as_neighbours(self, maker, tiny_tokenizer):
        cls_id, sep_id = tiny_tokenizer.cls_id, tiny_tokenizer.sep_id
        a, b = ids(tiny_tokenizer, "怎么借钱"), ids(tiny_tokenizer, "如何能借钱")
        rows = maker().rows([SentencePair("怎么借钱", "如何能借钱")], np.random.default_rng(0))
        assert rows == [
            Row([cls_id, *a, sep_id, *b, sep_id], 6),
            Row([cls_id, *b, sep_id, *a, sep_id], 7),
        ]

    def test_sentences_that_stand_alone_have_no_target_no_noise_and_no_partner(self, maker, tiny_tokenizer):
        items = [SentencePair("怎么借钱", "如何能借钱"), SentencePair("今天天气真好", LONG, alike=False)]
        made = maker(noise=1.0, maxlen=8).make(items, np.random.default_rng(0))
        first, second = made.rows[2:]
        assert parts(first) == (ids(tiny_tokenizer, "今天天气真好"), [])
        assert parts(second) == (ids(tiny_tokenizer, LONG)[:6], [])
        assert made.arrays["partners"].tolist() == [1, 0, -1, -1]
        assert made.groups[2:] == [None, None]

    def test_targets_stay_clean_and_sources_keep_their_length(self, maker, tiny_tokenizer):
        pairs = [SentencePair(LONG, "今天天气真好"), SentencePair("怎么开通花呗", LONG)] * 20
        rows = maker(noise=1.0).rows(pairs, np.random.default_rng(0))
        changed = 0
        for i, row in enumerate(rows):
            source_text, target_text = pairs[i // 2][:2] if i % 2 == 0 else pairs[i // 2][1::-1]
            source, target = parts(row)
            assert target == ids(tiny_tokenizer, target_text)
            assert len(source) == len(ids(tiny_tokenizer, source_text))
            changed += source != ids(tiny_tokenizer, source_text)
        assert changed > 40

    def test_noise_is_mask_tokens_mostly(self, maker, tiny_tokenizer):
        clean = np.array(ids(tiny_tokenizer, LONG))
        rows = maker(noise=1.0).rows([SentencePair(LONG, LONG + "吗")] * 100, np.random.default_rng(1))
        sources = np.array([parts(row)[0] for row in rows[::2]])
        differs = sources != clean
        # 15 % of the words, less the tenth that stays as it is.
        assert 0.09 < differs.mean() < 0.18
        assert 0.8 < (sources[differs] == tiny_tokenizer.mask_id).mean() < 0.96

    def test_half_of_the_sources_get_noise(self, maker, tiny_tokenizer):
        text = LONG * 3  # some sixty words: noise leaves all of them alone in one case of thousands
        clean = ids(tiny_tokenizer, text)
        rows = maker(noise=0.5, maxlen=200).rows([SentencePair(text, "好")] * 400, np.random.default_rng(2))
        share = np.mean([parts(row)[0] != clean for row in rows[::2]])
        assert 0.42 < share < 0.58

    def test_the_same_state_gives_the_same_rows(self, maker):
        pairs = [SentencePair(LONG, "今天天气真好")] * 5
        first, second, other = (maker(noise=0.5).rows(pairs, np.random.default_rng(s)) for s in (7, 7, 8))
        assert first == second != other

    @settings(max_examples=40, deadline=None)
    @given(first=st.integers(0, 30), second=st.integers(0, 30))
    def test_rows_are_cut_from_the_longer_side(self, tiny_tokenizer, first, second):
        a, b = "广" * first, "州" * second
        row, _ = RowMaker(tiny_tokenizer, maxlen=10, noise=0.0).rows(
            [SentencePair(a, b)], np.random.default_rng(0)
        )
        source, target = list(a), list(b)
        while len(source) + len(target) + 3 > 20:
            (target if len(target) > len(source) else source).pop()
        assert tuple(map(len, parts(row))) == (len(source), len(target))
        assert len(row.token_ids) <= 20


class TestMakeBatch:
    def test_a_worked_example(self):
        # [CLS] 10 11 [SEP] 20 [SEP]  and  [CLS] 12 [SEP] 21 22 [SEP], width rounded up to 8.
        batch = make_batch([Row([2, 10, 11, 3, 20, 3], 4), Row([2, 12, 3, 21, 22, 3], 3)], pad_id=0)
        assert batch["token_ids"].tolist() == [[2, 10, 11, 3, 20, 3, 0, 0], [2, 12, 3, 21, 22, 3, 0, 0]]
        assert batch["segment_ids"].tolist() == [[0, 0, 0, 0, 1, 1, 0, 0], [0, 0, 0, 1, 1, 1, 0, 0]]
        # [SEP] of the source predicts the first target; row 1 begins at 8.
        assert batch["positions"][:5].tolist() == [3, 4, 10, 11, 12]
        assert batch["targets"][:5].tolist() == [20, 3, 21, 22, 3]
        assert batch["weights"].tolist() == [1.0] * 5 + [0.0] * 123

    def test_every_target_is_predicted_from_the_token_before_it(self, maker, tiny_tokenizer):
        rows = maker().rows(
            [SentencePair(LONG, "好"), SentencePair("怎么借钱", "如何能借钱")], np.random.default_rng(0)
        )
        batch = make_batch(rows, tiny_tokenizer.pad_id)
        flat, width = batch["token_ids"].reshape(-1), batch["token_ids"].shape[1]
        used = batch["weights"] == 1
        expected = [
            (i * width + t - 1, row.token_ids[t])
            for i, row in enumerate(rows)
            for t in range(row.source, len(row.token_ids))
        ]
        assert list(zip(batch["positions"][used], batch["targets"][used], strict=True)) == expected
        np.testing.assert_array_equal(flat[batch["positions"][used] + 1], batch["targets"][used])

    def test_shapes_come_in_steps(self):
        batch = make_batch([Row([2, 3] + [5] * 130, 2), Row([2, 3, 3], 2)], pad_id=0)
        assert batch["token_ids"].shape == (2, 136)
        assert batch["positions"].shape == batch["targets"].shape == batch["weights"].shape == (256,)


@pytest.fixture(scope="module")
def varied(tmp_path_factory):
    """A stream of pairs from one character to forty, some in Latin words of one token each."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(300):
        length = int(rng.integers(1, 40))
        text = "iphone " * (length // 4 + 1) if i % 5 == 0 else "好" * length
        rows.append({"text": f"{text}{i}", "synonyms": [f"{text}吗{i}"]})
    path = tmp_path_factory.mktemp("varied") / "groups.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return PairStream([str(path)], [], maxlen=64, held_out=10, seed=0)


def epoch_of(stream, tokenizer, *, steps=20, seed=0, maxlen=64, noise=0.5, **more):
    assembler = Assembler(RowMaker(tokenizer, maxlen=maxlen, noise=noise))
    return Batches(stream, assembler, items=4, steps=steps, seed=seed, **more)


def everything(batches, epoch=0):
    batches.begin_epoch(epoch)
    return [batches.make(batches.task(i)) for i in range(len(batches))]


class TestBatches:
    def test_an_epoch_holds_each_pair_of_the_stream_once(self, varied, tiny_tokenizer):
        decoded = []
        for batch in everything(epoch_of(varied, tiny_tokenizer), epoch=1):
            for ids_, segments in zip(batch["token_ids"], batch["segment_ids"], strict=True):
                decoded.append(tiny_tokenizer.decode(ids_[segments == 1]))
        expected = [text for pair in varied.draw(80, 80) for text in pair[:2]]
        encode = tiny_tokenizer.encode
        assert sorted(decoded) == sorted(tiny_tokenizer.decode(encode(text).token_ids) for text in expected)

    def test_partners_are_neighbours(self, varied, tiny_tokenizer):
        batch = everything(epoch_of(varied, tiny_tokenizer, steps=4, noise=0.0))[2]
        assert batch["partners"].tolist() == [1, 0, 3, 2, 5, 4, 7, 6]
        for i in range(0, 8, 2):
            present = batch["token_ids"][i : i + 2] != 0
            sources = [
                batch["token_ids"][i + k][(batch["segment_ids"][i + k] == 0) & present[k]][1:-1].tolist()
                for k in (0, 1)
            ]
            targets = [
                batch["token_ids"][i + k][batch["segment_ids"][i + k] == 1][:-1].tolist() for k in (0, 1)
            ]
            assert sources == targets[::-1]

    def test_sorting_by_length_saves_padding(self, varied, tiny_tokenizer):
        maker = RowMaker(tiny_tokenizer, maxlen=64, noise=0.0)
        unsorted_pairs = varied.draw(0, 80)
        rng = np.random.default_rng(0)
        in_turn = [make_batch(maker.rows(unsorted_pairs[i : i + 4], rng), 0) for i in range(0, 80, 4)]

        def padding(batches):
            cells = np.concatenate([batch["token_ids"].reshape(-1) for batch in batches])
            return np.mean(cells == 0)

        assert padding(everything(epoch_of(varied, tiny_tokenizer))) < 0.6 * padding(in_turn)

    def test_no_batch_is_wider_than_the_longest_row_promised(self, varied, tiny_tokenizer):
        batches = everything(epoch_of(varied, tiny_tokenizer, steps=40, maxlen=12, noise=0.0))
        assert max(batch["token_ids"].shape[1] for batch in batches) == 24 == longest_row(12)

    def test_the_longest_batch_comes_first(self, varied, tiny_tokenizer):
        batches = epoch_of(varied, tiny_tokenizer)
        batches.begin_epoch(0)
        characters = [sum(len(a) + len(b) for a, b, *_ in batches.task(i).items) for i in range(20)]
        assert np.argmax(characters) == 0

    def test_an_epoch_is_decided_by_seed_and_number(self, varied, tiny_tokenizer):
        running = epoch_of(varied, tiny_tokenizer)
        first, _ = everything(running), everything(running, epoch=1)
        third = everything(running, epoch=2)
        resumed = everything(epoch_of(varied, tiny_tokenizer), epoch=2)
        for ours, theirs in zip(third, resumed, strict=True):
            for name in ours:
                np.testing.assert_array_equal(ours[name], theirs[name])
        assert any(
            a["token_ids"].tolist() != b["token_ids"].tolist() for a, b in zip(first, third, strict=True)
        )


@pytest.fixture(scope="module")
def both_kinds(tmp_path_factory):
    """Questions end in 吗, general sentences in 。; ten of each are held out."""
    folder = tmp_path_factory.mktemp("kinds")
    groups = [{"text": f"好{i}吗", "synonyms": [f"{i}好吗"]} for i in range(60)]
    pairs = [{"text_a": f"好{i}。", "text_b": f"{i}好。"} for i in range(60)]
    for name, rows in (("groups.jsonl", groups), ("pairs.jsonl", pairs)):
        text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        (folder / name).write_text(text, encoding="utf-8")
    return PairStream(
        [str(folder / "groups.jsonl")], [str(folder / "pairs.jsonl")], maxlen=64, held_out=10, seed=0
    )


class TestBatchesOfOneKind:
    @staticmethod
    def endings(tokenizer, batch) -> set[str]:
        rows = zip(batch["token_ids"], batch["segment_ids"], strict=True)
        return {tokenizer.decode(ids_[segments == 1])[-1] for ids_, segments in rows}

    def test_each_batch_holds_one_kind_and_says_how_its_similarity_counts(self, both_kinds, tiny_tokenizer):
        found = []
        for batch in everything(epoch_of(both_kinds, tiny_tokenizer, kind_weights=(1.0, 0.25))):
            (ending,) = self.endings(tiny_tokenizer, batch)
            assert batch["similarity_weights"].tolist() == [1.0 if ending == "吗" else 0.25] * 8
            found.append(ending)
        assert found.count("吗") == found.count("。") == 10

    def test_without_weights_the_kinds_are_mixed(self, both_kinds, tiny_tokenizer):
        batches = everything(epoch_of(both_kinds, tiny_tokenizer))
        assert any(self.endings(tiny_tokenizer, batch) == {"吗", "。"} for batch in batches)
        assert all((batch["similarity_weights"] == 1.0).all() for batch in batches)

    def test_held_out_batches_too(self, both_kinds, tiny_tokenizer):
        assembler = Assembler(RowMaker(tiny_tokenizer, maxlen=64, noise=0.5))
        batches = validation_batches(both_kinds, assembler, items=4, seed=0, kind_weights=(1.0, 0.0))
        assert [self.endings(tiny_tokenizer, batch) for batch in batches] == [{"吗"}, {"吗"}, {"。"}, {"。"}]
        assert [batch["similarity_weights"].tolist() for batch in batches] == [[1.0] * 8] * 2 + [
            [0.0] * 8
        ] * 2


def test_validation_batches_are_whole_and_always_the_same(varied, tiny_tokenizer):
    def make():
        assembler = Assembler(RowMaker(tiny_tokenizer, maxlen=64, noise=0.5))
        return validation_batches(varied, assembler, items=4, seed=0)

    first, second = make(), make()
    assert [len(batch["token_ids"]) for batch in first] == [8, 8]  # ten pairs, four a batch
    for ours, theirs in zip(first, second, strict=True):
        np.testing.assert_array_equal(ours["token_ids"], theirs["token_ids"])
