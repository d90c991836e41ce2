"""Every miner's whole output, in order, and its funnel of counts against loops over sets and whole numbers.

The cases are small and made so that much happens in them: sentences are a few characters with one of them
changed, put in or left out, so that pairs lie at the threshold, repeat, contain one another and differ in a
number or a 不; thresholds and ratios are fractions that the similarities of short texts hit exactly.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from miners_oracle import (
    ALPHABET,
    Counts,
    Gathered,
    Limits,
    cleaned_groups,
    merged_questions,
    mined_pairs,
    mined_questions,
    normal,
)

from corpus_builder.exclusion import Exclusion
from corpus_builder.miners import run
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
ENDS = ("。", "\n", "。\n", "！", "？\n\n")

THRESHOLDS = st.sampled_from(
    [Fraction(*pair) for pair in ((1, 4), (1, 3), (2, 5), (1, 2), (3, 5), (2, 3), (3, 4), (4, 5), (1, 1))]
)
LIMITS = st.builds(
    Limits,
    min_chars=st.sampled_from([1, 2, 4]),
    max_chars=st.sampled_from([5, 9, 64]),
    min_chinese=st.sampled_from([Fraction(0), Fraction(1, 2), Fraction(2, 3), Fraction(1)]),
    max_length_ratio=st.sampled_from([Fraction(1), Fraction(3, 2), Fraction(2), Fraction(99)]),
    allow_containment=st.booleans(),
    same_numbers=st.booleans(),
    same_negation=st.booleans(),
    max_substituted=st.sampled_from([None, 0, 1, 2]),
    substituted_share=st.sampled_from([Fraction(0), Fraction(1, 4), Fraction(1, 2)]),
    max_partners=st.integers(1, 3),
)
CHUNKS = st.sampled_from([1, 12, 40, 1 << 20])


@st.composite
def sentence_of(draw: st.DrawFn, pool: list[str]) -> str:
    """A sentence of the pool, as it is or with one change; without its end mark."""
    text = draw(st.sampled_from(pool))
    change = draw(st.integers(0, 6))
    place = draw(st.integers(0, len(text)))
    if change == 1:
        text = text[:place] + draw(st.sampled_from(ALPHABET)) + text[place:]
    elif change == 2:
        text = text[:place] + draw(st.sampled_from(ALPHABET)) + text[place + 1 :]
    elif change == 3:
        text = text[:place] + text[place + 1 :]
    elif change == 4:
        text = text[place:] + text[:place]
    elif change == 5:
        text = text.translate({0x61: 0xFF21, 0x62: 0xFF42, 0x32: 0xFF12, 0x33: 0xFF13, 0xFF21: 0x41})
    return text.strip("，") or "天"


POOLS = st.lists(st.text(alphabet=ALPHABET, min_size=2, max_size=7), min_size=1, max_size=3)


@st.composite
def texts(draw: st.DrawFn, pool: list[str], largest: int = 6) -> tuple[str, list[str]]:
    """A text and its sentences."""
    parts = draw(
        st.lists(st.tuples(sentence_of(pool), st.sampled_from(ENDS)), min_size=1, max_size=largest)
    )
    return "".join(map("".join, parts)), [sentence + end.rstrip("\n") for sentence, end in parts]


@st.composite
def exclusions(draw: st.DrawFn, pool: list[str]) -> tuple[Exclusion, set[str]]:
    """Benchmark texts, written in another way than in the pool, and their normal forms."""
    chosen = draw(st.lists(sentence_of(pool), max_size=1))
    return Exclusion(f" {text.upper()}？" for text in chosen), {normal(text) for text in chosen} - {""}


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


def mined(groups: list[TextGroup], mining: Mining, exclusion: Exclusion) -> tuple[list[object], Counts]:
    """The rows and counts of a run in this process."""
    counts: Counts = Counter()
    with tempfile.TemporaryDirectory() as folder:
        lines = list(mine(lambda: groups, mining, Path(folder), {}, exclusion, counts))
    return [json.loads(line) for line in lines], counts


@st.composite
def document_cases(draw: st.DrawFn) -> tuple[list[tuple[str, list[str]]], tuple[Exclusion, set[str]]]:
    pool = draw(POOLS)
    return draw(st.lists(texts(pool), min_size=1, max_size=4)), draw(exclusions(pool))


@CASES
@given(
    document_cases(),
    THRESHOLDS,
    st.sampled_from(VARIANTS),
    LIMITS,
    st.integers(0, 3),
    st.integers(1, 3),
    CHUNKS,
)
def test_documents(
    case: tuple[list[tuple[str, list[str]]], tuple[Exclusion, set[str]]],
    threshold: Fraction,
    variant: Variant,
    limits: Limits,
    max_documents: int,
    window: int,
    chunk: int,
) -> None:
    documents, (exclusion, excluded) = case
    for text, sentences in documents:
        assert split_sentences(text) == sentences
    rows = [Document(str(n), text, f"源{n}") for n, (text, _) in enumerate(documents)]
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


Answered = tuple[str, list[tuple[str, list[str]]]]


@st.composite
def answer_cases(draw: st.DrawFn) -> tuple[list[Answered], tuple[Exclusion, set[str]]]:
    pool = draw(POOLS)
    asked = st.tuples(sentence_of(pool), st.lists(texts(pool, 4), max_size=3))
    return draw(st.lists(asked, min_size=1, max_size=4)), draw(exclusions(pool))


@CASES
@given(
    answer_cases(),
    THRESHOLDS,
    st.sampled_from(VARIANTS),
    LIMITS,
    st.integers(0, 3),
    st.sampled_from([None, Fraction(1, 2), Fraction(2, 3), Fraction(1)]),
    CHUNKS,
)
def test_answers(
    case: tuple[list[Answered], tuple[Exclusion, set[str]]],
    threshold: Fraction,
    variant: Variant,
    limits: Limits,
    max_documents: int,
    alike: Fraction | None,
    chunk: int,
) -> None:
    asked, (exclusion, excluded) = case
    questions = [
        Question(f"{title}\n{n}", tuple(text.strip() for text, _ in answers), f"源{n}")
        for n, (title, answers) in enumerate(asked)
    ]
    sentences = {text.strip(): sentences for _, answers in asked for text, sentences in answers}
    for text, cut in sentences.items():
        assert split_sentences(text) == cut
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
    single = sum(len(answers) < 2 for _, answers, _ in rows)
    assert found_counts == Counter({"questions": len(rows), "questions with a single answer": single})


@st.composite
def question_cases(draw: st.DrawFn) -> tuple[list[str], tuple[Exclusion, set[str]]]:
    pool = draw(POOLS)
    ends = st.sampled_from(["？", "?", "吗", "吗。", "吗？", "。"])
    sentences = st.lists(st.builds(str.__add__, sentence_of(pool), ends), max_size=12)
    return draw(sentences), draw(exclusions([text + "吗" for text in pool] + pool))


@CASES
@given(question_cases(), THRESHOLDS, st.sampled_from(VARIANTS), LIMITS, st.integers(2, 5))
def test_questions(
    case: tuple[list[str], tuple[Exclusion, set[str]]],
    threshold: Fraction,
    variant: Variant,
    limits: Limits,
    max_group: int,
) -> None:
    sentences, (exclusion, excluded) = case
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


@st.composite
def group_cases(draw: st.DrawFn) -> tuple[list[list[str]], tuple[Exclusion, set[str]]]:
    pool = draw(POOLS)
    greeting = st.sampled_from(["", "", "", "请问，", "医生您好，我想问一下", "你好"])
    ends = st.sampled_from(["", "", "吗？", "呢", "，谢谢", "感谢大家了！"])
    member = st.builds("{}{}{}".format, greeting, sentence_of(pool), ends)
    groups = st.lists(st.lists(member, min_size=1, max_size=8), min_size=1, max_size=4)
    return draw(groups), draw(exclusions(pool))


@CASES
@given(
    group_cases(),
    LIMITS,
    st.sampled_from(
        [None, Fraction(1, 2), Fraction(2, 3), Fraction(4, 5), Fraction(6, 7), Fraction(19, 20), Fraction(1)]
    ),
    st.sampled_from([1, 7, 1 << 14]),
)
def test_groups(
    case: tuple[list[list[str]], tuple[Exclusion, set[str]]],
    limits: Limits,
    near: Fraction | None,
    batch: int,
) -> None:
    groups, (exclusion, excluded) = case
    counts: Counts = Counter()
    rows = [Group(members[0], tuple(members[1:]), "源", 0.5) for members in groups]
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
    assert found == [Group(members[0], tuple(members[1:]), "源", 0.5) for members in expected]
    assert counts == expected_counts
