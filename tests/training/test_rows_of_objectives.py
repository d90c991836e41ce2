"""Rows for pretraining, SimCSE, labels and copies, and what their batches tell the objectives."""

from __future__ import annotations

import numpy as np
import pytest

from corpus_builder.rows import Triple
from roformer_sim.training.arrays import Assembler, BatchTask, make_batch
from roformer_sim.training.pairs import SentencePair
from roformer_sim.training.rows import RowMaker, SentenceMaker, TextRowMaker
from roformer_sim.training.sentences import LabelledPair

TEXT = "今天天气真好我们明天出门去公园买书可以借钱还款学习中文科学技术是第一生产力"


def ids(tokenizer, text):
    return tokenizer.encode(text).token_ids[1:-1].tolist()


class TestTextRows:
    @pytest.fixture
    def made(self, tiny_tokenizer):
        maker = TextRowMaker(tiny_tokenizer, maxlen=32, masked=0.5, rate=0.3)
        return maker.make([TEXT] * 60, np.random.default_rng(0)).rows

    def test_half_are_masked_and_see_all_half_are_to_be_continued(self, made):
        masked = [row for row in made if row.source == len(row.token_ids)]
        assert 15 < len(masked) < 45
        assert all(row.restored for row in masked)
        assert not any(row.restored for row in made if row.source < len(row.token_ids))

    def test_what_is_to_be_restored_is_what_stood_there(self, made, tiny_tokenizer):
        clean = [tiny_tokenizer.cls_id, *ids(tiny_tokenizer, TEXT), tiny_tokenizer.sep_id]
        kept = 0
        for row in made:
            if row.source < len(row.token_ids):
                continue
            places = dict(row.restored)
            assert all(clean[place] == token for place, token in places.items())
            rest = [p for p in range(len(clean)) if p not in places]
            assert [row.token_ids[p] for p in rest] == [clean[p] for p in rest]
            kept += sum(row.token_ids[place] == token for place, token in places.items())
        assert kept > 0  # a tenth of the chosen words stays as it is and is asked for all the same

    def test_a_continued_row_holds_the_text_in_two_parts(self, made, tiny_tokenizer):
        clean, cuts = ids(tiny_tokenizer, TEXT), set()
        for row in made:
            if row.source == len(row.token_ids):
                continue
            beginning, rest = row.token_ids[1 : row.source - 1], row.token_ids[row.source : -1]
            assert beginning + rest == clean
            cuts.add(len(beginning))
        assert min(cuts) >= 0.2 * len(clean) - 1 and max(cuts) <= 0.5 * len(clean) + 1 and len(cuts) > 3

    def test_rows_fit(self, tiny_tokenizer):
        maker = TextRowMaker(tiny_tokenizer, maxlen=8, masked=0.5, rate=0.5)
        for row in maker.make([TEXT] * 20, np.random.default_rng(1)).rows:
            assert len(row.token_ids) <= 16
            assert all(0 < place < len(row.token_ids) - 1 for place, _ in row.restored)

    def test_the_batch_lists_both_kinds_of_targets_apart(self, made, tiny_tokenizer):
        batch = make_batch(made, tiny_tokenizer.pad_id)
        flat = batch["token_ids"].reshape(-1)
        generated, restored = batch["weights"] == 1, batch["mlm_weights"] == 1
        assert not (generated & restored).any()
        # The token before predicts what is generated; the place itself what is restored.
        np.testing.assert_array_equal(flat[batch["positions"][generated] + 1], batch["targets"][generated])
        assert restored.sum() == sum(len(row.restored) for row in made)
        assert (batch["segment_ids"].reshape(-1)[batch["positions"][restored]] == 0).all()


class TestSentenceRows:
    def batch(self, tokenizer, items, **more):
        return Assembler(SentenceMaker(tokenizer, maxlen=32), **more)(BatchTask(items, (0,)))

    def test_simcse_rows_stand_twice(self, tiny_tokenizer):
        batch = self.batch(tiny_tokenizer, ["怎么借钱", "今天下雨吗"])
        rows = batch["token_ids"].tolist()
        assert rows[0] == rows[1] != rows[2] == rows[3]
        assert batch["partners"].tolist() == [1, 0, 3, 2]
        assert not batch["segment_ids"].any() and not batch["weights"].any()

    def test_the_third_row_of_a_triple_has_no_partner_and_is_a_negative(self, tiny_tokenizer):
        triples = [Triple("他在跑步", "有人在跑步", "他在睡觉"), Triple("下雨了", "今天有雨", "天气真好")]
        batch = self.batch(tiny_tokenizer, triples)
        assert batch["partners"].tolist() == [1, 0, -1, 4, 3, -1]
        same = np.eye(6, dtype=bool)
        same[[0, 1, 3, 4], [1, 0, 4, 3]] = True
        np.testing.assert_array_equal(batch["same"], same)

    def test_labels_come_one_a_pair(self, tiny_tokenizer):
        pairs = [LabelledPair("怎么借钱", "如何借钱", 0.6, 1, 0), LabelledPair("好", "坏", 0.0, 2, 1)]
        batch = self.batch(tiny_tokenizer, pairs)
        assert batch["labels"].tolist() == pytest.approx([0.6, 0.0])
        assert batch["categories"].tolist() == [1, 2] and batch["tables"].tolist() == [0, 1]
        assert len(batch["token_ids"]) == 4 and "same" not in batch

    def test_long_sentences_are_cut(self, tiny_tokenizer):
        assert self.batch(tiny_tokenizer, [TEXT])["token_ids"].shape == (2, 32)

    def test_a_teacher_sees_the_sentences_of_the_rows(self, tiny_tokenizer):
        batch = self.batch(
            tiny_tokenizer,
            ["怎么借钱", "好"],
            teacher=lambda texts: np.array([[len(text)] for text in texts], np.float32),
        )
        assert batch["teacher"].tolist() == [[4], [4], [1], [1]]


class TestCopies:
    PAIRS = (SentencePair("怎么借钱", "如何能借钱", 0), SentencePair("今天下雨吗", "今天有雨吗", 1))

    def batch(self, tokenizer, masks=True, **more):
        maker = RowMaker(tokenizer, maxlen=16, noise=0.9, copies=2)
        return Assembler(maker, masks)(BatchTask(self.PAIRS, (0,)))

    def test_every_row_stands_twice_with_the_same_noise(self, tiny_tokenizer):
        rows = self.batch(tiny_tokenizer)["token_ids"].tolist()
        assert len(rows) == 8 and rows[0::2] == rows[1::2]

    def test_the_partner_is_the_partners_copy_and_no_other_row_of_the_pair_a_negative(self, tiny_tokenizer):
        for masks in (True, False):
            batch = self.batch(tiny_tokenizer, masks)
            assert batch["partners"].tolist() == [2, 3, 0, 1, 6, 7, 4, 5]
            np.testing.assert_array_equal(batch["same"], np.kron(np.eye(2), np.ones((4, 4))).astype(bool))

    def test_the_two_passes_of_a_target_stand_half_a_list_apart(self, tiny_tokenizer):
        batch = self.batch(tiny_tokenizer)
        half, width = len(batch["positions"]) // 2, batch["token_ids"].shape[1]
        np.testing.assert_array_equal(batch["targets"][:half], batch["targets"][half:])
        np.testing.assert_array_equal(batch["weights"][:half], batch["weights"][half:])
        used = batch["weights"][:half] == 1
        np.testing.assert_array_equal(
            batch["positions"][half:][used], batch["positions"][:half][used] + width
        )

    def test_false_negatives_are_masked_by_text_and_group_unless_switched_off(self, tiny_tokenizer):
        pairs = [SentencePair("怎么借钱", "如何能借钱", 0), SentencePair("怎么借钱？", "可以借钱吗", 1)]
        maker = RowMaker(tiny_tokenizer, maxlen=16, noise=0.0)
        masked, plain = (Assembler(maker, on)(BatchTask(pairs, (0,)))["same"] for on in (True, False))
        assert masked.astype(int).tolist() == [[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 1, 1], [1, 0, 1, 1]]
        np.testing.assert_array_equal(plain, np.eye(4, dtype=bool))
