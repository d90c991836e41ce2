"""Pairs of sentences across different answers to one question, never within one answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from corpus_builder.clusters import complete_linkage
from corpus_builder.exclusion import Exclusion
from corpus_builder.join import jaccard_join, similar_pairs
from corpus_builder.rows import Pair, Question
from corpus_builder.rules import Counts, PairFilter, Rules, Sentences, prepare
from corpus_builder.segmentation import clean_text, split_sentences
from corpus_builder.similarity import normalise

_MOST_QUESTIONS = 20


def mine_answers(
    questions: Iterable[Question], threshold: float, rules: Rules, exclusion: Exclusion, counts: Counts
) -> Iterator[Pair]:
    """Two people who answer the same question often say the same thing in other words.

    Each answer is cut into sentences; sentences of different answers are compared, all with all, by
    character Jaccard. https://kexue.fm/archives/8454.

    Args:
        questions: rows with two answers or more; the others yield nothing.
        threshold: least Jaccard similarity, in (0, 1].
        rules: guards, see :class:`corpus_builder.rules.Rules`.
        exclusion: benchmark texts.
        counts: counted up at each step.
    """
    pair_filter = PairFilter(rules, counts)
    for question in questions:
        counts["questions"] += 1
        if len(question.answers) < 2:
            counts["questions with a single answer"] += 1
            continue
        sentences, answer_of = Sentences(), []
        for number, answer in enumerate(question.answers):
            for text, normalised in prepare(split_sentences(answer), rules, exclusion, counts):
                sentences.texts.append(text)
                sentences.normalised.append(normalised)
                answer_of.append(number)
        found = (
            pair
            for pair in similar_pairs(sentences.normalised, threshold)
            if answer_of[pair[0]] != answer_of[pair[1]]
        )
        yield from pair_filter.keep(sentences, found, question.source)


def merge_questions(questions: Iterable[Question], similarity: float = 1.0) -> Iterator[Question]:
    """Put together the answers to questions whose first lines say the same.

    A forum holds 「高血压怎么治疗？」 many times, each with the answer of another doctor. With ``similarity``
    1.0 the first lines must be equal after normalisation; below it, character Jaccard between any two of
    them must reach it (at most 20 questions). Holds all rows in memory; the order is that of first sight.
    """
    merged: dict[str, list[Question]] = {}
    for question in questions:
        merged.setdefault(normalise(question.question.split("\n", 1)[0]), []).append(question)
    titles = list(merged)
    clusters = [[n] for n in range(len(titles))]
    if similarity < 1:
        pairs = {(i, j): score for i, j, score in jaccard_join(titles, similarity, normalised=True)}
        clusters = complete_linkage(pairs, _MOST_QUESTIONS)
        clustered = {n for cluster in clusters for n in cluster}
        clusters += [[n] for n in range(len(titles)) if n not in clustered]
    for cluster in sorted(clusters):
        same = [row for n in cluster for row in merged[titles[n]]]
        answers = dict.fromkeys(answer.strip() for row in same for answer in row.answers)
        yield Question(clean_text(same[0].question), tuple(answers), same[0].source)
