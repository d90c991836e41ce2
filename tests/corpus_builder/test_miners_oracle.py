"""The whole output of the miners of documents and answers, in order, and its funnel of counts against
loops over sets and whole numbers.
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
from hypothesis import given, settings
from hypothesis import strategies as st
from miners_cases import (
    CASES,
    CODES,
    COUNT,
    FREE,
    HAPPENED,
    LIMITS,
    POOLS,
    THRESHOLDS,
    agrees_where_much_happens,
    exclusion_of,
    rules_of,
    sentence,
    text,
)
from miners_oracle import Counts, Gathered, Limits, merged_questions, mined_pairs

from corpus_builder.exclusion import Exclusion
from corpus_builder.miners import run, similar
from corpus_builder.miners.answers import answer_groups, merge_questions
from corpus_builder.miners.documents import document_groups
from corpus_builder.miners.run import Mining, mine
from corpus_builder.miners.sentences import TextGroup
from corpus_builder.rows import Document, Question
from corpus_builder.segmentation import split_sentences
from corpus_builder.similarity import VARIANTS, Variant

CHUNKS = st.sampled_from([1, 12, 40, 1 << 20])
IN_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # thousands of small files, each synced


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


@settings(CASES, max_examples=COUNT // 5)
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
}


@pytest.mark.parametrize("compare", STEPS, ids=lambda compare: compare.__name__)
def test_hundreds_of_cases(compare: Callable[[], None]) -> None:
    agrees_where_much_happens(compare, STEPS[compare])
