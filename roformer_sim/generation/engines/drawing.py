"""Drawing the next token inside a compiled loop, without sorting the vocabulary."""

from __future__ import annotations

from typing import Any, NamedTuple

from keras import ops

CANDIDATES = 64
"""Tokens that are looked at in order of their probability."""

_BLOCK = 128


class Choice(NamedTuple):
    """What a :class:`SamplingRule` says, for a compiled program.

    The first three are Python values that the program is compiled for, the others tensors.
    """

    greedy: bool
    top_k: int | None
    nucleus: bool
    top_p: Any
    temperature: Any
    ban: Any
    """(vocabulary,) float32: 0, and minus infinity at banned ids."""
    end_id: Any


class Cut(NamedTuple):
    """The least likely token that is kept, each (rows, 1): its score and its id.

    Tokens of higher scores are kept and, of equal ones, those of ids up to this.
    """

    score: Any
    token: Any


def draw(logits: Any, uniform: Any, choice: Choice) -> tuple[Any, Any]:
    """Tokens (rows,) int32 and the log softmax (rows,) of the unmodified scores at them.

    Args:
        logits: (rows, vocabulary) float32.
        uniform: (rows,) float32 in [0, 1).
    """
    highest = ops.max(logits, axis=-1, keepdims=True)
    normaliser = highest[:, 0] + ops.log(ops.sum(ops.exp(logits - highest), axis=-1))
    scores = logits + choice.ban
    if choice.greedy:
        tokens = ops.cast(ops.argmax(scores, axis=-1), "int32")
    else:
        highest = ops.max(scores, axis=-1, keepdims=True)
        weights = ops.exp((scores - highest) / choice.temperature)
        cut = find_cut(scores, weights, choice)
        if cut is not None:
            ids = ops.arange(scores.shape[-1], dtype="int32")
            tied = ops.logical_and(ops.equal(scores, cut.score), ids <= cut.token)
            weights = ops.where(ops.logical_or(scores > cut.score, tied), weights, 0.0)
        tokens = first_beyond(weights, uniform)
    count, vocabulary = ops.shape(logits)
    flat = ops.arange(count, dtype="int32") * vocabulary + tokens
    return tokens, ops.take(ops.reshape(logits, (-1,)), flat) - normaliser


def first_beyond(weights: Any, uniform: Any) -> Any:
    """First column (rows,) whose running sum exceeds ``uniform`` times the row's total.

    Sums of blocks find the block, a running sum within it the column.
    """
    count, width = ops.shape(weights)[0], weights.shape[-1]
    blocks = -(-width // _BLOCK)
    padded = ops.pad(weights, ((0, 0), (0, blocks * _BLOCK - width)))
    padded = ops.reshape(padded, (-1, blocks, _BLOCK))
    running = ops.cumsum(ops.sum(padded, axis=-1), axis=-1)
    target = uniform[:, None] * running[:, -1:]
    block = _first(running, target)
    before = ops.sum(
        ops.where(ops.arange(blocks) == block[:, None] - 1, running, 0.0), axis=-1, keepdims=True
    )
    numbers = ops.arange(count, dtype="int32") * blocks + block
    inside = before + ops.cumsum(ops.take(ops.reshape(padded, (-1, _BLOCK)), numbers, axis=0), axis=-1)
    return block * _BLOCK + _first(inside, target)


def _first(running: Any, target: Any) -> Any:
    """First column whose running sum exceeds the target; where rounding leaves none, the last that adds."""
    beyond = ops.sum(ops.cast(running <= target, "int32"), axis=-1)
    last = ops.sum(ops.cast(running < running[:, -1:], "int32"), axis=-1)
    return ops.minimum(beyond, last)


def find_cut(scores: Any, weights: Any, choice: Choice) -> Cut | None:
    """Where top-k and nucleus end; ``None`` keeps everything.

    Args:
        scores: (rows, vocabulary), minus infinity at banned ids.
        weights: The exponentials of the scores over the temperature, the highest of a row 1.
    """
    vocabulary = scores.shape[-1]
    if choice.top_k is not None and choice.top_k < vocabulary:
        return _cut_of_candidates(scores, weights, choice.top_k, choice)
    if not choice.nucleus:
        return None
    wanted = choice.top_p * ops.sum(weights, axis=-1, keepdims=True)
    highest = ops.max(scores, axis=-1, keepdims=True)
    # No token weighs more than 1, so that flat rows are recognised without looking for their best tokens.
    small = ops.all(wanted <= CANDIDATES)
    score, token, enough = ops.cond(
        small,
        lambda: _of_the_best(scores, highest, wanted, choice),
        lambda: (highest, ops.zeros_like(highest, dtype="int32"), ops.logical_and(small, False)),
    )
    found = ops.cond(
        enough,
        lambda: (score, token),
        lambda: tuple(_search(scores, weights, highest, wanted, choice)),
    )
    return Cut(*found)


def _of_the_best(scores: Any, highest: Any, wanted: Any, choice: Choice) -> tuple[Any, Any, Any]:
    """The cut among the best candidates, and whether each row's reach the wanted mass."""
    best, ids = ops.top_k(scores, min(CANDIDATES, scores.shape[-1]))
    mass = ops.sum(_weights_of(best, highest, choice), axis=-1, keepdims=True)
    return *_crossing(best, ids, highest, 0.0, wanted, choice), ops.all(mass >= wanted)


def _weights_of(scores: Any, highest: Any, choice: Choice) -> Any:
    return ops.exp((scores - highest) / choice.temperature)


def _cut_of_candidates(scores: Any, weights: Any, k: int, choice: Choice) -> Cut:
    best, ids = ops.top_k(scores, k)
    if not choice.nucleus:
        return Cut(best[:, -1:], ops.cast(ids[:, -1:], "int32"))
    wanted = choice.top_p * ops.sum(_weights_of(best, best[:, :1], choice), axis=-1, keepdims=True)
    return _crossing(best, ids, best[:, :1], 0.0, wanted, choice)


def _crossing(best: Any, ids: Any, highest: Any, before: Any, wanted: Any, choice: Choice) -> Cut:
    """The candidate, in falling order, with which ``before`` plus their weights reaches ``wanted``."""
    weights = _weights_of(best, highest, choice)
    sums = before + ops.cumsum(weights, axis=-1) - weights
    index = ops.sum(ops.cast(sums < wanted, "int32"), axis=-1, keepdims=True) - 1
    chosen = ops.arange(best.shape[-1], dtype="int32") == ops.maximum(index, 0)
    score = ops.max(ops.where(chosen, best, -float("inf")), axis=-1, keepdims=True)
    return Cut(score, ops.sum(ops.where(chosen, ops.cast(ids, "int32"), 0), axis=-1, keepdims=True))


def _mass(scores: Any, weights: Any, least: Any) -> Any:
    return ops.sum(ops.where(scores >= least, weights, 0.0), axis=-1, keepdims=True)


def _search(scores: Any, weights: Any, highest: Any, wanted: Any, choice: Choice) -> Cut:
    """Halve an interval of scores until few tokens lie in it; those are put in order.

    The tokens at and above ``low`` reach the wanted mass, those at and above ``high`` do not. As each token
    in between weighs at least as much as one at ``low``, the mass bounds their number.
    """
    finite = ops.where(scores > -float("inf"), scores, highest)
    low = ops.min(finite, axis=-1, keepdims=True)
    high, below, above = highest + 1.0, ops.sum(weights, axis=-1, keepdims=True), ops.zeros_like(low)
    candidates = min(CANDIDATES, scores.shape[-1])

    def unfinished(low: Any, high: Any, below: Any, above: Any) -> Any:
        many = below - above > (candidates - 1) * _weights_of(low, highest, choice)
        middle = 0.5 * low + 0.5 * high
        apart = ops.logical_and(middle > low, middle < high)
        return ops.logical_and(many, apart)

    def halve(low: Any, high: Any, below: Any, above: Any) -> tuple[Any, Any, Any, Any]:
        middle = 0.5 * low + 0.5 * high
        mass = _mass(scores, weights, middle)
        reaches = mass >= wanted
        return (
            ops.where(reaches, middle, low),
            ops.where(reaches, high, middle),
            ops.where(reaches, mass, below),
            ops.where(reaches, above, mass),
        )

    low, high, below, above = ops.while_loop(
        lambda *state: ops.any(unfinished(*state)), halve, (low, high, below, above)
    )
    between = ops.where(scores < high, scores, -float("inf"))
    best, ids = ops.top_k(between, candidates)
    cut = _crossing(best, ids, highest, above, wanted, choice)
    return _among_equals(scores, cut, best, above, wanted, highest, choice)


def _among_equals(
    scores: Any, cut: Cut, best: Any, above: Any, wanted: Any, highest: Any, choice: Choice
) -> Cut:
    """The cut where more tokens share its score than were put in order: the id is searched for, too."""
    weight = _weights_of(cut.score, highest, choice)
    reached = above + ops.sum(_weights_of(best, highest, choice), axis=-1, keepdims=True)
    short = ops.logical_and(reached < wanted, ops.equal(best[:, :1], best[:, -1:]))
    needed = ops.ceil((wanted - above) / weight)
    ids, equal = ops.arange(scores.shape[-1], dtype="int32"), ops.equal(scores, cut.score)
    low, high = ops.zeros_like(cut.token) - 1, ops.zeros_like(cut.token) + (scores.shape[-1] - 1)

    def halve(low: Any, high: Any) -> tuple[Any, Any]:
        middle = (low + high) // 2
        found = ops.cast(ops.logical_and(equal, ids <= middle), "float32")
        enough = ops.sum(found, axis=-1, keepdims=True) >= needed
        return ops.where(enough, low, middle), ops.where(enough, middle, high)

    def unfinished(low: Any, high: Any) -> Any:
        return ops.any(ops.logical_and(short, high - low > 1))

    _, high = ops.while_loop(unfinished, halve, (low, high))
    return Cut(cut.score, ops.where(short, high, cut.token))
