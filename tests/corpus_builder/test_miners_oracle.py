"""Every miner's whole output, in order, and its funnel of counts against loops over sets and whole numbers.

The cases are small and made so that much happens in them: sentences are a few characters with one of them
changed, put in or left out, so that pairs lie at the threshold, repeat, contain one another and differ in a
number or a 不; thresholds and ratios are fractions that the similarities of short texts hit exactly.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from unittest import mock

import pytest
from groups_oracle import cleaned_groups
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from miners_oracle import (
    ALPHABET,
    Counts,
    Gathered,
    Limits,
    merged_questions,
    mined_pairs,
    mined_questions,
    normal,
)

from corpus_builder.exclusion import Exclusion
from corpus_builder.miners import run, similar
from corpus_builder.miners.answers import answer_groups, merge_questions
from corpus_builder.miners.documents import document_groups
from corpus_builder.miners.groups import clean_groups
from corpus_builder.miners.questions import mine_questions
from corpus_builder.miners.run import Mining, mine
from corpus_builder.miners.sentences import TextGroup
from corpus_builder.rows import Document, Group, Question
from corpus_builder.rules import Rules
from corpus_builder.segmentation import split_sentences
from corpus_builder.similarity import VARIANTS, Variant

CASES = settings(
    max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
IN_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # thousands of small files, each synced
OTHER_FORMS = str.maketrans("aAb2３ＡＢ", "ＡａＢ２3aB")
ENDS = ("。", "\n", "。\n", "！", "？\n\n")

THRESHOLDS = st.sampled_from(
    [Fraction(*pair) for pair in ((1, 4), (1, 3), (2, 5), (1, 2), (3, 5), (2, 3), (3, 4), (4, 5), (1, 1))]
)
LIMITS = st.builds(
    Limits,
    min_chars=st.sampled_from([1, 2, 5]),
    max_chars=st.sampled_from([64, 8, 6]),
    min_chinese=st.sampled_from([Fraction(0), Fraction(0), Fraction(1, 2), Fraction(2, 3), Fraction(1)]),
    max_length_ratio=st.sampled_from([Fraction(99), Fraction(2), Fraction(5, 4), Fraction(1)]),
    allow_containment=st.booleans(),
    same_numbers=st.booleans(),
    same_negation=st.booleans(),
    max_substituted=st.sampled_from([None, 0, 0, 1, 2]),
    substituted_share=st.sampled_from([Fraction(0), Fraction(1, 4), Fraction(1, 2)]),
    max_partners=st.integers(0, 3),
)
FREE = Limits(1, 64, Fraction(0), Fraction(99), True, False, False, None, Fraction(0), 3)
"""Rules that let everything through but equal texts."""

HAPPENED: Counts = Counter()
"""In how many cases each step of the funnel had something to count."""
CHUNKS = st.sampled_from([1, 12, 40, 1 << 20])


POOLS = st.lists(st.text(alphabet=ALPHABET, min_size=4, max_size=7), min_size=1, max_size=3)
CODES = st.integers(0, 8 * 8 * len(ALPHABET) * 30 - 1)
"""A number stands for a sentence: which of a pool, with which change, and how it ends."""


def sentence(pool: list[str], code: int) -> str:
    """A sentence of the pool, as it is or with one change; without its end mark."""
    code, change = divmod(code, 8)
    code, place = divmod(code, 8)
    code, letter = divmod(code, len(ALPHABET))
    text, new = pool[code % len(pool)], ALPHABET[letter]
    if change == 1:
        text = text[:place] + new + text[place:]
    elif change == 2:
        text = text[:place] + new + text[place + 1 :]
    elif change == 3:
        text = text[:place] + text[place + 1 :]
    elif change == 4:
        text = text[place:] + text[:place]
    elif change == 5:
        text = text.translate(OTHER_FORMS)
    elif change == 6:
        text = text.replace(new, "") + new
    elif change == 7:
        text = text[:place] + "天冷热气好"[letter % 5] + text[place + 1 :]
    return text.strip("，") or "天"


def text(pool: list[str], codes: list[int]) -> tuple[str, list[str]]:
    """A text and its sentences."""
    parts = [(sentence(pool, code), ENDS[code % len(ENDS)]) for code in codes]
    return "".join(map("".join, parts)), [begin + end.rstrip("\n") for begin, end in parts]


def exclusion_of(texts: list[str]) -> tuple[Exclusion, set[str]]:
    """Benchmark texts, written in another way than in the pool, and their normal forms."""
    return Exclusion(f" {text.upper()}？" for text in texts), set(map(normal, texts)) - {""}


def rules_of(limits: Limits) -> Rules:
    return Rules(
        min_chars=limits.min_chars,
        max_chars=limits.max_chars,
        min_chinese=float(limits.min_chinese),
        max_length_ratio=float(limits.max_length_ratio),
        allow_containment=limits.allow_containment,
        same_numbers=limits.same_numbers,
        same_negation=limits.same_negation,
        max_substituted=limits.max_substituted,
        substituted_share=float(limits.substituted_share),
        max_partners=limits.max_partners,
    )


@contextmanager
def chunks_of(characters: int) -> Iterator[None]:
    with mock.patch.object(run, "CHUNK_CHARACTERS", characters):
        yield


def mined(
    groups: list[TextGroup], mining: Mining, exclusion: Exclusion
) -> tuple[list[dict[str, object]], Counts]:
    """The rows and counts of a run in this process."""
    counts: Counts = Counter()
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder:
        rows = list(mine(groups, mining, Path(folder), {}, exclusion, counts))
    return rows, counts


@CASES
@given(
    POOLS,
    st.lists(st.lists(CODES, min_size=1, max_size=7), min_size=1, max_size=4),
    st.lists(CODES, max_size=1),
    THRESHOLDS,
    st.sampled_from(VARIANTS),
    LIMITS,
    st.integers(0, 3),
    st.integers(1, 3),
    CHUNKS,
)
def compare_documents(
    pool: list[str],
    texts: list[list[int]],
    benchmark: list[int],
    threshold: Fraction,
    variant: Variant,
    limits: Limits,
    max_documents: int,
    window: int,
    chunk: int,
) -> None:
    documents = [text(pool, codes) for codes in texts]
    exclusion, excluded = exclusion_of([sentence(pool, code) for code in benchmark])
    for whole, sentences in documents:
        assert split_sentences(whole) == sentences
    rows = [Document(str(n), whole, f"源{n}") for n, (whole, _) in enumerate(documents)]
    mining = Mining(float(threshold), variant, rules_of(limits), max_documents=max_documents)
    with chunks_of(chunk):
        found = mined(list(document_groups(rows, window)), mining, exclusion)
    expected = mined_pairs(
        [
            Gathered([sentences for _, sentences in documents[n : n + window]], f"源{n}", str(n))
            for n in range(0, len(documents), window)
        ],
        threshold,
        variant,
        limits,
        across_texts=False,
        max_documents=max_documents,
        excluded=excluded,
    )
    assert found == expected
    HAPPENED.update((+expected[1]).keys())


@CASES
@given(
    POOLS,
    st.lists(
        st.tuples(CODES, st.lists(st.lists(CODES, min_size=1, max_size=4), min_size=1, max_size=3)),
        min_size=1,
        max_size=4,
    ),
    st.lists(CODES, max_size=1),
    THRESHOLDS,
    st.sampled_from(VARIANTS),
    LIMITS,
    st.integers(0, 3),
    st.sampled_from([None, Fraction(1, 2), Fraction(2, 3), Fraction(1)]),
    CHUNKS,
)
def compare_answers(
    pool: list[str],
    asked: list[tuple[int, list[list[int]]]],
    benchmark: list[int],
    threshold: Fraction,
    variant: Variant,
    limits: Limits,
    max_documents: int,
    alike: Fraction | None,
    chunk: int,
) -> None:
    exclusion, excluded = exclusion_of([sentence(pool, code) for code in benchmark])
    sentences: dict[str, list[str]] = {}
    questions = []
    for number, (title, answers) in enumerate(asked):
        cut = {whole.strip(): parts for whole, parts in (text(pool, codes) for codes in answers)}
        sentences |= cut
        questions.append(Question(f"{sentence(pool, title)}\n{number}", tuple(cut), f"源{number}"))
    for whole, parts in sentences.items():
        assert split_sentences(whole) == parts
    rows: list[tuple[str, list[str], str]] = [(q.question, list(q.answers), q.source) for q in questions]
    found_counts: Counts = Counter()
    mining = Mining(
        float(threshold), variant, rules_of(limits), across_texts=True, max_documents=max_documents
    )
    with chunks_of(chunk):
        merged = questions if alike is None else merge_questions(questions, float(alike))
        groups = list(answer_groups(merged, found_counts))
        found, counts = mined(groups, mining, exclusion)
    rows = rows if alike is None else merged_questions(rows, alike)
    expected, expected_counts = mined_pairs(
        [
            Gathered([sentences[answer] for answer in answers], source, title.replace("\n", " "))
            for title, answers, source in rows
            if len(answers) > 1
        ],
        threshold,
        variant,
        limits,
        across_texts=True,
        max_documents=max_documents,
        excluded=excluded,
    )
    assert (found, counts) == (expected, expected_counts)
    HAPPENED.update((+expected_counts).keys())
    single = sum(len(answers) < 2 for _, answers, _ in rows)
    assert found_counts == Counter({"questions": len(rows), "questions with a single answer": single})


@CASES
@given(
    POOLS,
    st.lists(CODES, max_size=14),
    st.lists(CODES, max_size=1),
    THRESHOLDS,
    st.sampled_from(VARIANTS),
    LIMITS,
    st.integers(2, 5),
)
def compare_questions(
    pool: list[str],
    codes: list[int],
    benchmark: list[int],
    threshold: Fraction,
    variant: Variant,
    limits: Limits,
    max_group: int,
) -> None:
    marks = ["？", "?", "吗", "吗。", "吗？", "。"]
    sentences = [sentence(pool, code) + marks[code % 6] for code in codes]
    exclusion, excluded = exclusion_of([sentence(pool, code) + "吗" * (code % 2) for code in benchmark])
    counts: Counts = Counter()
    found = mine_questions(
        sentences,
        float(threshold),
        rules_of(limits),
        exclusion,
        counts,
        source="论坛",
        variant=variant,
        max_group=max_group,
    )
    expected, expected_counts = mined_questions(
        sentences, threshold, variant, limits, max_group=max_group, excluded=excluded
    )
    assert list(found) == [
        Group(members[0], tuple(members[1:]), "论坛", score) for members, score in expected
    ]
    assert counts == expected_counts
    HAPPENED.update((+counts).keys())


@CASES
@given(
    POOLS,
    st.lists(st.lists(CODES, min_size=2, max_size=8), min_size=1, max_size=4),
    st.lists(CODES, max_size=1),
    LIMITS,
    st.sampled_from(
        [None, Fraction(1, 2), Fraction(2, 3), Fraction(4, 5), Fraction(6, 7), Fraction(19, 20), Fraction(1)]
    ),
    st.sampled_from([1, 7, 1 << 14]),
)
def compare_groups(
    pool: list[str],
    codes: list[list[int]],
    benchmark: list[int],
    limits: Limits,
    near: Fraction | None,
    batch: int,
) -> None:
    before = ["", "", "请问，", "医生您好，我想问一下", "你好"]
    behind = ["", "", "吗？", "，谢谢", "呢", "感谢大家了！"]
    groups = [
        [before[code // 7 % 5] + sentence(pool, code) + behind[code // 5 % 6] for code in members]
        for members in codes
    ]
    exclusion, excluded = exclusion_of([sentence(pool, code) for code in benchmark])
    counts: Counts = Counter()
    rows = [Group(members[0], tuple(members[1:]), "源", 0.5, "general") for members in groups]
    with mock.patch("corpus_builder.miners.groups._BATCH_TEXTS", batch):
        found = list(
            clean_groups(
                rows,
                rules_of(limits),
                exclusion,
                counts,
                near_identical=None if near is None else float(near),
            )
        )
    expected, expected_counts = cleaned_groups(groups, limits, near, excluded)
    assert found == [Group(members[0], tuple(members[1:]), "源", 0.5, "general") for members in expected]
    assert counts == expected_counts
    HAPPENED.update((+counts).keys())


@settings(CASES, max_examples=200)
@given(
    st.text(alphabet="天冷热气好同", min_size=5, max_size=7),
    st.lists(st.lists(CODES, min_size=16, max_size=26), min_size=1, max_size=2),
    st.sampled_from([Fraction(1, 4), Fraction(1, 2)]),
    st.sampled_from(VARIANTS),
    st.sampled_from([0, 1, 1, 2]),
    st.integers(0, 1),
    st.booleans(),
)
def compare_crowds(
    about: str,
    texts: list[list[int]],
    threshold: Fraction,
    variant: Variant,
    max_partners: int,
    max_documents: int,
    same_negation: bool,
) -> None:
    """Documents of which nearly every sentence resembles every other."""
    documents = [text([about], codes) for codes in texts]
    limits = replace(FREE, max_partners=max_partners, same_negation=same_negation)
    rows = [Document(str(n), whole, "源") for n, (whole, _) in enumerate(documents)]
    mining = Mining(float(threshold), variant, rules_of(limits), max_documents=max_documents)
    with mock.patch.object(similar, "DENSE", 3):
        found = mined(list(document_groups(rows)), mining, Exclusion())
    groups = [Gathered([sentences], "源", str(n)) for n, (_, sentences) in enumerate(documents)]
    expected, by_the_run = (
        mined_pairs(
            groups,
            threshold,
            variant,
            limits,
            across_texts=False,
            max_documents=max_documents,
            excluded=set(),
            dense=dense,
        )
        for dense in (max(3, 4 * max_partners), 10**9)
    )
    assert found == expected
    HAPPENED.update((+expected[1]).keys())
    HAPPENED["partners limited within"] += expected != by_the_run


STEPS = {
    compare_crowds: [
        "partners limited within",
        "boilerplate",
        "negation",
        "seen before",
        "enough partners",
        "pairs",
    ],
    compare_documents: [
        *("length", "not Chinese", "in a benchmark", "boilerplate", "said before"),
        *("length ratio", "containment", "substituted words", "negation", "numbers"),
        *("seen before", "enough partners", "pairs"),
    ],
    compare_answers: [
        *("in a benchmark", "boilerplate", "said before"),
        *("equal after normalisation", "length ratio", "containment", "negation", "numbers"),
        *("seen before", "enough partners", "pairs"),
    ],
    compare_questions: ["in a benchmark", "length ratio", "numbers", "groups"],
    compare_groups: [
        *("in a benchmark", "equal after normalisation", "numbers or negation", "near-identical", "length"),
        *("one member left", "seen before", "groups"),
    ],
}


@pytest.mark.parametrize("compare", STEPS, ids=lambda compare: compare.__name__)
def test_a_thousand_cases(compare: Callable[[], None]) -> None:
    HAPPENED.clear()
    compare()
    # That the two agree means something only where every step had something to do, often.
    reached: Counts = Counter()
    for name, cases in HAPPENED.items():
        reached[name.split(": ")[-1]] += cases
    assert {step: reached[step] for step in STEPS[compare] if reached[step] < 10} == {}
