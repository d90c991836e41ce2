"""The guards on meaning for many pairs at once: what the rules say of each."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpus_builder.kernels.meaning import MEANING_GUARDS, features_of, same_meaning
from corpus_builder.kernels.texts import encode_texts
from corpus_builder.rules import NO_DENIALS, Rules
from corpus_builder.similarity import normalise

WORDS = [
    *(
        "有没有",
        "是不是",
        "不",
        "没",
        "无",
        "别",
        "第二",
        "第一十",
        "第",
        "一",
        "十二",
        "二〇",
        "万",
        "3",
        "35",
    ),
    *(
        "4a",
        "a4",
        "ios",
        "a",
        "的",
        "吗",
        "怎么",
        "空调",
        "洗碗机",
        "٣",
        "٤",
        "２",
        "Ⅳ",
        "不没不",
        "差不",
        "多",
    ),
    *NO_DENIALS,
]
TEXTS = st.lists(st.lists(st.sampled_from(WORDS), max_size=8).map("".join), min_size=2, max_size=12)
RULES = st.builds(
    Rules,
    same_numbers=st.booleans(),
    same_negation=st.booleans(),
    max_substituted=st.sampled_from([None, 0, 1, 2]),
    substituted_share=st.sampled_from([0.0, 0.15, 0.34]),
)


@settings(max_examples=400, deadline=None)
@given(TEXTS, RULES)
@example(["差不多没问题", "差不没多问题", "没不没不没"], Rules(same_negation=True))
@example(["4a4", "a44", "4a", "a4", "4a 4"], Rules(same_numbers=True))
def test_the_same_pairs_pass_for_the_same_reasons(texts: list[str], rules: Rules) -> None:
    normal = [normalise(text) for text in texts]
    codes, offsets = encode_texts(normal)
    pairs = list(combinations(range(len(texts)), 2))
    i, j = (np.array(column) for column in zip(*pairs, strict=True))
    dropped = np.zeros(len(MEANING_GUARDS), np.int64)
    same = same_meaning(codes, offsets, i, j, features_of(codes, offsets, rules), rules, dropped)
    expected = dict.fromkeys(MEANING_GUARDS, 0)
    for (a, b), kept in zip(pairs, same.tolist(), strict=True):
        reasons = [name for name, refuses in rules.meaning_guards() if refuses(normal[a], normal[b])]
        assert kept is not bool(reasons), (normal[a], normal[b], reasons)
        if reasons:
            expected[reasons[0]] += 1
    assert dropped.tolist() == list(expected.values())
