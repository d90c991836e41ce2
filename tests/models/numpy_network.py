"""The network once more, in NumPy float64, written from the papers and from nothing of the package.

BERT (arXiv:1810.04805), RoFormer (arXiv:2104.09864), UniLM (arXiv:1905.03197). Loops and complex numbers
where they are nearer to the formula than speed would allow.
"""

from __future__ import annotations

import numpy as np
from scipy.special import erf


def layer_norm(x, gamma, beta, epsilon):
    mean = x.mean(axis=-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon) * gamma + beta


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


ACTIVATIONS = {
    "gelu": lambda x: x * 0.5 * (1.0 + erf(x / np.sqrt(2.0))),
    "gelu_new": lambda x: 0.5 * x * (1.0 + np.tanh(np.sqrt(2.0 / np.pi) * (x + 0.044715 * x**3))),
    "relu": lambda x: np.maximum(x, 0.0),
}


def rotate(x, positions):
    """Coordinates (2i, 2i+1) as one complex number, times exp(i * position * 10000^(-2i/d))."""
    d = x.shape[-1]
    theta = 10000.0 ** (-2.0 * np.arange(d // 2) / d)
    turned = (x[..., 0::2] + 1j * x[..., 1::2]) * np.exp(1j * np.outer(positions, theta))
    result = np.empty_like(x)
    result[..., 0::2], result[..., 1::2] = turned.real, turned.imag
    return result


def sees(segment_ids, token_mask, pattern):
    """(length, length) of booleans for one row, case by case."""
    length = len(segment_ids)
    allowed = np.zeros((length, length), bool)
    for i in range(length):
        for j in range(length):
            if not token_mask[j]:
                continue
            if pattern == "bidirectional" or segment_ids[j] == 0:
                allowed[i, j] = True
            else:
                allowed[i, j] = segment_ids[i] == 1 and j <= i
    return allowed


class NumpyNetwork:
    """Args: the configuration and the weights by their names in a preset."""

    def __init__(self, config, weights):
        self.config = config
        self.weights = {name: array.astype(np.float64) for name, array in weights.items()}
        self.activation = ACTIVATIONS[config.hidden_act]

    def dense(self, x, name):
        return x @ self.weights[f"{name}/kernel"] + self.weights[f"{name}/bias"]

    def norm(self, x, name):
        return layer_norm(
            x, self.weights[f"{name}/gamma"], self.weights[f"{name}/beta"], self.config.layer_norm_eps
        )

    def hidden_states(self, token_ids, segment_ids, pattern):
        """First and last block's output, (batch, length, hidden); rows of padding alone mean nothing."""
        rows = [self._row(t, s, pattern) for t, s in zip(token_ids, segment_ids, strict=True)]
        return np.stack([first for first, _ in rows]), np.stack([last for _, last in rows])

    def _row(self, token_ids, segment_ids, pattern):
        w, config = self.weights, self.config
        x = w["token_embedding/embeddings"][token_ids] + w["segment_embedding/embeddings"][segment_ids]
        if config.model_type == "bert":
            x = x + w["position_embedding/embeddings"][: len(token_ids)]
        x = self.norm(x, "embedding_norm")
        if config.embedding_size != config.hidden_size:
            x = self.dense(x, "embedding_mapping")
        allowed = sees(segment_ids, token_ids != config.pad_token_id, pattern)
        first = None
        for i in range(config.num_hidden_layers):
            x = self._block(x, allowed, f"block_{i}")
            first = x if first is None else first
        return first, x

    def _block(self, x, allowed, name):
        x = self.norm(x + self._attention(x, allowed, f"{name}/attention"), f"{name}/attention_norm")
        inner = self.activation(self.dense(x, f"{name}/intermediate"))
        return self.norm(x + self.dense(inner, f"{name}/output"), f"{name}/output_norm")

    def _attention(self, x, allowed, name):
        d, positions = self.config.head_size, np.arange(len(x))
        projected = x @ self.weights[f"{name}/qkv_kernel"] + self.weights[f"{name}/qkv_bias"]
        queries, keys, values = np.split(projected, 3, axis=-1)
        heads = []
        for h in range(self.config.num_attention_heads):
            q, k, v = (part[:, h * d : (h + 1) * d] for part in (queries, keys, values))
            if self.config.model_type == "roformer":
                q, k = rotate(q, positions), rotate(k, positions)
            heads.append(softmax(np.where(allowed, q @ k.T / np.sqrt(d), -np.inf)) @ v)
        return self.dense(np.concatenate(heads, axis=-1), f"{name}/output")

    def logits(self, hidden):
        x = self.norm(self.activation(self.dense(hidden, "lm_transform")), "lm_norm")
        return x @ self.weights["token_embedding/embeddings"].T + self.weights["lm_bias"]

    def pooler(self, vectors):
        return self.dense(vectors, "pooler")
