"""Pairs of similar sentences of one document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from corpus_builder.miners.sentences import TextGroup
from corpus_builder.rows import Document


def document_groups(documents: Iterable[Document], window: int = 1) -> Iterator[TextGroup]:
    """An author says again what matters: headline and body, question and description, thesis and summary.

    The sentences of a document are compared all with all. Because they share its topic, the threshold is
    higher than for answers. https://kexue.fm/archives/8454.

    Args:
        documents: in their order.
        window: compare the sentences of so many neighbouring documents as if they were one. Right for days
            of a newspaper or a chronological forum, where neighbours report the same events.
    """
    held: list[Document] = []
    for document in documents:
        held.append(document)
        if len(held) == window:
            yield _together(held)
            held = []
    if held:
        yield _together(held)


def _together(documents: list[Document]) -> TextGroup:
    first = documents[0]
    return TextGroup(tuple(document.text for document in documents), first.source, first.doc_id)
