"""Cutting one text or a pair to a number of tokens, from the longer side."""

from __future__ import annotations

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.text.scanning import Tokens


def truncate(tokens: Tokens, opened: np.ndarray, maxlen: int | None) -> tuple[Tokens, np.ndarray]:
    """Cut every text or pair to ``maxlen`` tokens.

    Args:
        tokens: parts as the scanner gives them; where a part is not ``opened`` with [CLS], it is the pair of
            the part before it.
        opened: bool (parts,).
        maxlen: tokens of a text or pair, special tokens included; None for no limit.

    Returns:
        The tokens kept, and whether each text or pair lost any, bool (rows,).
    """
    widths = np.diff(tokens.bounds)
    contents = widths - 1 - opened
    paired = not opened.all()
    first = contents[::2] if paired else contents
    kept, pair_kept = kept_tokens(first, contents[1::2] if paired else None, maxlen)
    truncated = kept < first
    if pair_kept is not None:
        truncated |= pair_kept < contents[1::2]
    if not truncated.any():
        return tokens, truncated
    part_kept = kept if pair_kept is None else np.stack([kept, pair_kept], axis=1).ravel()
    # A part loses what stands between the tokens it keeps and its [SEP]: +1 where that begins, -1 at its end.
    cut = np.flatnonzero(part_kept < contents)
    step = np.zeros(len(tokens.ids), np.int8)
    step[tokens.bounds[cut] + opened[cut] + part_kept[cut]] = 1
    step[tokens.bounds[cut + 1] - 1] = -1
    stays = np.cumsum(step, out=step) == 0
    bounds = np.append(0, np.cumsum(part_kept + 1 + opened))
    offsets = None if tokens.offsets is None else tokens.offsets[stays]
    return Tokens(tokens.ids[stays], bounds, offsets), truncated


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
