"""A block of the network in NumPy, part by part: what fitting needs to see between the layers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from roformer_sim.models.config import ModelConfig

Weights = Mapping[str, np.ndarray]


class Forward:
    """Bidirectional passes over padded rows, float32.

    Args:
        config: The network's shape.
        weights: Its weights by name; read at each call, so that they may be set between calls.
    """

    def __init__(self, config: ModelConfig, weights: Weights) -> None:
        self.config, self.weights = config, weights

    def embedded(self, token_ids: np.ndarray) -> np.ndarray:
        """The sum of the embeddings before its LayerNorm, (rows, length, embedding)."""
        x = self.weights["token_embedding/embeddings"][token_ids]
        x = x + self.weights["segment_embedding/embeddings"][0]
        if self.config.model_type == "bert":
            x = x + self.weights["position_embedding/embeddings"][: token_ids.shape[1]]
        return np.asarray(x, np.float32)

    def mapped(self, x: np.ndarray) -> np.ndarray:
        """Normalised embeddings to hidden states."""
        if self.config.embedding_size == self.config.hidden_size:
            return x
        return self.dense("embedding_mapping", x)

    def dense(self, name: str, x: np.ndarray) -> np.ndarray:
        """``x W + b``."""
        return np.asarray(x @ self.weights[f"{name}/kernel"] + self.weights[f"{name}/bias"])

    def norm(self, name: str, x: np.ndarray) -> np.ndarray:
        """LayerNorm."""
        normal = normalised(x, self.config.layer_norm_eps or 0.0)
        return normal * self.weights[f"{name}/gamma"] + self.weights[f"{name}/beta"]

    def context(self, block: str, x: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """The heads' weighted values side by side, before the output matrix; ``mask`` is (rows, length)."""
        config, (rows, length, width) = self.config, x.shape
        heads, size = config.num_attention_heads, config.head_size
        qkv = x @ self.weights[f"{block}/attention/qkv_kernel"] + self.weights[f"{block}/attention/qkv_bias"]
        query, key, value = qkv.reshape(rows, length, 3, heads, size).transpose(2, 0, 3, 1, 4)
        if config.model_type == "roformer":
            query, key = _turned(query), _turned(key)
        scores = query @ key.swapaxes(-1, -2) * np.float32(size**-0.5)
        scores += np.where(mask, np.float32(0), np.float32(-1e9))[:, None, None, :]
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weighted = (scores / scores.sum(axis=-1, keepdims=True)) @ value
        return np.asarray(weighted.transpose(0, 2, 1, 3).reshape(rows, length, width))

    def inner(self, block: str, x: np.ndarray) -> np.ndarray:
        """The feed-forward layer's units."""
        return activated(self.dense(f"{block}/intermediate", x), self.config.hidden_act)


def normalised(x: np.ndarray, epsilon: float) -> np.ndarray:
    """LayerNorm without gain and bias."""
    centred = x - x.mean(axis=-1, keepdims=True)
    return np.asarray(centred / np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + epsilon))


def activated(x: np.ndarray, name: str) -> np.ndarray:
    """gelu by the error function, gelu by tanh, or relu."""
    if name == "relu":
        return np.maximum(x, 0)
    if name == "gelu_new":
        return x * 0.5 * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3)))
    from scipy.special import erf

    return x * 0.5 * (1 + erf(x * np.float32(0.5**0.5)))


def _turned(x: np.ndarray) -> np.ndarray:
    """Rotary positions on (..., length, size): pair ``(2i, 2i + 1)`` by ``position * 10000^(-2i / size)``."""
    length, size = x.shape[-2:]
    angles = np.outer(np.arange(length), 10000.0 ** (-np.arange(0, size, 2) / size))
    cosine, sine = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    even, odd = x[..., 0::2], x[..., 1::2]
    turned = np.empty_like(x)
    turned[..., 0::2], turned[..., 1::2] = even * cosine - odd * sine, odd * cosine + even * sine
    return turned
