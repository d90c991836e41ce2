"""Attention of sentences side by side: a row reads exactly the positions it sees. Compiled by Numba.

Keys and values of a source are kept once, whatever number of rows continues it, and its rows are multiplied
with them together. A row that is being written has keys and values of its own besides, in segments of
:data:`SEGMENT` positions, made as rows grow. Heads are filled up with zeros to whole registers: *room*.

==================== ====================================================== =============================
memory               laid out as                                            numbers
==================== ====================================================== =============================
keys of a source     layers, heads, segments, room, SEGMENT                 float32
values of a source   layers, heads, segments * SEGMENT, room                float32
segment of own ones  layers, keys and values, slots, heads, room * SEGMENT  float32, or bfloat16
==================== ====================================================== =============================

Rows are given by address and by their distance in bytes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from roformer_sim.native.compiling import compiled, part
from roformer_sim.native.instructions import (
    exponentials,
    fetch,
    floats_at,
    longs_at,
    put_half,
)
from roformer_sim.native.microkernel import microkernel
from roformer_sim.native.processor import LANES, TALLEST

SEGMENT = LANES
"""Positions of a segment."""

_NEVER = np.float32(-1e30)

# A plain 1 would have functions compiled once more, for this number alone.
_ONE = np.int64(1)

_one = microkernel(1, "float32")
_two = microkernel(2, "float32")
_own_one = microkernel(1, "float32", 1)
_own_four = microkernel(4, "float32", 1)
_own_half_one = microkernel(1, "bfloat16", 1)
_own_half_four = microkernel(4, "bfloat16", 1)


class Heads(NamedTuple):
    """Shape of the attention.

    Attributes:
        heads, size, room: Their number, size, and size in whole registers.
        layers: Whose keys and values of sources are kept: of all blocks, or 1.
        cosine, sine: Addresses of the rotary turn, positions by half the size.
        turned: 1 where positions turn queries and keys, 0 for BERT.
    """

    heads: int
    size: int
    room: int
    layers: int
    cosine: int
    sine: int
    turned: int


class Sources(NamedTuple):
    """Where the keys and values of sources are.

    Attributes:
        keys, values: (sources,) int64 addresses.
        lengths: (sources,) int64 positions.
        of_row: (rows,) int64, each row's source; rows of one source side by side.
        positions: (rows,) int64, of each row in its sentence, from the source's first.
    """

    keys: np.ndarray
    values: np.ndarray
    lengths: np.ndarray
    of_row: np.ndarray
    positions: np.ndarray


class Own(NamedTuple):
    """Rows' own keys and values.

    Attributes:
        segments: (segments,) int64 addresses; none while sources are read.
        slots: (rows,) int64, which slot each row has.
        ages: (rows,) int64, own tokens before the newest.
        slots_made: Slots of the segments.
        in_halves: 1 for bfloat16, 0 for float32.
    """

    segments: np.ndarray
    slots: np.ndarray
    ages: np.ndarray
    slots_made: int
    in_halves: int


def room_of(size: int) -> int:
    """A head's size in whole registers."""
    return -(-size // LANES) * LANES


@compiled
def _multiply(rows, registers, a, a_row, panel, panel_step, steps, start, c, c_row):  # type: ignore[no-untyped-def]
    if registers == 2:
        _two(rows, a, a_row, panel, panel_step, steps, start, c, c_row, start, 0, 0, 0, 0)
    else:
        _one(rows, a, a_row, panel, panel_step, steps, start, c, c_row, start, 0, 0, 0, 0)


@compiled
def _multiply_own(in_halves, registers, a, panel, row, steps, start, c):  # type: ignore[no-untyped-def]
    """One row times own keys or values whose steps are ``row`` numbers apart."""
    if in_halves:
        if registers == 4:
            _own_half_four(1, a, 0, panel, 2 * row, steps, start, c, 0, start, 0, 0, 0, 0)
        else:
            _own_half_one(1, a, 0, panel, 2 * row, steps, start, c, 0, start, 0, 0, 0, 0)
    elif registers == 4:
        _own_four(1, a, 0, panel, 4 * row, steps, start, c, 0, start, 0, 0, 0, 0)
    else:
        _own_one(1, a, 0, panel, 4 * row, steps, start, c, 0, start, 0, 0, 0, 0)


@compiled
def _turn(heads, of_head, position, out):  # type: ignore[no-untyped-def]
    """A head's query or key, turned by its position."""
    given, turned = floats_at(of_head), floats_at(out)
    if heads.turned:
        half = heads.size // 2
        cosine = floats_at(heads.cosine + 4 * position * half)
        sine = floats_at(heads.sine + 4 * position * half)
        for i in range(half):
            turned[i] = given[i] * cosine[i] - given[half + i] * sine[i]
        for i in range(half):
            turned[half + i] = given[half + i] * cosine[i] + given[i] * sine[i]
    else:
        for i in range(heads.size):
            turned[i] = given[i]


@compiled
def _softmax(scores, length, own_first, own_length):  # type: ignore[no-untyped-def]
    """Over the source's positions and the own ones, in place and not yet divided by their sum: 1 / sum.

    Scores stand in whole segments; what no position has is put out.
    """
    line = floats_at(scores)
    width = own_first + (own_length + SEGMENT - 1) // SEGMENT * SEGMENT
    for j in range(length, own_first):
        line[j] = _NEVER
    for j in range(own_first + own_length, width):
        line[j] = _NEVER
    return exponentials(scores, width // SEGMENT)


@compiled
def keep_source(begin, end, layer, heads, qkv, qkv_row, sources):  # type: ignore[no-untyped-def]
    """Keep keys and values of source tokens ``begin`` to ``end``, which are rows here."""
    size, room = heads.size, heads.room
    turned = np.empty(room, np.float32)
    for row in range(begin, end):
        source, position = sources.of_row[row], sources.positions[row]
        segments = (sources.lengths[source] + SEGMENT - 1) // SEGMENT
        for head in range(heads.heads):
            which = (layer % heads.layers) * heads.heads + head
            of_head = qkv + row * qkv_row + 4 * (heads.heads + head) * size
            _turn(heads, of_head, position, turned.ctypes.data)
            place = (which * segments + position // SEGMENT) * room * SEGMENT + position % SEGMENT
            key = floats_at(sources.keys[source] + 4 * place)
            value = floats_at(sources.values[source] + 4 * (which * segments * SEGMENT + position) * room)
            given = floats_at(of_head + 4 * heads.heads * size)
            for i in range(size):
                key[i * SEGMENT] = turned[i]
            for i in range(size):
                value[i] = given[i]
    turned[0] = 0.0  # known by its address alone, it would be given back after the last mention


@compiled
def _source_scores(  # type: ignore[no-untyped-def]
    count, heads, qkv, qkv_row, positions, keys, own_first, nothing, query, scores, width
) -> None:
    """Turned queries of all heads of rows of one source, and their products with the source's keys."""
    rooms = 4 * heads.room
    for head in range(heads.heads):
        of_head = query + head * TALLEST * rooms
        for i in range(count):
            _turn(heads, qkv + i * qkv_row + 4 * head * heads.size, positions[i], of_head + i * rooms)
        for first in range(0, own_first, SEGMENT):
            _multiply(
                count, _ONE, of_head, rooms, keys + (head * own_first + first) * rooms, 4 * SEGMENT,
                heads.size, nothing, scores + 4 * (head * TALLEST * width + first), 4 * width,
            )  # fmt: skip


@compiled
def _source_values(count, heads, values, own_first, length, nothing, scores, width, out):  # type: ignore[no-untyped-def]
    """What all heads of rows of one source take from the source's values."""
    rooms = 4 * heads.room
    for head in range(heads.heads):
        first = 0
        while first < heads.room:
            registers = 2 if heads.room - first >= 2 * LANES else 1
            _multiply(
                count, registers, scores + 4 * head * TALLEST * width, 4 * width,
                values + head * own_first * rooms + 4 * first, rooms, length, nothing,
                out + head * TALLEST * rooms + 4 * first, rooms,
            )  # fmt: skip
            first += registers * LANES


@compiled
def _own_scores(  # type: ignore[no-untyped-def]
    heads, in_halves, of_query, position, segments, place, length, query, nothing, turned, scores
) -> None:
    """Keep a row's newest key and value of a head; products of the query with all own keys.

    Args:
        of_query: Address of the head's query as the product gave it; key and value stand further on.
        length: Own tokens, the newest included.
        segments: Address of the addresses of segments.
        place: (keys, values), where in a segment the row's are, in numbers.
        query: Address of the turned query.
        turned: Address of room for one head.
    """
    width = 4 * heads.heads * heads.size
    _turn(heads, of_query + width, position, turned)
    _keep_own(heads, in_halves, turned, of_query + 2 * width, length - 1, segments, place)
    size = 2 if in_halves else 4
    room = size * heads.room * SEGMENT
    for segment in range((length + SEGMENT - 1) // SEGMENT):
        here = longs_at(segments)[segment]
        # The next head's keys are brought near, and this one's values, which are read later.
        values = here + size * place[1]
        for line in range(0, size * heads.room * min(SEGMENT, length - segment * SEGMENT), 64):
            fetch(values + line)
        keys = here + size * place[0]
        for line in range(0, room, 64):
            fetch(keys + room + line)
        here = scores + 4 * segment * SEGMENT
        _multiply_own(in_halves, _ONE, query, keys, SEGMENT, heads.size, nothing, here)


@compiled
def _keep_own(heads, in_halves, turned_key, own_value, age, segments, place):  # type: ignore[no-untyped-def]
    key, value = floats_at(turned_key), floats_at(own_value)
    segment, within = longs_at(segments)[age // SEGMENT], age % SEGMENT
    keys, values = place[0] + within, place[1] + within * heads.room
    if in_halves:
        for i in range(heads.size):
            put_half(segment + 2 * (keys + i * SEGMENT), key[i])
        for i in range(heads.size):
            put_half(segment + 2 * (values + i), value[i])
    else:
        kept_keys, kept_values = floats_at(segment + 4 * keys), floats_at(segment + 4 * values)
        for i in range(heads.size):
            kept_keys[i * SEGMENT] = key[i]
        for i in range(heads.size):
            kept_values[i] = value[i]


@compiled
def _write(size, given, scale, out):  # type: ignore[no-untyped-def]
    numbers, written = floats_at(given), floats_at(out)
    for i in range(size):
        written[i] = numbers[i] * scale


@compiled
def _own_values(heads, in_halves, weights, segments, place, length, out):  # type: ignore[no-untyped-def]
    """Add what a row takes from its own values."""
    size = 2 if in_halves else 4
    for segment in range((length + SEGMENT - 1) // SEGMENT):
        values = longs_at(segments)[segment] + size * place[1]
        steps = min(SEGMENT, length - segment * SEGMENT)
        first = 0
        while first < heads.room:
            registers = 4 if heads.room - first >= 4 * LANES else 1
            here = out + 4 * first
            _multiply_own(
                in_halves, registers, weights + 4 * segment * SEGMENT, values + size * first, heads.room,
                steps, here, here,
            )  # fmt: skip
            first += registers * LANES


@part
def _own_place(heads, own, layer, head, slot):  # type: ignore[no-untyped-def]
    """Where in every segment a row's keys and values of a head are, in numbers."""
    numbers = heads.room * SEGMENT
    keys = ((2 * layer * own.slots_made + slot) * heads.heads + head) * numbers
    return keys, keys + own.slots_made * heads.heads * numbers


@compiled
def attend(begin, end, layer, heads, qkv, qkv_row, sources, own, context, context_row):  # type: ignore[no-untyped-def]
    """Rows ``begin`` to ``end`` attend to their sources and to their own tokens, the newest included.

    Args:
        qkv: Queries, keys, values, see :func:`roformer_sim.native.network.for_attention`.
        context: Written.
    """
    longest, oldest = 0, 0
    for row in range(begin, end):
        longest = max(longest, sources.lengths[sources.of_row[row]])
        if len(own.segments):
            oldest = max(oldest, own.ages[row] + 1)
    width = ((longest + SEGMENT - 1) // SEGMENT + (oldest + SEGMENT - 1) // SEGMENT) * SEGMENT
    number = heads.heads * TALLEST
    query, out = np.zeros(number * heads.room, np.float32), np.empty(number * heads.room, np.float32)
    scores, scales = np.empty(number * width, np.float32), np.empty(number, np.float32)
    nothing = np.zeros(max(heads.room, SEGMENT), np.float32)
    row = begin
    while row < end:
        source, count = sources.of_row[row], 1
        while row + count < end and count < TALLEST and sources.of_row[row + count] == source:
            count += 1
        length = sources.lengths[source]
        own_first = (length + SEGMENT - 1) // SEGMENT * SEGMENT
        which = (layer % heads.layers) * heads.heads * own_first * heads.room
        _source_scores(
            count, heads, qkv + row * qkv_row, qkv_row, sources.positions[row : row + count],
            sources.keys[source] + 4 * which, own_first, nothing.ctypes.data, query.ctypes.data,
            scores.ctypes.data, width,
        )  # fmt: skip
        # Own keys and values lie row by row; source's are the same for all rows of a head.
        for i in range(count):
            for head in range(heads.heads):
                line = scores.ctypes.data + 4 * (head * TALLEST + i) * width
                own_length = 0
                if len(own.segments):
                    own_length = own.ages[row + i] + 1
                    _own_scores(
                        heads, own.in_halves, qkv + (row + i) * qkv_row + 4 * head * heads.size,
                        sources.positions[row + i], own.segments.ctypes.data,
                        _own_place(heads, own, layer, head, own.slots[row + i]), own_length,
                        query.ctypes.data + 4 * (head * TALLEST + i) * heads.room, nothing.ctypes.data,
                        out.ctypes.data, line + 4 * own_first,
                    )  # fmt: skip
                scales[head * TALLEST + i] = _softmax(line, length, own_first, own_length)
        _source_values(
            count, heads, sources.values[source] + 4 * which, own_first, length, nothing.ctypes.data,
            scores.ctypes.data, width, out.ctypes.data,
        )  # fmt: skip
        for i in range(count):
            for head in range(heads.heads):
                here = out.ctypes.data + 4 * (head * TALLEST + i) * heads.room
                if len(own.segments):
                    _own_values(
                        heads, own.in_halves,
                        scores.ctypes.data + 4 * ((head * TALLEST + i) * width + own_first),
                        own.segments.ctypes.data, _own_place(heads, own, layer, head, own.slots[row + i]),
                        own.ages[row + i] + 1, here,
                    )  # fmt: skip
                _write(
                    heads.size, here, scales[head * TALLEST + i],
                    context + (row + i) * context_row + 4 * head * heads.size,
                )  # fmt: skip
        row += count
    # Known by their addresses alone, they would be given back after the last mention.
    query[0] = out[0] = scores[0] = nothing[0] = 0.0
