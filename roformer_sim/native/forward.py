"""A pass through the whole network by several threads, compiled by Numba into one function.

Between two products threads wait for one another; everything else is shared out by rows. Everything is given
by address, see :mod:`roformer_sim.native.network` for what owns the memory.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from roformer_sim.native.attention import Heads, attend, keep_source
from roformer_sim.native.compiling import compiled
from roformer_sim.native.crew import meet
from roformer_sim.native.instructions import floats_at
from roformer_sim.native.products import Product, product
from roformer_sim.native.rows import activate, add, copy, normalise, quantise

# A plain 0 would have functions compiled once more, for this number alone.
_ONLY = np.int64(0)


class Norm(NamedTuple):
    """Addresses of a LayerNorm's numbers, those of all blocks in order, and its width."""

    gamma: int
    beta: int
    width: int


class Embedding(NamedTuple):
    """Addresses of the tables, how wide they are, and the LayerNorm.

    ``positions`` is 0 for RoFormer. ``mapping`` has no outputs where embeddings are as wide as hidden states.
    """

    tokens: int
    segments: int
    positions: int
    width: int
    norm: Norm
    mapping: Product


class Blocks(NamedTuple):
    """The blocks: their number, sizes, and what each of them has."""

    number: int
    hidden: int
    intermediate_size: int
    activation: int
    heads: Heads
    qkv: Product
    attended: Product
    attention_norm: Norm
    intermediate: Product
    output: Product
    output_norm: Norm


class Head(NamedTuple):
    """The generation head: its transform, LayerNorm and the table of tokens."""

    transform: Product
    norm: Norm
    table: Product
    activation: int


class Buffers(NamedTuple):
    """Addresses of a pass's memory and, of float32, widths in numbers.

    ``x`` are hidden states, ``first`` those after the first block, ``y`` and ``sides`` and ``wide`` what is
    between, ``in_bytes`` and ``scales`` what products of bytes read.
    """

    x: int
    first: int
    y: int
    sides: int
    wide: int
    in_bytes: int
    scales: int
    hidden_width: int
    sides_width: int
    wide_width: int
    bytes_width: int


@compiled
def _ready(begin, end, matrices, x, x_row, width, buffers):  # type: ignore[no-untyped-def]
    """Rows as the next product reads them."""
    if matrices.in_bytes:
        quantise(begin, end, x, x_row, width, buffers.in_bytes, buffers.bytes_width, buffers.scales)


@compiled
def _multiply(thread, threads, matrices, layer, rows, x, x_row, buffers, out, out_row):  # type: ignore[no-untyped-def]
    given = buffers.in_bytes if matrices.in_bytes else x
    distance = buffers.bytes_width if matrices.in_bytes else 4 * x_row
    product(thread, threads, matrices, layer, rows, given, distance, buffers.scales, out, 4 * out_row)


@compiled
def _norm(begin, end, x, x_row, norm, layer, epsilon):  # type: ignore[no-untyped-def]
    place = 4 * layer * norm.width
    normalise(begin, end, x, x_row, norm.width, norm.gamma + place, norm.beta + place, epsilon)


@compiled
def _embed(begin, end, embedding, tokens, segment, places, out, out_row, epsilon):  # type: ignore[no-untyped-def]
    width = embedding.width
    of_segment = floats_at(embedding.segments + 4 * segment * width)
    for row in range(begin, end):
        line = floats_at(out + 4 * row * out_row)
        of_token = floats_at(embedding.tokens + 4 * tokens[row] * width)
        for i in range(width):
            line[i] = of_token[i] + of_segment[i]
        if embedding.positions:
            of_position = floats_at(embedding.positions + 4 * places[row] * width)
            for i in range(width):
                line[i] += of_position[i]
    norm = embedding.norm
    normalise(begin, end, out, out_row, width, norm.gamma, norm.beta, epsilon)


@compiled
def _attend_alone(begin, end, picked, layer, blocks, sources, own, buffers):  # type: ignore[no-untyped-def]
    """Rows ``picked[begin:end]`` attend, into ``buffers.first`` one after another; what they were into ``y``.

    There is nothing else in either: ``first`` is read by those alone who want every row.
    """
    width, sides_row = buffers.hidden_width, 4 * buffers.sides_width
    for line in range(begin, end):
        row = picked[line]
        here = buffers.first + 4 * (line - row) * width
        attend(row, row + 1, layer, blocks.heads, buffers.sides, sides_row, sources, own, here, 4 * width)
        copy(0, 1, buffers.y + 4 * line * width, 0, buffers.x + 4 * row * width, 0, blocks.hidden)


@compiled
def forward(  # type: ignore[no-untyped-def]
    thread, threads, barrier, embedding, blocks, epsilon, tokens, segment, sources, own, picked, buffers
) -> None:
    """Hidden states of every row, into ``buffers.x``.

    Args:
        tokens: (rows,) int64.
        segment: 0 for sources, whose keys and values are kept then, 1 for what is written.
        picked: (count,) int64, of sources the rows that are wanted: only they go through the last block,
            once it has the keys and values of all, and stand in ``buffers.x`` one after another. None for
            every row.
    """
    rows = len(tokens)
    begin, end = rows * thread // threads, rows * (thread + 1) // threads
    hidden, heads = blocks.hidden, blocks.heads
    x, y, sides, wide = buffers.x, buffers.y, buffers.sides, buffers.wide
    x_row, sides_row, wide_row = buffers.hidden_width, buffers.sides_width, buffers.wide_width
    if embedding.mapping.outputs:
        _embed(begin, end, embedding, tokens, segment, sources.positions, sides, sides_row, epsilon)
        _ready(begin, end, embedding.mapping, sides, sides_row, embedding.width, buffers)
        meet(barrier, threads)
        _multiply(thread, threads, embedding.mapping, _ONLY, rows, sides, sides_row, buffers, x, x_row)
        meet(barrier, threads)
    else:
        _embed(begin, end, embedding, tokens, segment, sources.positions, x, x_row, epsilon)
    _ready(begin, end, blocks.qkv, x, x_row, hidden, buffers)
    meet(barrier, threads)
    for layer in range(blocks.number):
        _multiply(thread, threads, blocks.qkv, layer, rows, x, x_row, buffers, sides, sides_row)
        meet(barrier, threads)
        if segment == 0:
            keep_source(begin, end, layer, heads, sides, 4 * sides_row, sources)
            meet(barrier, threads)
        context, alone = y, len(picked) > 0 and layer == blocks.number - 1
        if alone:
            context, rows = buffers.first, len(picked)
            begin, end = rows * thread // threads, rows * (thread + 1) // threads
            _attend_alone(begin, end, picked, layer, blocks, sources, own, buffers)
        else:
            attend(begin, end, layer, heads, sides, 4 * sides_row, sources, own, y, 4 * x_row)
        _ready(begin, end, blocks.attended, context, x_row, hidden, buffers)
        meet(barrier, threads)
        if alone:  # nobody reads the other rows any more
            copy(begin, end, x, x_row, y, x_row, hidden)
        # Queries, keys and values are done with; the product goes where they were.
        _multiply(thread, threads, blocks.attended, layer, rows, context, x_row, buffers, sides, sides_row)
        meet(barrier, threads)
        add(begin, end, x, x_row, sides, sides_row, hidden)
        _norm(begin, end, x, x_row, blocks.attention_norm, layer, epsilon)
        _ready(begin, end, blocks.intermediate, x, x_row, hidden, buffers)
        meet(barrier, threads)
        _multiply(thread, threads, blocks.intermediate, layer, rows, x, x_row, buffers, wide, wide_row)
        meet(barrier, threads)
        activate(begin, end, wide, wide_row, blocks.intermediate_size, blocks.activation)
        _ready(begin, end, blocks.output, wide, wide_row, blocks.intermediate_size, buffers)
        meet(barrier, threads)
        _multiply(thread, threads, blocks.output, layer, rows, wide, wide_row, buffers, y, x_row)
        meet(barrier, threads)
        add(begin, end, x, x_row, y, x_row, hidden)
        _norm(begin, end, x, x_row, blocks.output_norm, layer, epsilon)
        _ready(begin, end, blocks.qkv, x, x_row, hidden, buffers)
        if layer == 0 and not alone:
            copy(begin, end, buffers.first, x_row, x, x_row, hidden)
        meet(barrier, threads)


@compiled
def score(thread, threads, barrier, head, epsilon, picked, hidden, buffers, scores, scores_row):  # type: ignore[no-untyped-def]
    """Scores of the next token after the rows ``picked``, (count,) int64.

    Args:
        hidden: Width of the hidden states.
        scores, scores_row: Address of the result and its width, whole panels.
    """
    count = len(picked)
    begin, end = count * thread // threads, count * (thread + 1) // threads
    y, y_row, sides, sides_row = buffers.y, buffers.hidden_width, buffers.sides, buffers.sides_width
    for line in range(begin, end):
        copy(0, 1, y + 4 * line * y_row, 0, buffers.x + 4 * picked[line] * y_row, 0, hidden)
    _ready(begin, end, head.transform, y, y_row, hidden, buffers)
    meet(barrier, threads)
    _multiply(thread, threads, head.transform, _ONLY, count, y, y_row, buffers, sides, sides_row)
    meet(barrier, threads)
    activate(begin, end, sides, sides_row, head.norm.width, head.activation)
    _norm(begin, end, sides, sides_row, head.norm, _ONLY, epsilon)
    _ready(begin, end, head.table, sides, sides_row, head.norm.width, buffers)
    meet(barrier, threads)
    _multiply(thread, threads, head.table, _ONLY, count, sides, sides_row, buffers, scores, scores_row)
