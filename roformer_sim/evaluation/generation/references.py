"""What is generated from, and what people wrote that means the same: sources with reference paraphrases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from corpus_builder.errors import InputError
from corpus_builder.readers import read_groups, read_pairs
from roformer_sim.text.bare_form import bare_form

QUESTION, STATEMENT = "questions", "statements"
KINDS = (QUESTION, STATEMENT)


@dataclass(frozen=True)
class Source:
    """A sentence that variants are asked for.

    Attributes:
        text: ``怎么开通花呗``.
        references: Sentences that mean the same, ``("花呗如何开通",)``; none differs from the text or from
            another by marks and particles alone, and there is at least one.
        kind: ``"questions"`` or ``"statements"``.
    """

    text: str
    references: tuple[str, ...]
    kind: str = QUESTION


def read_sources(
    groups: Sequence[str | Path] = (),
    pairs: Sequence[str | Path] = (),
    *,
    questions: int = 200,
    statements: int = 200,
    seed: int = 0,
) -> list[Source]:
    """Draw sources: questions from groups, statements from pairs. No file of a model's training belongs here.

    Args:
        groups: JSON lines ``{"text", "synonyms"}``; the other members of a group are its text's references.
        pairs: JSON lines ``{"text_a", "text_b"}``; the second is a reference of the first. Pairs that share
            their first text make one source.
        questions, statements: Most sources drawn of each kind; fewer where the files hold fewer.
        seed: Of the draw; the same files and seed give the same sources whatever the other kind's number.

    Returns:
        Questions, then statements, each in the order of the files, no text twice.

    Raises:
        InputError: A file cannot be read, or there is nothing to draw from.
    """
    if not groups and not pairs:
        raise InputError("nothing to generate from: give groups of questions or pairs of statements")
    found: list[Source] = []
    seen: set[str] = set()
    for kind, files, wanted in ((QUESTION, groups, questions), (STATEMENT, pairs, statements)):
        usable = []
        for text, references in _by_text(files, kind).items():
            source = _source(text, references, kind)
            if source is not None and bare_form(text) not in seen:
                seen.add(bare_form(text))
                usable.append(source)
        if files and not usable:
            raise InputError(f"{', '.join(map(str, files))}: no text with a paraphrase, so no {kind}")
        rng = np.random.default_rng([seed, KINDS.index(kind)])
        places = np.sort(rng.permutation(len(usable))[:wanted])
        found += [usable[place] for place in places]
    if not found:
        raise InputError("nothing to generate from: 0 questions and 0 statements were asked for")
    return found


def _by_text(files: Iterable[str | Path], kind: str) -> dict[str, list[str]]:
    references: dict[str, list[str]] = {}
    for file in files:
        if kind == QUESTION:
            for group in read_groups(file):
                references.setdefault(group.text, []).extend(group.synonyms)
        else:
            for pair in read_pairs(file):
                references.setdefault(pair.text_a, []).append(pair.text_b)
    return references


def _source(text: str, references: Iterable[str], kind: str) -> Source | None:
    """The source, or None where nothing is left of the text or of its references."""
    own = bare_form(text)
    different = {bare_form(reference): reference for reference in reversed(list(references))}
    kept = [reference for form, reference in reversed(different.items()) if form not in ("", own)]
    return Source(text, tuple(kept), kind) if own and kept else None
