"""Attention of decoding: rows that share their source's keys and values and have own ones besides.

Compiled by Numba. A row reads exactly the positions it sees: nothing is padded, masked or copied once a row.
Arrays are float32 unless said otherwise; ``width`` is heads times head size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.extending import overload

Function = TypeVar("Function", bound=Callable[..., Any])

# Sums may be reordered, which is what lets them run in vector registers; infinities stay what they are.
_FAST = {"reassoc", "contract", "arcp", "nsz", "afn"}


def _compiled(function: Function) -> Function:
    """Compile at the first call, without the GIL; kept on disk where a folder can be written."""
    try:
        kernel: Any = numba.njit(function, cache=True, nogil=True, fastmath=_FAST)
    except (RuntimeError, OSError):  # Numba's words for "no folder to keep it in"
        kernel = numba.njit(function, nogil=True, fastmath=_FAST)
    return cast(Function, kernel)


def _part(function: Function) -> Function:
    part: Any = numba.njit(function, inline="always", fastmath=_FAST)
    return cast(Function, part)


def _wide(value):  # type: ignore[no-untyped-def]
    """float32 of a kept number: itself, or the bfloat16 whose 16 bits it is."""
    raise NotImplementedError("compiled code alone calls this")


@overload(_wide, inline="always")
def _wide_compiled(value):  # type: ignore[no-untyped-def]
    if isinstance(value, numba.types.Float):
        return lambda value: value
    return lambda value: np.uint32(np.uint32(value) << np.uint32(16)).view(np.float32)


def _kept(value, like):  # type: ignore[no-untyped-def]
    """A float32 as an array of ``like`` keeps it, see :func:`_wide`."""
    raise NotImplementedError("compiled code alone calls this")


@overload(_kept, inline="always")
def _kept_compiled(value, like):  # type: ignore[no-untyped-def]
    if isinstance(like.dtype, numba.types.Float):
        return lambda value, like: value

    def nearest_even(value, like):  # type: ignore[no-untyped-def]
        bits = np.float32(value).view(np.uint32)
        odd = (bits >> np.uint32(16)) & np.uint32(1)
        return np.uint16((bits + np.uint32(0x7FFF) + odd) >> np.uint32(16))

    return nearest_even


# Arrays are handed on whole with indices: Numba counts a reference to each slice up and down.
@_part
def _turn(qkv, row, column, cosine, sine, position, out, size):  # type: ignore[no-untyped-def]
    """A head's query or key, turned by its position (as it is where the angles have no columns)."""
    half = cosine.shape[1]
    if half == 0:
        for i in range(size):
            out[i] = qkv[row, column + i]
    for i in range(half):
        a, b = qkv[row, column + i], qkv[row, column + half + i]
        out[i] = a * cosine[position, i] - b * sine[position, i]
        out[half + i] = b * cosine[position, i] + a * sine[position, i]


@_part
def _score(query, keys, slot, head, first, last, scores, offset):  # type: ignore[no-untyped-def]
    for j in range(first, last):
        total = np.float32(0.0)
        for i in range(query.shape[0]):
            total += query[i] * _wide(keys[slot, head, j, i])
        scores[offset + j - first] = total


@_part
def _softmax(scores, count):  # type: ignore[no-untyped-def]
    largest = scores[0]
    for j in range(1, count):
        largest = max(largest, scores[j])
    total = np.float32(0.0)
    for j in range(count):
        scores[j] = np.exp(scores[j] - largest)
        total += scores[j]
    scale = np.float32(1.0) / total
    for j in range(count):
        scores[j] *= scale


@_part
def _add_values(weights, offset, values, slot, head, first, last, out):  # type: ignore[no-untyped-def]
    for j in range(first, last):
        weight = weights[offset + j - first]
        for i in range(out.shape[0]):
            out[i] += weight * _wide(values[slot, head, j, i])


@_compiled
def store_source(  # type: ignore[no-untyped-def]
    begin, end, qkv, positions, cosine, sine, source_keys, source_values
) -> None:
    """Keep keys and values of source tokens ``begin`` to ``end``.

    Args:
        qkv: (tokens, 3 * width), see :func:`roformer_sim.generation.engines.openvino_graph.token_graphs`.
        positions: (tokens,) int64, of each within its source.
        cosine, sine: (all positions, head size / 2) of the rotary turn; no columns for networks without.
        source_keys, source_values: (1, heads, tokens, head size), written.
    """
    heads, size = source_keys.shape[1], source_keys.shape[3]
    turned = np.empty(size, np.float32)
    for row in range(begin, end):
        for head in range(heads):
            column = (heads + head) * size
            _turn(qkv, row, column, cosine, sine, positions[row], turned, size)
            for i in range(size):
                source_keys[0, head, row, i] = turned[i]
                source_values[0, head, row, i] = qkv[row, column + heads * size + i]


@_compiled
def attend_source(  # type: ignore[no-untyped-def]
    begin, end, qkv, positions, cosine, sine, source_keys, source_values, spans, context
) -> None:
    """Source tokens ``begin`` to ``end`` attend to their source.

    Args:
        spans: (tokens, 2) int64, where each token's source begins and ends among all tokens.
        context: (at least tokens, width), written.
    """
    heads, tokens, size = source_keys.shape[1:]
    query, out, scores = np.empty(size, np.float32), np.empty(size, np.float32), np.empty(tokens, np.float32)
    for row in range(begin, end):
        first, last = spans[row, 0], spans[row, 1]
        for head in range(heads):
            _turn(qkv, row, head * size, cosine, sine, positions[row], query, size)
            _score(query, source_keys, 0, head, first, last, scores, 0)
            _softmax(scores, last - first)
            out[:] = np.float32(0.0)
            _add_values(scores, 0, source_values, 0, head, first, last, out)
            for i in range(size):
                context[row, head * size + i] = out[i]


@_compiled
def attend_step(  # type: ignore[no-untyped-def]
    begin,
    end,
    qkv,
    positions,
    cosine,
    sine,
    source_keys,
    source_values,
    spans,
    keys,
    values,
    slots,
    age,
    context,
) -> None:
    """The newest tokens of rows ``begin`` to ``end`` attend to source, earlier tokens and themselves.

    Args:
        spans: (rows, 2) int64, where each row's source stands in ``source_keys``.
        keys, values: (slots, heads, capacity, head size), of the rows' own tokens; the newest are written
            at ``age``. float32, or uint16 holding bfloat16: rows' own keys and values are most of what a
            step reads.
        slots: (rows,) int64, where each row's own keys and values are.
        age: Own tokens before this one.
    """
    heads, tokens, size = source_keys.shape[1:]
    query, out = np.empty(size, np.float32), np.empty(size, np.float32)
    scores = np.empty(tokens + age + 1, np.float32)
    for row in range(begin, end):
        first, last, slot = spans[row, 0], spans[row, 1], slots[row]
        own = last - first
        for head in range(heads):
            column = (heads + head) * size
            _turn(qkv, row, column, cosine, sine, positions[row], query, size)
            for i in range(size):
                keys[slot, head, age, i] = _kept(query[i], keys)
                values[slot, head, age, i] = _kept(qkv[row, column + heads * size + i], values)
            _turn(qkv, row, head * size, cosine, sine, positions[row], query, size)
            _score(query, source_keys, 0, head, first, last, scores, 0)
            _score(query, keys, slot, head, 0, age + 1, scores, own)
            _softmax(scores, own + age + 1)
            out[:] = np.float32(0.0)
            _add_values(scores, 0, source_values, 0, head, first, last, out)
            _add_values(scores, own, values, slot, head, 0, age + 1, out)
            for i in range(size):
                context[row, head * size + i] = out[i]
