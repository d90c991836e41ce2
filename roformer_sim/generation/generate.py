"""From texts to sampled sentences: encoding, decoding by an engine, and what has to be drawn anew."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.generation.beam import search_targets
from roformer_sim.generation.decoding import Source, sample_targets
from roformer_sim.generation.engines import Engine
from roformer_sim.generation.options import GenerationOptions, masked_positions
from roformer_sim.text import Tokenizer

ROUNDS = 4
"""How often sentences without a term that is to be kept are drawn anew."""


class Generated(NamedTuple):
    """A generated sentence and the natural logarithm of its probability, see :class:`Target`."""

    text: str
    log_probability: float


class Request(NamedTuple):
    """A text and the token positions ([CLS] is 0) and strings of it that are masked before sampling."""

    text: str
    mask_idxs: Sequence[int] = ()
    mask: Sequence[str] = ()


def generate_texts(
    engine: Engine,
    tokenizer: Tokenizer,
    requests: Sequence[Request],
    n: int,
    options: GenerationOptions,
    seeds: Sequence[int | None],
    on_rows: Callable[[int], None] | None = None,
) -> list[list[Generated]]:
    """``n`` sentences for each request, duplicates included, in the order drawn.

    Fewer than ``n`` only where terms are kept and too few sentences have them, or beams find fewer.

    Raises:
        InputError: Empty text, a mask that names no token of the text, ``n`` below 1 or above 1 for greedy.
    """
    if n < 1:
        raise InputError(f"n must be at least 1, not {n}")
    if options.greedy and n > 1:
        raise InputError(f"greedy gives one sentence, so n must be 1, not {n}")
    rule, constraints = options.rule(tokenizer), options.constraints(tokenizer)
    sources = [
        Source(_source_ids(tokenizer, request, options.maxlen), n, seed, constraints)
        for request, seed in zip(requests, seeds, strict=True)
    ]
    terms = [options.terms(request.text, tokenizer) for request in requests]
    results: list[list[Generated]] = [[] for _ in requests]
    open_ones = list(range(len(requests)))
    for round_ in range(ROUNDS):
        wanted = [_again(sources[i], round_) for i in open_ones]
        if options.beams:
            targets = search_targets(engine, wanted, rule, options.search(), maxlen=options.maxlen)
        else:
            targets = sample_targets(engine, wanted, rule, maxlen=options.maxlen, on_rows=on_rows)
        for i, drawn in zip(open_ones, targets, strict=True):
            sentences = [Generated(tokenizer.decode(one.token_ids), one.log_probability) for one in drawn]
            results[i] += [one for one in sentences if _has(one.text, terms[i])][: n - len(results[i])]
        open_ones = [i for i in open_ones if len(results[i]) < n]
        if not open_ones or options.greedy or options.beams:
            break
    return results


def _again(source: Source, round_: int) -> Source:
    """The same source with the random numbers of another round."""
    if round_ == 0 or source.seed is None:
        return source
    other = np.random.SeedSequence([source.seed, round_]).generate_state(1)
    return source._replace(seed=int(other[0]))


def _has(text: str, terms: Sequence[str]) -> bool:
    found = bare(text)
    return all(bare(term) in found for term in terms)


def bare(text: str) -> str:
    """Without spaces and letter case, which decoding sets by rules of its own."""
    return "".join(text.lower().split())


def _source_ids(tokenizer: Tokenizer, request: Request, maxlen: int) -> list[int]:
    text = request.text
    # Control characters and lone surrogates vanish: what is left counts.
    if not isinstance(text, str) or not text.strip() or len(tokenizer.encode(text, maxlen=3)) == 2:
        raise InputError("the text is empty; give a sentence, for example 广州和深圳哪个好？")
    positions = [*request.mask_idxs, *masked_positions(tokenizer, text, request.mask)]
    encoding = tokenizer.encode(text, maxlen=maxlen, mask_idxs=positions)
    if encoding.truncated:
        warnings.warn(f"text of {len(text)} characters cut to {maxlen} tokens: {text[:20]}…", stacklevel=2)
    return encoding.token_ids.tolist()
