"""Weights of a narrower network: every matrix that reads or writes the stream, in the basis that is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from roformer_sim.models.config import ModelConfig


@dataclass
class Bases:
    """What is kept of the two spaces, and how much of it.

    Attributes:
        embedding: (old embedding size, new one), orthonormal columns.
        stream: (old hidden size, new one), the same; one array is both where there is no layer between.
        embedding_kept, stream_kept: Shares of the sum of squares.
    """

    embedding: np.ndarray
    stream: np.ndarray
    embedding_kept: float
    stream_kept: float


def narrow_weights(
    weights: Mapping[str, np.ndarray], old: ModelConfig, new: ModelConfig, bases: Bases
) -> dict[str, np.ndarray]:
    """Weights of ``new``, which has as many blocks as ``old``, by projection, float32.

    With ``U`` the basis: a matrix that reads the stream becomes ``U^T W``, one that writes it ``W U``, its
    bias ``b U``; the table is ``E U``. A LayerNorm's gain cannot be turned exactly: the new gain is the
    diagonal of ``U^T diag(gamma) U``, times what brings the length of the new normalised vector,
    ``sqrt(new size)``, to that of the projected old one; its bias is ``beta U``.
    """
    v, u = bases.embedding, bases.stream
    found: dict[str, np.ndarray] = {}
    for table in ("token", "segment", "position"):
        if (name := f"{table}_embedding/embeddings") in weights:
            found[name] = weights[name] @ v
    found |= _norm(weights, "embedding_norm", v, bases.embedding_kept)
    if new.embedding_size != new.hidden_size:
        found["embedding_mapping/kernel"] = v.T @ weights.get("embedding_mapping/kernel", np.eye(len(v))) @ u
        found["embedding_mapping/bias"] = weights.get("embedding_mapping/bias", np.zeros(len(u))) @ u
    for i in range(new.num_hidden_layers):
        found |= _block(weights, f"block_{i}", old, new, bases)
    if new.has_pooler:
        found |= _dense(weights, "pooler", u, u)
    if new.has_lm_head:
        found |= _dense(weights, "lm_transform", u, v)
        found |= _norm(weights, "lm_norm", v, bases.embedding_kept)
        found["lm_bias"] = weights["lm_bias"]
    return {name: np.asarray(array, np.float32) for name, array in found.items()}


def _block(
    weights: Mapping[str, np.ndarray], name: str, old: ModelConfig, new: ModelConfig, bases: Bases
) -> dict[str, np.ndarray]:
    u, kept = bases.stream, bases.stream_kept
    found = _norm(weights, f"{name}/attention_norm", u, kept) | _norm(weights, f"{name}/output_norm", u, kept)
    found |= _attention(weights, f"{name}/attention", old, new, u)
    units = kept_units(weights, name, new.intermediate_size)
    found[f"{name}/intermediate/kernel"] = u.T @ weights[f"{name}/intermediate/kernel"][:, units]
    found[f"{name}/intermediate/bias"] = weights[f"{name}/intermediate/bias"][units]
    found[f"{name}/output/kernel"] = weights[f"{name}/output/kernel"][units] @ u
    found[f"{name}/output/bias"] = weights[f"{name}/output/bias"] @ u
    return found


def _attention(
    weights: Mapping[str, np.ndarray], name: str, old: ModelConfig, new: ModelConfig, u: np.ndarray
) -> dict[str, np.ndarray]:
    kernel, bias = weights[f"{name}/qkv_kernel"], weights[f"{name}/qkv_bias"]
    output = weights[f"{name}/output/kernel"]
    turned, values = kept_columns(kernel, output, old, new)
    width = old.hidden_size
    columns = np.concatenate([turned, width + turned, 2 * width + values])
    # Products of the kept coordinates count as before, though the root of a smaller head divides them.
    scale = np.ones(len(columns))
    scale[: new.hidden_size] = (new.head_size / old.head_size) ** 0.5
    return {
        f"{name}/qkv_kernel": u.T @ kernel[:, columns] * scale,
        f"{name}/qkv_bias": bias[columns] * scale,
        f"{name}/output/kernel": output[values] @ u,
        f"{name}/output/bias": weights[f"{name}/output/bias"] @ u,
    }


def kept_columns(
    kernel: np.ndarray, output: np.ndarray, old: ModelConfig, new: ModelConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Which columns of queries and keys, and which of values, the new heads have; old numbers, in order.

    The heads kept are those that write most: the largest norms of value times output matrix. Where heads
    become narrower, rotary pairs ``(2i, 2i + 1)`` stay pairs, and pair ``i`` of the new head is the old one
    that turns (nearly) as fast, ``i * old size / new size``; BERT's queries and keys are chosen
    by norm, and so are the values.
    """
    query, key, value = np.split(kernel, 3, axis=1)
    size, count = old.head_size, old.num_attention_heads
    writes = [
        np.linalg.norm(value[:, h * size : (h + 1) * size] @ output[h * size : (h + 1) * size])
        for h in range(count)
    ]
    heads = np.sort(np.argsort(writes)[::-1][: new.num_attention_heads])
    turned, values = [], []
    for head in heads * size:
        span = slice(head, head + size)
        if old.model_type == "roformer":
            pairs = np.arange(new.head_size // 2) * old.head_size // new.head_size
            turned.append(head + np.stack([2 * pairs, 2 * pairs + 1], axis=1).reshape(-1))
        else:
            turned.append(head + _largest(_norms(query[:, span]) * _norms(key[:, span]), new.head_size))
        weight = _norms(value[:, span]) * np.linalg.norm(output[span], axis=1)
        values.append(head + _largest(weight, new.head_size))
    return np.concatenate(turned), np.concatenate(values)


def kept_units(weights: Mapping[str, np.ndarray], block: str, size: int) -> np.ndarray:
    """The inner units of the largest norms, into times out of, in their order."""
    into = _norms(weights[f"{block}/intermediate/kernel"])
    return _largest(into * np.linalg.norm(weights[f"{block}/output/kernel"], axis=1), size)


def _dense(
    weights: Mapping[str, np.ndarray], name: str, reads: np.ndarray, writes: np.ndarray
) -> dict[str, np.ndarray]:
    kernel = reads.T @ weights[f"{name}/kernel"] @ writes
    return {f"{name}/kernel": kernel, f"{name}/bias": weights[f"{name}/bias"] @ writes}


def _norm(
    weights: Mapping[str, np.ndarray], name: str, basis: np.ndarray, kept: float
) -> dict[str, np.ndarray]:
    width, size = basis.shape
    gain = np.square(basis).T @ weights[f"{name}/gamma"]
    return {
        f"{name}/gamma": gain * (kept * width / size) ** 0.5,
        f"{name}/beta": weights[f"{name}/beta"] @ basis,
    }


def _norms(columns: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(columns, axis=0))


def _largest(values: np.ndarray, count: int) -> np.ndarray:
    return np.sort(np.argsort(values, kind="stable")[::-1][:count])
