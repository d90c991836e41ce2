"""What is remembered of stretches of text: right, asked for once, and bounded."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from roformer_sim.text.memory import Pieces, StretchMemory


def halves(stretch: str) -> Pieces:
    """As many tokens as there are pairs of characters: none for a single one."""
    count = len(stretch) // 2
    ids = [ord(stretch[2 * i]) for i in range(count)]
    return ids, [2 * i for i in range(count)], [2 * i + 2 for i in range(count)]


def recall(memory: StretchMemory, stretches: list[str]) -> list[Pieces]:
    which, table = memory.look_up(stretches)
    spans = [slice(table.begins[i], table.begins[i] + table.counts[i]) for i in which]
    return [tuple(table.columns[:, span].tolist()) for span in spans]


@given(calls=st.lists(st.lists(st.text("ab一二", min_size=1, max_size=9), max_size=12), max_size=8))
@settings(deadline=None)
def test_what_comes_back_is_what_was_tokenized(calls):
    for limit in (0, 200, 10_000):
        memory = StretchMemory(lambda new: [halves(stretch) for stretch in new], limit=limit)
        for stretches in calls:
            assert recall(memory, stretches) == [halves(stretch) for stretch in stretches]


def test_each_stretch_is_tokenized_once():
    asked: Counter[str] = Counter()

    def tokenize(new):
        asked.update(new)
        return [halves(stretch) for stretch in new]

    memory = StretchMemory(tokenize)
    for _ in range(3):
        memory.look_up([f"word{number}" for number in range(2000)] * 2)
    assert len(asked) == 2000
    assert set(asked.values()) == {1}


def test_the_memory_begins_anew_when_it_is_full():
    asked: Counter[str] = Counter()

    def tokenize(new):
        asked.update(new)
        return [halves(stretch) for stretch in new]

    memory = StretchMemory(tokenize, limit=1000)
    memory.look_up(["again"])
    memory.look_up([f"word{number}" for number in range(100)])
    assert recall(memory, ["again", "new"]) == [halves("again"), halves("new")]
    assert asked["again"] == 2
