"""What :class:`KerasEngine` compiles: pure functions of a network's weights and of the state of decoding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import ops

from roformer_sim.generation.engines.drawing import Choice, draw
from roformer_sim.models import Backbone
from roformer_sim.models.attention import KeyValue
from roformer_sim.models.decoding import Grid, Projection, Sources, decode_rows, projections, read_sources


class Weights(NamedTuple):
    """A network's weights in its compute dtype, so that no step casts them again."""

    variables: list[Any]
    projections: list[Projection]


class Drawn(NamedTuple):
    """What a loop has done: ``steps`` columns of ``tokens`` and ``log_probabilities`` (rows, C) are valid."""

    steps: Any
    ended: Any
    tokens: Any
    log_probabilities: Any
    own: list[KeyValue]


def weights_of(backbone: Backbone) -> Weights:
    """The weights as they are now; those in float32 are shared with the network, not copied."""
    dtype = backbone.compute_dtype
    variables = [ops.cast(v.value, dtype) for v in backbone.variables if _is_weight(v)]
    return Weights(variables, projections(backbone))


def _is_weight(variable: Any) -> bool:
    return keras.backend.is_float_dtype(variable.dtype)


class Programs:
    """The programs of one network, not compiled."""

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone
        self.variables = [v for v in backbone.variables if _is_weight(v)]

    def _with(self, weights: Weights) -> keras.StatelessScope:
        return keras.StatelessScope(list(zip(self.variables, weights.variables, strict=True)))

    def read(self, weights: Weights, token_ids: Any) -> tuple[Any, Sources]:
        """See :func:`read_sources`."""
        with self._with(weights):
            return read_sources(self.backbone, token_ids)

    def step(
        self, weights: Weights, tokens: Any, time: Any, sources: Sources, grid: Grid, own: list[KeyValue]
    ) -> tuple[Any, list[KeyValue]]:
        """See :func:`decode_rows`."""
        with self._with(weights):
            return decode_rows(self.backbone, weights.projections, tokens, time, sources, grid, own)

    def loop(self, greedy: bool, top_k: int | None, nucleus: bool) -> Callable[..., Drawn]:
        """Steps and draws until a share of the rows has ended or the uniform numbers are used up."""

        def run(
            weights: Weights,
            tokens: Any,
            ended: Any,
            time: Any,
            limit: Any,
            floor: Any,
            uniforms: Any,
            sources: Sources,
            grid: Grid,
            own: list[KeyValue],
            numbers: tuple[Any, Any, Any, Any],
        ) -> Drawn:
            choice = Choice(greedy, top_k, nucleus, *numbers)
            layers, columns = len(own), ops.arange(ops.shape(uniforms)[1], dtype="int32")

            def going(step: Any, tokens: Any, ended: Any, *rest: Any) -> Any:
                alive = ops.sum(1 - ops.cast(ended, "int32"))
                return ops.logical_and(step < limit, alive > floor)

            def body(step: Any, tokens: Any, ended: Any, drawn: Any, scores: Any, *flat: Any) -> Any:
                cache = list(zip(flat[:layers], flat[layers:], strict=True))
                logits, cache = self.step(weights, tokens, time + step, sources, grid, cache)
                fresh, score = draw(logits, ops.take(uniforms, step, axis=1), choice)
                fresh = ops.where(ended, choice.end_id, fresh)
                score = ops.where(ended, 0.0, score)
                drawn = ops.where(columns == step, fresh[:, None], drawn)
                scores = ops.where(columns == step, score[:, None], scores)
                ended = ops.logical_or(ended, ops.equal(fresh, choice.end_id))
                keys, values = zip(*cache, strict=True)
                return step + 1, fresh, ended, drawn, scores, *keys, *values

            keys, values = zip(*own, strict=True)
            drawn = ops.zeros_like(uniforms, dtype="int32") + choice.end_id
            start = (ops.zeros_like(limit), tokens, ended, drawn, ops.zeros_like(uniforms))
            step, _, ended, drawn, scores, *flat = ops.while_loop(going, body, (*start, *keys, *values))
            return Drawn(step, ended, drawn, scores, list(zip(flat[:layers], flat[layers:], strict=True)))

        return run


def select_rows(own: list[KeyValue], rows: Any) -> list[KeyValue]:
    """The rows' own keys and values, in another order."""
    return [(ops.take(key, rows, axis=0), ops.take(value, rows, axis=0)) for key, value in own]


def select_sources(sources: Sources, kept: Any) -> Sources:
    """Some of the sources."""

    def taken(parts: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(ops.take(part, kept, axis=0) for part in parts)

    return Sources(taken(sources.keys), taken(sources.values), ops.take(sources.bias, kept, axis=0))


def widen(own: list[KeyValue], more: int) -> None:
    """Make room for ``more`` tokens a row, block by block, so that little is there twice at a time."""
    for i, (key, value) in enumerate(own):
        own[i] = (_widened(key, more), _widened(value, more))


def _widened(kept: Any, more: int) -> Any:
    return ops.pad(kept, ((0, 0), (0, 0), (0, more), (0, 0)))
