"""Pairs of sentences across different answers to one question, never within one answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from corpus_builder.clusters import complete_linkage
from corpus_builder.kernels.pairs import jaccard_pairs
from corpus_builder.miners.sentences import Counts, TextGroup
from corpus_builder.rows import Question
from corpus_builder.segmentation import clean_text
from corpus_builder.similarity import normalise

_MOST_QUESTIONS = 20
_MOST_ORIGIN = 80  # characters of a question that are written beside each of its pairs


def answer_groups(questions: Iterable[Question], counts: Counts) -> Iterator[TextGroup]:
    """Two people who answer the same question often say the same thing in other words.

    Sentences of different answers are compared, all with all. https://kexue.fm/archives/8454.

    Args:
        questions: rows with two answers or more; the others yield nothing.
        counts: counts the questions.
    """
    for question in questions:
        counts["questions"] += 1
        if len(question.answers) < 2:
            counts["questions with a single answer"] += 1
            continue
        yield TextGroup(question.answers, question.source, clean_text(question.question)[:_MOST_ORIGIN])


def merge_questions(questions: Iterable[Question], similarity: float = 1.0) -> Iterator[Question]:
    """Put together the answers to questions whose first lines say the same.

    A forum holds 「高血压怎么治疗？」 many times, each with the answer of another doctor. With ``similarity``
    1.0 the first lines must be equal after normalisation; below it, character Jaccard between any two of
    them must reach it (at most 20 questions). Holds all rows in memory; the order is that of first sight.
    """
    merged: dict[str, list[Question]] = {}
    for question in questions:
        title = question.question.split("\n", 1)[0]
        # What has neither letters nor digits is equal to nothing but itself.
        merged.setdefault(normalise(title) or title, []).append(question)
    titles = list(merged)
    clusters = [[n] for n in range(len(titles))]
    if similarity < 1:
        pairs = {(i, j): score for i, j, score in jaccard_pairs(titles, similarity)}
        clusters = complete_linkage(pairs, _MOST_QUESTIONS)
        clustered = {n for cluster in clusters for n in cluster}
        clusters += [[n] for n in range(len(titles)) if n not in clustered]
    for cluster in sorted(clusters):
        same = [row for n in cluster for row in merged[titles[n]]]
        answers = dict.fromkeys(answer.strip() for row in same for answer in row.answers)
        yield Question(clean_text(same[0].question), tuple(answers), same[0].source)
