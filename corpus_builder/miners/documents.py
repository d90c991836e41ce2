"""Pairs of similar sentences of one document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from corpus_builder.exclusion import Exclusion
from corpus_builder.join import similar_pairs
from corpus_builder.rows import Document, Pair
from corpus_builder.rules import Counts, PairFilter, Rules, Sentences, key, prepare
from corpus_builder.segmentation import split_sentences


def mine_documents(
    documents: Callable[[], Iterable[Document]],
    threshold: float,
    rules: Rules,
    exclusion: Exclusion,
    counts: Counts,
    *,
    max_documents: int = 5,
    window: int = 1,
) -> Iterator[Pair]:
    """An author says again what matters: headline and body, question and description, thesis and summary.

    The documents are read twice: first to find boilerplate, sentences seen in more than ``max_documents``
    documents (请问您还有其他问题吗), then to compare the rest, all with all within each document. Because
    sentences of a document share its topic, the threshold is higher than for answers.
    https://kexue.fm/archives/8454.

    Args:
        documents: gives the documents anew at each call.
        threshold: least Jaccard similarity, in (0, 1].
        rules, exclusion, counts: as in :func:`corpus_builder.miners.answers.mine_answers`.
        max_documents: 0 leaves boilerplate in and saves the first reading.
        window: compare the sentences of so many neighbouring documents as if they were one. Right for days
            of a newspaper or a chronological forum, where neighbours report the same events.
    """
    boilerplate = _boilerplate(documents(), rules, max_documents) if max_documents else frozenset()
    counts["boilerplate sentences"] = len(boilerplate)
    pair_filter = PairFilter(rules, counts)
    for document in _windows(documents(), window):
        counts["documents" if window == 1 else "windows"] += 1
        sentences = Sentences()
        seen: set[str] = set()
        for text, normalised in prepare(split_sentences(document.text), rules, exclusion, counts):
            if normalised in seen:
                continue
            seen.add(normalised)
            if boilerplate and key(normalised) in boilerplate:
                counts["sentences dropped: boilerplate"] += 1
                continue
            sentences.texts.append(text)
            sentences.normalised.append(normalised)
        found = similar_pairs(sentences.normalised, threshold)
        yield from pair_filter.keep(sentences, found, document.source)


def _boilerplate(documents: Iterable[Document], rules: Rules, max_documents: int) -> frozenset[bytes]:
    seen_in: Counter[bytes] = Counter()
    for document in documents:
        sentences = prepare(split_sentences(document.text), rules, Exclusion(), Counter())
        seen_in.update({key(normalised) for _, normalised in sentences})
    return frozenset(sentence for sentence, times in seen_in.items() if times > max_documents)


def _windows(documents: Iterable[Document], window: int) -> Iterator[Document]:
    if window == 1:
        yield from documents
        return
    held: list[Document] = []
    for document in documents:
        held.append(document)
        if len(held) == window:
            yield _joined(held)
            held = []
    if held:
        yield _joined(held)


def _joined(documents: list[Document]) -> Document:
    return Document(documents[0].doc_id, "\n".join(d.text for d in documents), documents[0].source)
