"""Similar pairs: every variant against Python sets, sizes around the block, guards, parts, delivery."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from similarity_oracle import ALPHABETS, THRESHOLDS, Pair, all_pairs, random_groups

from corpus_builder.errors import InputError
from corpus_builder.kernels.guards import DROPPED, Guards
from corpus_builder.kernels.pairs import iter_similar_pairs, similar_pairs
from corpus_builder.kernels.search import BLOCK
from corpus_builder.kernels.texts import encode_texts
from corpus_builder.similarity import VARIANTS, Variant


def found(texts: list[str], bounds: list[int], threshold: float, variant: Variant = "set") -> list[Pair]:
    i, j, score = similar_pairs(*encode_texts(texts), bounds, threshold, variant)
    return list(zip(i.tolist(), j.tolist(), score.tolist(), strict=True))


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_thousand_random_corpora_give_the_pairs_of_python_sets(variant: Variant) -> None:
    similar = 0
    for case in range(1000):
        rng = random.Random(case)
        texts, bounds = random_groups(rng)
        threshold = rng.choice(THRESHOLDS) if case % 2 else rng.uniform(0.05, 1.0)
        expected = all_pairs(texts, bounds, threshold, variant)
        assert found(texts, bounds, threshold, variant) == expected, (case, threshold)
        similar += len(expected)
    assert similar > 100_000


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.text(alphabet="".join(ALPHABETS), max_size=12), max_size=25),
    st.sampled_from(THRESHOLDS),
    st.sampled_from(VARIANTS),
)
def test_any_texts_give_the_pairs_of_python_sets(
    texts: list[str], threshold: float, variant: Variant
) -> None:
    assert found(texts, [0, len(texts)], threshold, variant) == all_pairs(
        texts, [0, len(texts)], threshold, variant
    )


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 300), st.integers(0, 300), st.integers(0, 300))
def test_a_pair_exactly_at_the_threshold_is_kept_and_one_just_above_is_not(
    shared: int, only_a: int, only_b: int
) -> None:
    characters = [chr(0x4E00 + k) for k in range(shared + only_a + only_b)]
    a, b = characters[: shared + only_a], characters[:shared] + characters[shared + only_a :]
    score = shared / (shared + only_a + only_b)
    assert found(["".join(a), "".join(b)], [0, 2], score) == [(0, 1, score)]
    if score < 1:
        assert found(["".join(a), "".join(b)], [0, 2], float(np.nextafter(score, 2))) == []


@pytest.mark.parametrize("threshold", [0.3, 0.6, 1.0])
@pytest.mark.parametrize("size", [511, 512, 513, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 513])
def test_groups_around_the_size_of_a_block(size: int, threshold: float) -> None:
    # The oracle is a product of 0/1 matrices, a row for each text, a column for each of 60 characters.
    rng = np.random.default_rng(size)
    sets = rng.random((size, 60)) < rng.choice([0.02, 0.1, 0.3], size)[:, None]
    texts = ["".join(chr(0x4E00 + c) for c in np.flatnonzero(row)) for row in sets]
    shared = sets.astype(np.float32) @ sets.T.astype(np.float32)
    union = sets.sum(axis=1)[:, None] + sets.sum(axis=1)[None, :] - shared.astype(np.float64)
    scores = shared / np.maximum(union, 1)
    i, j = np.nonzero(np.triu(scores >= threshold, 1))
    # Small groups before and after, so that the large one does not stand alone.
    i_found, j_found, score = similar_pairs(
        *encode_texts(["你好吗", "你好", *texts, "再见", "再见"]), [0, 2, size + 2, size + 4], threshold
    )
    large = (i_found >= 2) & (i_found < size + 2)
    assert (i_found[large] - 2).tolist() == i.tolist()
    assert (j_found[large] - 2).tolist() == j.tolist()
    assert score[large].tolist() == scores[i, j].tolist()
    assert i_found[~large].tolist() == ([0] if threshold <= 2 / 3 else []) + [size + 2]


def test_fifty_thousand_sentences_of_one_document() -> None:
    # Every thousandth sentence comes back with one of its 20 characters changed: 19 / 21.
    rng = random.Random(5)
    characters = [chr(0x4E00 + k) for k in range(3000)]
    texts = ["".join(rng.sample(characters, 20)) for _ in range(49_950)]
    texts += [texts[1000 * k][:-1] + "。" for k in range(50)]
    assert found(texts, [0, len(texts)], 0.8) == [(1000 * k, 49_950 + k, 19 / 21) for k in range(50)]


@pytest.mark.parametrize("size", [300, BLOCK + 300])
def test_blocks_hold_every_pair_once_however_many_there_are(size: int) -> None:
    # All texts are similar to all others, so that no block could hold a group's pairs.
    texts = [f"本店{k % 7}号商品到货" for k in range(size)]
    bounds = [0, 100, 100, size]
    blocks = list(iter_similar_pairs(*encode_texts(texts), bounds, 0.5, block_pairs=BLOCK))
    assert len(blocks) > 2
    assert all(0 < len(i) == len(j) == len(score) <= BLOCK for i, j, score in blocks)
    expected = np.concatenate([a + np.stack(np.triu_indices(b - a, 1), axis=1) for a, b in pairwise(bounds)])
    pairs = np.concatenate([np.stack((i, j), axis=1) for i, j, _ in blocks])
    assert np.array_equal(pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))], expected)
    i, j, _ = similar_pairs(*encode_texts(texts), bounds, 0.5)
    assert np.array_equal(np.stack((i, j), axis=1), expected)


def test_texts_of_different_groups_are_not_compared() -> None:
    assert found(["你好吗", "你好吗", "你好吗"], [0, 1, 3], 0.5) == [(1, 2, 1.0)]
    assert found(["你好吗", "你好吗", "你好吗"], [1, 3], 0.5) == [(1, 2, 1.0)]
    assert found([], [0], 0.5) == found([], [0, 0, 0], 0.5) == []


def test_texts_of_one_part_are_not_compared() -> None:
    # Two answers of two sentences each; the sentences of one answer are no pair.
    texts = ["多喝热水", "多喝水", "多喝热水吧", "喝水"]
    i, j, _ = similar_pairs(*encode_texts(texts), [0, 4], 0.5, parts=[7, 7, 9, 9])
    assert list(zip(i.tolist(), j.tolist(), strict=True)) == [(0, 2), (0, 3), (1, 2), (1, 3)]


def test_guards_drop_equal_contained_and_unlike_lengths() -> None:
    texts = ["北京好吗", "北京好吗", "你说北京好吗", "吗好京北", "北京北京北京好好吗吗"]
    codes, offsets = encode_texts(texts)
    dropped = np.zeros(len(DROPPED), np.int64)
    i, j, _ = similar_pairs(
        codes,
        offsets,
        [0, 5],
        0.5,
        guards=Guards(equal=True, max_length_ratio=2.0, contained=True),
        dropped=dropped,
    )
    # 0-1 equal; 0-2 and 1-2 contained; 10 characters are more than twice 4 in 0-4, 1-4, 3-4.
    assert list(zip(i.tolist(), j.tolist(), strict=True)) == [(0, 3), (1, 3), (2, 3), (2, 4)]
    assert dict(zip(DROPPED, dropped.tolist(), strict=True)) == {
        "equal after normalisation": 1,
        "length ratio": 3,
        "containment": 2,
    }


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.text(alphabet="ab𠮷", max_size=8), max_size=12),
    st.booleans(),
    st.sampled_from([1.0, 1.5, 2.0, float("inf")]),
    st.booleans(),
)
def test_guards_agree_with_python(texts: list[str], equal: bool, ratio: float, contained: bool) -> None:
    def stays(a: str, b: str) -> bool:
        short, long = sorted((a, b), key=len)
        too_long = len(long) > ratio * len(short)
        return not ((equal and a == b) or too_long or (contained and short in long))

    expected = [
        (i, j) for i, j, _ in all_pairs(texts, [0, len(texts)], 0.3, "set") if stays(texts[i], texts[j])
    ]
    i, j, _ = similar_pairs(
        *encode_texts(texts), [0, len(texts)], 0.3, guards=Guards(equal, ratio, contained)
    )
    assert list(zip(i.tolist(), j.tolist(), strict=True)) == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 0.0}, "threshold lies in"),
        ({"threshold": 1.5}, "threshold lies in"),
        ({"threshold": float("nan")}, "threshold lies in"),
        ({"variant": "trigram"}, "set, multiset, bigram, not 'trigram'"),
        ({"group_bounds": [0, 3]}, "from 0 to 2"),
        ({"group_bounds": [2, 0]}, "growing"),
        ({"group_bounds": []}, "growing"),
        ({"group_bounds": [-1, 2]}, "growing"),
        ({"parts": [1]}, "each of 2 texts"),
        ({"guards": Guards(max_length_ratio=0.5)}, "1 or more, not 0.5"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {"group_bounds": [0, 2], "threshold": 0.5, **options}
    with pytest.raises(InputError, match=message):
        similar_pairs(*encode_texts(["你好", "您好"]), **arguments)  # type: ignore[arg-type]


def test_a_block_too_small_for_one_text_is_refused() -> None:
    with pytest.raises(InputError, match="at least 4,096 pairs, not 10"):
        list(iter_similar_pairs(*encode_texts(["你好", "您好"]), [0, 2], 0.5, block_pairs=10))


def test_input_that_cannot_be_written_to_and_other_integers_will_do() -> None:
    codes, offsets = encode_texts(["你好", "你好"])
    codes.flags.writeable = False
    i, j, score = similar_pairs(codes, offsets.astype(np.int32), (0, 2), 1)
    assert (i.tolist(), j.tolist(), score.tolist()) == ([0], [1], [1.0])
