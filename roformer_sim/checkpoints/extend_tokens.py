"""New tokens: their embedding rows and biases begin as means of the rows of what they were before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.keep_tokens import vocabulary_weights
from roformer_sim.checkpoints.preset import Preset
from roformer_sim.checkpoints.vocabulary_map import with_step, write_ranges
from roformer_sim.text import Tokenizer
from roformer_sim.text.characters import WORD, character_kinds, normalize
from roformer_sim.text.vocabulary import is_special

Kind = Literal["sources", "pieces", "simplified", "mean of all"]
"""What a new row is the mean of: tokens that were given; the known tokens that the old tokenizer cuts the new
one into; those of its simplified form; every ordinary token."""


class Beginning(NamedTuple):
    """What the row of a new token begins as the mean of."""

    kind: Kind
    rows: np.ndarray


def extend_tokens(
    preset: Preset,
    tokens: Sequence[str],
    *,
    sources: Mapping[str, Sequence[str]] | None = None,
    simplified: bool = False,
) -> Preset:
    """The preset with a larger vocabulary; its old rows stay as they are.

    The embedding row of a new token, and its bias in the language-model head, is the mean of the rows of

    1. the tokens in ``sources[token]``, where it is there, or
    2. the tokens that the tokenizer cuts it into so far, [UNK] left out, or
    3. with ``simplified``, where some of those are [UNK], the tokens of its simplified form (OpenCC), or
    4. all ordinary tokens, where nothing of it is known.

    ``result.metadata["vocabulary"][-1]["added"]`` tells for each new token which it was.

    Args:
        preset: Not changed.
        tokens: ``["龘", "##龘"]``; tokens that are there already are left out. ``[S1]``, in brackets, is
            a token that no text yields, for ids set by hand.
        sources: ``{"體": ["体"]}``.

    Raises:
        InputError: No new token; a source is not in the vocabulary or belongs to no new token; no text would
            ever yield a token: ``花呗`` where characters stand alone, ``A`` where text is lower-cased, one
            that jieba cuts; OpenCC is asked for and not installed.

    Example:
        >>> larger = extend_tokens(preset, ["體"], sources={"體": ["体"]})  # doctest: +SKIP
    """
    old, sources = preset.tokenizer, sources or {}
    new = [token for token in dict.fromkeys(tokens) if token not in old.vocabulary]
    if not new:
        raise InputError(f"none of the {len(tokens)} tokens is new: the vocabulary has them already")
    for token in sources:
        if token not in new:
            raise InputError(f"sources are given for {token!r}, which is not among the new tokens")
    tokenizer = Tokenizer([*old.vocab, *new], do_lower_case=old.do_lower_case, words=old.words)
    _check_yielded(tokenizer, new)
    beginnings = [_beginning(token, old, sources, simplified) for token in new]
    step = {
        "change": "extended",
        "tokens_before": old.vocab_size,
        "tokens": tokenizer.vocab_size,
        "added": {
            token: {"mean_of": kind, "rows": write_ranges(rows)}
            for token, (kind, rows) in zip(new, beginnings, strict=True)
        },
    }
    weights = dict(preset.weights)
    for name in vocabulary_weights(weights):
        means = [weights[name][rows].mean(axis=0, dtype=np.float64) for _, rows in beginnings]
        weights[name] = np.concatenate([weights[name], np.array(means, weights[name].dtype)])
    config = preset.config.model_copy(update={"vocab_size": tokenizer.vocab_size})
    return Preset(config, tokenizer, weights, with_step(preset.metadata, step))


def _beginning(
    token: str, old: Tokenizer, sources: Mapping[str, Sequence[str]], simplified: bool
) -> Beginning:
    if token in sources:
        return Beginning("sources", _source_rows(token, old, sources[token]))
    if is_special(token):
        return Beginning("mean of all", old.vocabulary.ordinary_ids)
    pieces = _pieces(token, old)
    known = pieces[pieces != old.unk_id]
    if simplified and len(known) < len(pieces):
        from corpus_builder.similarity import simplify

        other = _pieces(simplify(token), old)
        if (other != old.unk_id).sum() > len(known):
            return Beginning("simplified", other[other != old.unk_id])
    if len(known):
        return Beginning("pieces", known)
    return Beginning("mean of all", old.vocabulary.ordinary_ids)


def _source_rows(token: str, old: Tokenizer, given: Sequence[str]) -> np.ndarray:
    unknown = [source for source in given if source not in old.vocabulary]
    if unknown or not given:
        what = f"{unknown[0]!r} is not in the vocabulary" if unknown else "there are none"
        raise InputError(f"sources of the new token {token!r}: {what}")
    return np.array([old.vocabulary.row(source) for source in given], np.int32)


def _pieces(token: str, old: Tokenizer) -> np.ndarray:
    """The ids of what the old tokenizer makes of a token; a ``##`` one goes on with a word."""
    ids = old.encode(token.removeprefix("##")).token_ids[1:-1].copy()
    if token.startswith("##") and len(ids):
        inner = old.vocabulary.id(f"##{old.vocabulary[int(ids[0])]}")
        ids[0] = ids[0] if inner is None else inner
    return ids


def _check_yielded(tokenizer: Tokenizer, new: Sequence[str]) -> None:
    """Refuse a token that no text yields: its row would never be looked up nor trained."""
    for token in new:
        if is_special(token):
            continue
        if token.startswith("##"):
            stem = token[2:]
            normal = normalize(stem, do_lower_case=tokenizer.do_lower_case)
            yielded = normal == stem and all(character_kinds()[ord(c)] == WORD for c in stem) and stem
        else:
            yielded = tokenizer.encode(token).token_ids[1:-1].tolist() == [tokenizer.vocabulary.row(token)]
        if not yielded:
            cuts = "jieba cuts it" if tokenizer.words else "every ideograph and mark stands alone"
            raise InputError(
                f"the token {token!r} would never be used: no text yields it with this tokenizer ({cuts}; "
                f"do_lower_case is {str(tokenizer.do_lower_case).lower()})"
            )
