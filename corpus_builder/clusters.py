"""From similar pairs to groups."""

from __future__ import annotations


def complete_linkage(scores: dict[tuple[int, int], float], max_group: int) -> list[list[int]]:
    """Groups in which every member is paired with every other.

    Groups grow from the most similar pair down; two merge only while all cross pairs are in ``scores`` and
    the result has at most ``max_group`` members, so a chain of small changes cannot join strangers.

    Args:
        scores: ``{(i, j): similarity}`` with ``i < j``.
        max_group: most members of a group.

    Returns:
        Disjoint groups of two members or more, each sorted.
    """
    group_of: dict[int, list[int]] = {}
    for (i, j), _ in sorted(scores.items(), key=lambda item: (-item[1], item[0])):
        left, right = group_of.setdefault(i, [i]), group_of.setdefault(j, [j])
        if left is right or len(left) + len(right) > max_group:
            continue
        if all((min(a, b), max(a, b)) in scores for a in left for b in right):
            left += right
            for member in right:
                group_of[member] = left
    distinct = {id(group): group for group in group_of.values() if len(group) > 1}
    return [sorted(group) for group in distinct.values()]
