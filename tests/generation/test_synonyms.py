"""gen_synonyms: what comes out, in which order, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from roformer_sim import InputError
from roformer_sim.generation import rank_synonyms, sample_texts

TEXT = "怎么借钱"
# Few rows of few tokens: on JAX every number of rows and every length is a program to compile.
SHORT = {"n": 8, "maxlen": 6, "seed": 0}


def encode_by_angle(texts):
    """Unit vectors at the angles written in the texts, in degrees; other texts lie at 0."""
    angles = np.radians([float(t.strip("度")) if t.strip("度").isdigit() else 0.0 for t in texts])
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


class TestRanking:
    def test_the_nearest_come_first_with_their_cosines(self):
        ranked = rank_synonyms("原句", ["60度", "10度", "30度"], encode_by_angle, 3)
        assert [synonym.text for synonym in ranked] == ["10度", "30度", "60度"]
        assert [synonym.score for synonym in ranked] == pytest.approx(np.cos(np.radians([10, 30, 60])))

    def test_no_more_than_k(self):
        ranked = rank_synonyms("原句", ["60度", "10度", "30度"], encode_by_angle, 2)
        assert [synonym.text for synonym in ranked] == ["10度", "30度"]

    def test_duplicates_empty_sentences_and_the_text_itself_are_dropped(self):
        ranked = rank_synonyms("原句", ["10度", "原句", "", "10度", "20度"], encode_by_angle, 9)
        assert [synonym.text for synonym in ranked] == ["10度", "20度"]

    def test_the_text_in_other_spacing_and_letter_case_is_the_text(self):
        same = ["iphone 5好吗", "iphone5好吗", "IPHONE5 好吗"]
        ranked = rank_synonyms("iPhone5好吗", [*same, "iphone好吗"], encode_by_angle, 9)
        assert [synonym.text for synonym in ranked] == ["iphone好吗"]

    def test_equally_near_ones_keep_the_order_drawn(self):
        ranked = rank_synonyms("原句", ["丙", "甲", "乙"], encode_by_angle, 3)
        assert [synonym.text for synonym in ranked] == ["丙", "甲", "乙"]

    def test_nothing_left(self):
        assert rank_synonyms("原句", ["原句", ""], encode_by_angle, 5) == []


class TestSynonyms:
    def test_distinct_sentences_sorted_by_score_without_the_text(self, generator):
        found = generator.synonyms(TEXT, k=5, **SHORT)
        texts = [synonym.text for synonym in found]
        scores = [synonym.score for synonym in found]
        assert 0 < len(found) <= 5
        assert len(set(texts)) == len(texts) and TEXT not in texts
        assert scores == sorted(scores, reverse=True)
        assert all(-1.0001 <= score <= 1.0001 for score in scores)
        # The scores are the cosines of the pooler's vectors.
        vectors = generator.encode([TEXT, *texts], pooling="P2")
        assert scores == pytest.approx((vectors[1:] @ vectors[0]).tolist(), abs=1e-5)

    def test_gen_synonyms_gives_their_texts(self, generator):
        expected = [synonym.text for synonym in generator.synonyms(TEXT, k=3, **SHORT)]
        assert generator.gen_synonyms(TEXT, k=3, **SHORT) == expected

    def test_the_seed_decides(self, generator, backbone, tiny_tokenizer):
        first, again, other = (
            sample_texts(backbone, tiny_tokenizer, TEXT, 8, maxlen=6, seed=seed) for seed in (1, 1, 2)
        )
        assert len(first) == 8 and first == again != other

    def test_special_tokens_are_never_drawn(self, backbone, tiny_tokenizer, monkeypatch):
        # A network that is sure of [MASK], [UNK], [CLS] and [PAD] still writes words.
        prefill, step = backbone.prefill, backbone.decode_step
        push = np.zeros(tiny_tokenizer.vocab_size, np.float32)
        push[[0, 1, 2, 4]] = 50.0
        monkeypatch.setattr(backbone, "prefill", lambda ids: pushed(prefill(ids), push))
        monkeypatch.setattr(backbone, "decode_step", lambda *args: pushed(step(*args), push))
        texts = sample_texts(backbone, tiny_tokenizer, TEXT, 8, maxlen=6, seed=0)
        assert any(texts) and not any("[" in text for text in texts)

    def test_mask_idxs_put_mask_at_those_tokens(self, generator, tiny_tokenizer, monkeypatch):
        class Seen(Exception):
            pass

        def look(token_ids):
            raise Seen(token_ids.tolist())

        monkeypatch.setattr(generator.backbone, "prefill", look)
        expected = tiny_tokenizer.encode("科学技术是第一生产力。").token_ids.copy()
        assert tiny_tokenizer.decode(expected[[6, 7]]) == "第一"
        expected[[6, 7]] = tiny_tokenizer.mask_id
        with pytest.raises(Seen) as seen:
            generator.gen_synonyms("科学技术是第一生产力。", mask_idxs=[6, 7])
        assert seen.value.args == ([expected.tolist()],)


def pushed(outcome, push):
    logits, cache = outcome
    return ops.convert_to_numpy(logits) + push, cache


class TestInput:
    @pytest.mark.parametrize("text", ["", "   ", "\n\t　", "\x00", "\ud800"])
    def test_a_text_without_anything_in_it_is_refused(self, generator, text):
        with pytest.raises(InputError, match="empty"):
            generator.gen_synonyms(text, n=2, k=1)

    @pytest.mark.parametrize(
        ("wrong", "named"),
        [
            ({"n": 0}, "n must"),
            ({"k": 0}, "k must"),
            ({"top_p": 0.0}, "top_p"),
            ({"top_p": 2.0}, "top_p"),
            ({"top_k": 0}, "top_k"),
            ({"temperature": 0.0}, "temperature"),
            ({"mask_idxs": [99]}, "position 99"),
            ({"mask_idxs": [-1]}, "position -1"),
            ({"mask_idxs": [0]}, r"\[CLS\]"),
            ({"maxlen": 1}, "maxlen"),
        ],
        ids=str,
    )
    def test_a_wrong_parameter_is_refused_by_name(self, generator, wrong, named):
        with pytest.raises(InputError, match=named):
            generator.gen_synonyms(TEXT, **{"n": 2, "k": 1, "maxlen": 6, **wrong})

    def test_ten_thousand_characters_are_cut_with_a_warning(self, generator):
        with pytest.warns(UserWarning, match="10000 characters cut to 6 tokens"):
            found = generator.gen_synonyms("今天下雨了" * 2000, k=2, **SHORT)
        assert found

    @pytest.mark.parametrize("text", ["怎么\x00借钱", "怎么借钱\ud83d", "怎么😀钱"])
    def test_nul_lone_surrogates_and_emoji_do_no_harm(self, generator, text):
        found = generator.gen_synonyms(text, k=3, **SHORT)
        assert found and all(isinstance(sentence, str) and sentence for sentence in found)
