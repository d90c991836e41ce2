"""gen_synonyms: what comes out, in which order, and what is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from roformer_sim import InputError
from roformer_sim.generation import Generated, GenerationOptions, Request, Selection, rank_synonyms
from roformer_sim.generation.generate import _source_ids
from roformer_sim.generation.likelihood import target_likelihoods
from roformer_sim.generation.options import masked_positions

TEXT = "怎么借钱"
# Few rows of few tokens: on JAX every number of rows and every length is a program to compile.
SHORT = {"n": 8, "maxlen": 6, "seed": 0}


def encode_by_angle(texts):
    """Unit vectors at the angles written in the texts, in degrees; other texts lie at 0."""
    angles = np.radians([float(t.strip("度")) if t.strip("度").isdigit() else 0.0 for t in texts])
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def ranked(texts, *, k=9, text="原句", **selection):
    """What one text gets of candidates with those texts."""
    candidates = [Generated(text, -float(i)) for i, text in enumerate(texts)]
    [found] = rank_synonyms([text], [candidates], encode_by_angle, Selection(k, **selection))
    return found


def texts_of(found):
    return [synonym.text for synonym in found]


class TestRanking:
    def test_the_nearest_come_first_with_their_cosines_and_log_probabilities(self):
        found = ranked(["60度", "10度", "30度"])
        assert texts_of(found) == ["10度", "30度", "60度"]
        assert [synonym.score for synonym in found] == pytest.approx(np.cos(np.radians([10, 30, 60])))
        assert [synonym.log_probability for synonym in found] == [-1.0, -2.0, 0.0]

    def test_no_more_than_k(self):
        assert texts_of(ranked(["60度", "10度", "30度"], k=2)) == ["10度", "30度"]

    def test_duplicates_empty_sentences_and_the_text_itself_are_dropped(self):
        assert texts_of(ranked(["10度", "原句", "", "10度", "20度"])) == ["10度", "20度"]

    def test_the_text_in_other_spacing_and_letter_case_is_the_text(self):
        same = ["iphone 5好吗", "iphone5好吗", "IPHONE5 好吗"]
        assert texts_of(ranked([*same, "iphone好吗"], text="iPhone5好吗")) == ["iphone好吗"]

    def test_equally_near_ones_keep_the_order_drawn(self):
        assert texts_of(ranked(["丙", "甲", "乙"])) == ["丙", "甲", "乙"]

    def test_nothing_left(self):
        assert ranked(["原句", ""]) == []

    def test_many_texts_are_encoded_in_one_call(self):
        calls = []

        def encode(texts):
            calls.append(texts)
            return encode_by_angle(texts)

        candidates = [[Generated("10度", 0.0), Generated("甲", 0.0)], [], [Generated("20度", 0.0)]]
        found = rank_synonyms(["甲", "乙", "丙"], candidates, encode, Selection())
        assert calls == [["甲", "10度", "乙", "丙", "20度"]]
        assert list(map(texts_of, found)) == [["10度"], [], ["20度"]]

    def test_a_cosine_below_the_least_is_dropped(self):
        assert texts_of(ranked(["60度", "10度", "30度"], min_similarity=0.8)) == ["10度", "30度"]

    def test_diversity_drops_what_differs_in_punctuation_case_width_and_particles_alone(self):
        like = ["打开APP呢？", "打开ＡＰＰ。", "打开app吧", "关闭app吗", "关闭app！", "。"]
        assert texts_of(ranked(like, text="打开app", diversity=0.0)) == ["关闭app吗"]
        assert len(ranked(like, text="打开app")) == 6

    def test_diversity_prefers_what_is_unlike_those_chosen(self):
        # 12 degrees is nearer than 330, and next to 10.
        assert texts_of(ranked(["10度", "12度", "330度"], diversity=0.0)) == ["10度", "12度", "330度"]
        assert texts_of(ranked(["10度", "12度", "330度"], diversity=0.5)) == ["10度", "330度", "12度"]

    def test_marginal_relevance_is_the_formula(self):
        angles = np.random.default_rng(0).integers(0, 90, 30)
        texts = list(dict.fromkeys(f"{angle}度" for angle in angles))
        vectors = encode_by_angle(texts)
        left, chosen, weight = set(range(len(texts))), [], 0.4
        while left:

            def gain(i):
                like = max((vectors[i] @ vectors[j] for j in chosen), default=0.0)
                return (1 - weight) * vectors[i, 0] - weight * like

            best = max(left, key=gain)
            chosen.append(best)
            left.remove(best)
        found = texts_of(ranked(texts, k=None, diversity=weight))
        assert found == [texts[i] for i in chosen]

    def test_likelihoods_in_both_directions_are_added_to_the_cosine(self):
        # Nats a token of each candidate given the text, and of the text given each candidate.
        forward = {"10度": 3.0, "30度": 1.0, "60度": 2.0}
        reverse = {"10度": 2.0, "30度": 2.0, "60度": 0.5}

        def nats(sources, targets):
            return [forward[b] if a == "原句" else reverse[a] for a, b in zip(sources, targets, strict=True)]

        def order(**weights):
            candidates = [[Generated(text, 0.0) for text in forward]]
            [found] = rank_synonyms(["原句"], candidates, encode_by_angle, Selection(**weights), nats)
            assert [one.score for one in found] == pytest.approx(
                [np.cos(np.radians(int(one.text.strip("度")))) for one in found]
            )
            return texts_of(found)

        assert order() == ["10度", "30度", "60度"]
        # 0.985 - 0.3, 0.866 - 0.1, 0.5 - 0.2
        assert order(likelihood_weight=0.1) == ["30度", "10度", "60度"]
        # 0.985 - 1, 0.866 - 1, 0.5 - 0.25
        assert order(reverse_weight=0.5) == ["60度", "10度", "30度"]
        # 0.985 - 1.5 - 1, 0.866 - 0.5 - 1, 0.5 - 1 - 0.25
        assert order(likelihood_weight=0.5, reverse_weight=0.5) == ["30度", "60度", "10度"]
        assert order(reverse_weight=0.5, diversity=0.0) == ["60度", "10度", "30度"]
        # A cosine of 0.5 is below the least, whatever its relevance.
        assert order(reverse_weight=0.5, min_similarity=0.6) == ["10度", "30度"]

    def test_each_text_keeps_its_own_likelihoods_in_a_batch(self):
        candidates = [[Generated("10度", 0.0), Generated("20度", 0.0)], [], [Generated("20度", 0.0)] * 2]
        asked = []

        def nats(sources, targets):
            asked.extend(zip(sources, targets, strict=True))
            return [9.0 if source == "10度" else 0.0 for source in sources]

        found = rank_synonyms(
            ["甲", "乙", "丙"], candidates, encode_by_angle, Selection(reverse_weight=1.0), nats
        )
        assert asked == [("10度", "甲"), ("20度", "甲"), ("20度", "丙")]
        assert list(map(texts_of, found)) == [["20度", "10度"], [], ["20度"]]

    def test_weights_without_likelihoods_are_refused(self):
        with pytest.raises(InputError, match="need a model's likelihoods"):
            ranked(["10度"], reverse_weight=0.1)


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

    def test_the_seed_decides(self, generator):
        first, again, other = (generator.generate([TEXT], 8, maxlen=6, seed=seed) for seed in (1, 1, 2))
        assert len(first[0]) == 8 and first == again != other

    def test_a_batch_gives_each_text_what_it_gets_alone(self, generator):
        texts = [TEXT, "今天下雨", "北京的天气如何"]
        together = generator.gen_synonyms_batch(texts, k=3, **SHORT)
        for text, found in zip(texts, together, strict=True):
            alone = generator.synonyms(text, k=3, **SHORT)
            assert texts_of(found) == texts_of(alone)
            assert [one.log_probability for one in found] == pytest.approx(
                [one.log_probability for one in alone], abs=1e-4
            )

    def test_both_weights_rank_by_the_models_own_log_probabilities(self, generator):
        drawn = generator.synonyms(TEXT, return_all=True, **SHORT)
        network = generator.backbone, generator.tokenizer
        texts = texts_of(drawn)
        forward = target_likelihoods(*network, [TEXT] * len(texts), texts)
        reverse = target_likelihoods(*network, texts, [TEXT] * len(texts))
        relevance = [
            one.score - 0.5 * f.per_token - 2.0 * r.per_token
            for one, f, r in zip(drawn, forward, reverse, strict=True)
        ]
        order = np.argsort(-np.array(relevance)).tolist()
        assert order != sorted(order)
        found = generator.synonyms(TEXT, return_all=True, likelihood_weight=0.5, reverse_weight=2.0, **SHORT)
        assert texts_of(found) == [texts[place] for place in order]

    def test_a_seed_for_each_text(self, generator):
        found = generator.generate([TEXT, TEXT, TEXT], 4, maxlen=6, seed=[5, 6, 5])
        assert found[0] == found[2] != found[1]

    def test_all_of_them(self, generator):
        everything = generator.synonyms(TEXT, return_all=True, **SHORT)
        assert texts_of(everything)[:2] == texts_of(generator.synonyms(TEXT, k=2, **SHORT))
        drawn = {one.text for one in generator.generate([TEXT], 8, maxlen=6, seed=0)[0]}
        assert set(texts_of(everything)) == drawn - {TEXT, ""}

    def test_special_tokens_are_never_drawn(self, generator):
        sentences = generator.generate([TEXT], 40, maxlen=6, seed=0, temperature=50.0)[0]
        assert any(one.text for one in sentences) and not any("[" in one.text for one in sentences)

    @pytest.mark.parametrize("engine", ["keras", "native-float32"])
    def test_eight_threads_get_what_one_after_another_gets(self, generator, engine):
        texts = [TEXT, "今天下雨", "天气如何", "明天"]
        batches = [[texts[i % 4], texts[(i + 1 + i // 4) % 4]] for i in range(8)]

        def synonyms(batch):
            return generator.gen_synonyms_batch(batch, k=3, engine=engine, **SHORT)

        one_by_one = [synonyms(batch) for batch in batches]
        with ThreadPoolExecutor(8) as pool:
            at_once = list(pool.map(synonyms, batches))
        assert at_once == one_by_one


class TestTerms:
    def test_every_sentence_has_them(self, generator):
        settings = {"n": 6, "maxlen": 8, "seed": 1, "begin_with": "今天"}
        [sentences] = generator.generate([TEXT], keep_terms=["今天"], **settings)
        assert len(sentences) == 6 and all("今天" in one.text for one in sentences)

    def test_sentences_without_are_drawn_anew_and_then_there_are_fewer(self, generator):
        [plain] = generator.generate([TEXT], 6, maxlen=8, seed=1)
        assert not all("雨" in one.text for one in plain)
        [sentences] = generator.generate([TEXT], 6, maxlen=8, seed=1, keep_terms=["雨"])
        assert all("雨" in one.text for one in sentences) and len(sentences) <= 6

    def test_numbers_of_the_text(self):
        options = GenerationOptions(keep_numbers=True, keep_terms=("北京",))
        tokenizer = SimpleNamespace(
            encode=lambda text: SimpleNamespace(token_ids=np.array([2, 9, 3])), unk_id=1
        )
        assert options.terms("北京到上海2小时，3.5元，2次", tokenizer) == ("北京", "2", "3.5")

    def test_a_term_that_the_vocabulary_does_not_have_is_refused(self, generator):
        with pytest.raises(InputError, match=r"今天彁.*彁.*not in the model's vocabulary"):
            generator.gen_synonyms(TEXT, n=2, k=1, keep_terms=["今天彁"])

    def test_without_strings(self, generator, tiny_tokenizer):
        [plain] = generator.generate([TEXT], 30, maxlen=6, seed=0)
        character = next(one.text[0] for one in plain if one.text)
        [sentences] = generator.generate([TEXT], 30, maxlen=6, seed=0, without=[character])
        assert not any(character in one.text for one in sentences)


class TestBeams:
    def test_beams_give_the_likeliest_sentences_whatever_the_seed(self, generator):
        [found] = generator.generate([TEXT], 3, maxlen=5, beams=4, seed=1)
        assert generator.generate([TEXT], 3, maxlen=5, beams=4, seed=2) == [found]
        assert len(found) == 3 and found[0].log_probability > -100
        [drawn] = generator.generate([TEXT], 8, maxlen=5, seed=0)
        # Length is divided out, so compare those of the best beam's length or longer.
        assert found[0].log_probability >= min(one.log_probability for one in drawn)


class TestMasks:
    def test_mask_idxs_put_mask_at_those_tokens_and_strings_at_theirs(self, tiny_tokenizer):
        text = "科学技术是第一生产力。"
        expected = tiny_tokenizer.encode(text).token_ids.copy()
        assert tiny_tokenizer.decode(expected[[6, 7]]) == "第一"
        expected[[6, 7]] = tiny_tokenizer.mask_id
        for request in (Request(text, [6, 7]), Request(text, mask=["第一"])):
            assert _source_ids(tiny_tokenizer, request, 64) == expected.tolist()

    def test_every_occurrence_is_masked(self, tiny_tokenizer):
        assert masked_positions(tiny_tokenizer, "今天比今天", ["今天"]) == [1, 2, 4, 5]

    def test_a_string_that_is_not_there_is_refused(self, generator):
        with pytest.raises(InputError, match="'明天' does not occur in '怎么借钱'"):
            generator.gen_synonyms(TEXT, n=2, k=1, mask=["明天"])


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
            ({"k": 3}, "k is 3, but n=2"),
            ({"min_length": 6}, "min_length"),
            ({"greedy": True}, "greedy gives one sentence"),
            ({"diversity": 1.5}, "diversity"),
            ({"min_similarity": 2}, "min_similarity"),
            ({"reverse_weight": -1}, "reverse_weight must be 0 or more"),
            ({"likelihood_weight": float("nan")}, "likelihood_weight must be 0 or more"),
            ({"no_repeat_ngram": -1}, "no_repeat_ngram"),
            ({"keep_terms": "北京"}, "keep_terms must be a list"),
            ({"keep_terms": ["北京"], "without": ["北京"]}, "stands in keep_terms and in without"),
            ({"beam": 3}, "no option 'beam'"),
            ({"beams": 1}, "n is 2, but 1 beams"),
            ({"beams": 2, "greedy": True, "n": 1}, "exclude each other"),
            ({"engine": "tpu"}, "engine must be"),
            ({"seed": [1, 2]}, "2 seeds for 1 texts"),
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
