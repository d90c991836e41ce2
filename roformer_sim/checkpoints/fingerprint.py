"""Which network is this? A hash of all that decides its vectors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import numpy as np

from roformer_sim.models import ModelConfig
from roformer_sim.text import Tokenizer

# They decide how it is trained and which of its vectors is taken by default, not what the vectors are. Which
# heads there are is told by the weights' names.
_TRAINING = {"hidden_dropout_prob", "attention_probs_dropout_prob", "initializer_range"}
_PASSED_OVER = _TRAINING | {"pooling", "has_pooler", "has_lm_head"}


def fingerprint(config: ModelConfig, tokenizer: Tokenizer, weights: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over configuration, vocabulary and weights: 16 hexadecimal digits.

    The same for a preset folder, a copy of it under another name, and the TensorFlow checkpoint it was
    converted from; another after any step of training, and where weights were rounded to float16.
    """
    settings = {
        "config": config.model_dump(exclude=_PASSED_OVER),
        "tokens": tokenizer.vocab,
        "tokenizer": [tokenizer.do_lower_case, tokenizer.words],
    }
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode("utf-8", "surrogatepass"))
    for name in sorted(weights):
        array = np.ascontiguousarray(weights[name], "<f4")
        digest.update(f"{name} {array.shape}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()[:16]
