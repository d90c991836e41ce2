"""Decoding of many rows after shared sources, with the keys and values of the past kept.

A source is read once, and its keys and values serve all of its rows: queries stand in a grid (sources, rows
of a source), so that a source's rows attend to it by one matrix product a head. What a row has written itself
is kept apart, (rows, heads, capacity, head_size). One softmax goes over both. UniLM sources never see
targets, so that all of this stays valid.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from keras import ops

from roformer_sim.models.attention import KeyValue
from roformer_sim.models.backbone import Backbone
from roformer_sim.models.rotary import apply_rotary, rotary_angles
from roformer_sim.models.transformer import TransformerBlock
from roformer_sim.models.unilm_mask import MASKED
from roformer_sim.models.writing import write_token


class Projection(NamedTuple):
    """Kernel and bias that give a block's queries, keys and values, in the order its rotary turn wants."""

    kernel: Any
    bias: Any


class Sources(NamedTuple):
    """Sources that were read, ``L`` positions each, padding included."""

    keys: tuple[Any, ...]
    """Of each block, (sources, heads, head_size, L): as the product with the queries wants them."""
    values: tuple[Any, ...]
    """Of each block, (sources, heads, L, head_size)."""
    bias: Any
    """(sources, 1, 1, L), float32: 0 at tokens, -1e9 at padding."""


class Grid(NamedTuple):
    """Which row belongs to which source."""

    rows: Any
    """(sources, rows of a source) the row that stands at each place; any row where the place is empty."""
    places: Any
    """(rows,) the place of each row, ``source * rows of a source + number``."""
    lengths: Any
    """(rows,) tokens of each row's source."""


def projections(backbone: Backbone) -> list[Projection]:
    """The blocks' projections, reordered once instead of in every step (see :func:`deinterleave`)."""
    found = []
    for block in backbone.blocks:
        attention = block.attention
        columns = [
            ops.cast(part, backbone.compute_dtype) for part in (attention.qkv_kernel, attention.qkv_bias)
        ]
        if backbone.config.model_type == "roformer":
            columns = [attention._in_halves(part) for part in columns]
        found.append(Projection(*columns))
    return found


def read_sources(backbone: Backbone, token_ids: Any) -> tuple[Any, Sources]:
    """Scores (sources, vocabulary) of the first target token, and what rows attend to.

    Args:
        token_ids: (sources, L) int32 up to and with [SEP], then the padding id.
    """
    mask = ops.not_equal(token_ids, backbone.config.pad_token_id)
    bias = (1.0 - ops.cast(mask, "float32"))[:, None, None] * MASKED
    positions = ops.arange(ops.shape(token_ids)[1], dtype="int32")
    x = backbone._embed(token_ids, ops.zeros_like(token_ids), positions, training=False)
    rotary = backbone._rotary(positions)
    keys, values = [], []
    for block in backbone.blocks:
        x, (key, value) = block(x, bias=bias, rotary=rotary, training=False)
        keys.append(ops.transpose(key, (0, 1, 3, 2)))
        values.append(value)
    last = ops.sum(ops.cast(mask, "int32"), axis=1) - 1
    count, length = ops.shape(token_ids)
    states = ops.reshape(x, (-1, x.shape[-1]))
    ends = ops.take(states, ops.arange(count, dtype="int32") * length + last, axis=0)
    return backbone.lm_logits(ends), Sources(tuple(keys), tuple(values), bias)


def decode_rows(
    backbone: Backbone,
    projected: list[Projection],
    tokens: Any,
    time: Any,
    sources: Sources,
    grid: Grid,
    own: list[KeyValue],
) -> tuple[Any, list[KeyValue]]:
    """Scores (rows, vocabulary) of the token after ``tokens``, and ``own`` with theirs written into it.

    Args:
        projected: From :func:`projections`.
        tokens: (rows,) int32, the newest token of each row.
        time: Tokens a row has fed before this one; below the capacity of ``own``.
        own: Keys and values of each block, (rows, heads, capacity, head_size); not to be used again.
    """
    positions = grid.lengths + time
    ids = tokens[:, None]
    x = backbone._embed(ids, ops.ones_like(ids), positions[:, None], training=False)[:, 0]
    rotary = None
    if backbone.config.model_type == "roformer":
        angles = rotary_angles(positions, backbone.config.head_size)
        rotary = tuple(ops.cast(ops.transpose(angle, (1, 0, 2, 3)), x.dtype) for angle in angles)
    unwritten = ops.arange(ops.shape(own[0][0])[2], dtype="int32") > time
    own_bias = ops.cast(unwritten, "float32") * MASKED
    grown = []
    for i, block in enumerate(backbone.blocks):
        query, key, value = token_heads(block, projected[i], x, rotary)
        kept = (write_token(own[i][0], key, time), write_token(own[i][1], value, time))
        grown.append(kept)
        shared = (sources.keys[i], sources.values[i])
        context = _attend(query, shared, sources.bias, grid, kept, own_bias)
        attended = block.attention.output_dense(ops.reshape(context, (-1, x.shape[-1])))
        x = block.attention_norm(x + attended)
        inner = block.activation(block.intermediate(x), False)
        x = block.output_norm(x + block.output_dense(inner))
    return backbone.lm_logits(x), grown


def token_heads(block: TransformerBlock, projection: Projection, x: Any, rotary: Any) -> tuple[Any, Any, Any]:
    """Scaled query, key and value of one token a row, each (rows, heads, head_size)."""
    heads, size = block.attention.heads, block.attention.head_size
    parts = ops.reshape(ops.matmul(x, projection.kernel) + projection.bias, (-1, 3 * heads, size))
    if rotary is None:
        query, key, value = ops.split(parts, 3, axis=1)
        return query * size**-0.5, key, value
    turned, value = ops.split(parts, [2 * heads], axis=1)
    query, key = ops.split(apply_rotary(turned[:, None], *rotary)[:, 0], 2, axis=1)
    return query * size**-0.5, key, value


def _attend(query: Any, shared: KeyValue, bias: Any, grid: Grid, own: KeyValue, own_bias: Any) -> Any:
    """``softmax(q [shared keys; own keys]) [shared values; own values]``, (rows, heads, head_size)."""
    dtype = query.dtype
    at_sources = ops.cast(ops.matmul(_to_grid(query, grid), shared[0]), "float32") + bias
    length = at_sources.shape[-1] or ops.shape(at_sources)[-1]
    at_own = ops.matmul(query[:, :, None], ops.transpose(own[0], (0, 1, 3, 2)))[:, :, 0]
    scores = ops.concatenate([_to_rows(at_sources, grid), ops.cast(at_own, "float32") + own_bias], axis=-1)
    weights = ops.cast(ops.softmax(scores, axis=-1), dtype)
    from_sources = ops.matmul(_to_grid(weights[..., :length], grid), shared[1])
    from_own = ops.matmul(weights[:, :, None, length:], own[1])[:, :, 0]
    return _to_rows(from_sources, grid) + from_own


def _to_grid(x: Any, grid: Grid) -> Any:
    """(rows, heads, d) to (sources, heads, rows of a source, d)."""
    return ops.transpose(ops.take(x, grid.rows, axis=0), (0, 2, 1, 3))


def _to_rows(x: Any, grid: Grid) -> Any:
    """(sources, heads, rows of a source, d) to (rows, heads, d)."""
    flat = ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (-1, x.shape[1], ops.shape(x)[-1]))
    return ops.take(flat, grid.places, axis=0)
