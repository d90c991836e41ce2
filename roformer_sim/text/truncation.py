"""Cutting one text or a pair to a number of tokens, from the longer side."""

from __future__ import annotations

import numpy as np

from corpus_builder.errors import InputError


def kept_tokens(
    first: np.ndarray, second: np.ndarray | None, maxlen: int | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """How many tokens each text keeps so that ``[CLS] first [SEP] (second [SEP])`` has at most ``maxlen``.

    One token after another is taken from the end of the longer side, the first text where both are equally
    long (the rule of bert4keras's ``truncate_sequences``, here in closed form).

    Args:
        first: tokens of each text without special tokens, integers (n,).
        second: the same of its pair, or None for single texts.
        maxlen: tokens allowed, special tokens included; None for no limit.

    Raises:
        InputError: ``maxlen`` has no room for the special tokens (2, or 3 for a pair).
    """
    if maxlen is None:
        return first, second
    specials = 2 if second is None else 3
    if maxlen < specials:
        raise InputError(f"maxlen is {maxlen}; [CLS] and [SEP] alone take {specials} tokens, give more")
    room = maxlen - specials
    if second is None:
        return np.minimum(first, room), None
    excess = np.maximum(first + second - room, 0)
    from_longer = np.minimum(excess, np.abs(first - second))
    rest = excess - from_longer
    cut_first = np.where(first > second, from_longer, 0) + (rest + 1) // 2
    return first - cut_first, second - (excess - cut_first)
