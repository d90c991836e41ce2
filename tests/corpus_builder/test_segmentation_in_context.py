"""Sentence ends in paragraphs of many kinds, written and judged by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from corpus_builder.segmentation import clean_text, split_sentences

ROWS: list[dict[str, Any]] = [
    json.loads(line)
    for line in Path(__file__)
    .with_name("sentences_in_context.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]
PARTS = list(dict.fromkeys(row["part"] for row in ROWS))


def _ends(sentences: list[str]) -> set[int]:
    """Ends within the text, as numbers of characters that are not space; the end of the text is no merit."""
    length, ends = 0, set()
    for sentence in sentences:
        length += len("".join(sentence.split()))
        ends.add(length)
    return ends - {length}


def _compare(rows: list[dict[str, Any]]) -> tuple[float, list[str]]:
    """Boundary F1, and each boundary that is missing or too much."""
    right, misses = 0, []
    for row in rows:
        expected, found = _ends(row["sentences"]), _ends(split_sentences(row["text"]))
        right += len(expected & found)
        text = "".join(clean_text(row["text"]).split())
        for end in sorted(expected ^ found):
            what = "missing" if end in expected else "too much"
            misses.append(f"{row['kind']}: {what}: {text[max(0, end - 20) : end]} | {text[end : end + 12]}")
    return 2 * right / (2 * right + len(misses)), misses


def test_the_set_is_what_it_says() -> None:
    assert sum(len(row["sentences"]) for row in ROWS) >= 300
    for row in ROWS:
        joined = "".join("".join(row["sentences"]).split())
        assert joined == "".join(clean_text(row["text"]).split()), row["text"]


@pytest.mark.parametrize("part", PARTS)
def test_boundary_f1_is_at_least_99_per_cent(part: str) -> None:
    f1, misses = _compare([row for row in ROWS if row["part"] == part])
    print(f"\n{part}: boundary F1 {100 * f1:.2f} %", *misses, sep="\n")
    assert f1 >= 0.99
