"""Keras Hub presets of BERT, run by keras-hub; they are read, not written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.keras_hub import TASK_WEIGHTS
from roformer_sim.conversion.outputs import Outputs, Samples


def run(folder: Path, samples: Samples) -> Outputs:
    """What keras-hub gives: its tokens, hidden states, [CLS] and mean vectors, logits at every token.

    Its pooler's output is the tanh of P2, whose inverse is exact enough only where it is not near 1; P2 is
    computed from the layer instead.

    Raises:
        InputError: Its tokenizer cuts a sample otherwise than ours.
    """
    import keras_hub

    task = (folder / TASK_WEIGHTS).is_file()
    if task:
        model = keras_hub.models.MaskedLM.from_preset(str(folder))
        backbone = model.backbone
    else:
        model, backbone = None, keras_hub.models.Backbone.from_preset(str(folder))
    _check_tokens(keras_hub.models.Tokenizer.from_preset(str(folder)), samples)
    parts: dict[str, list[np.ndarray]] = {}
    for row in samples.rows:
        states = backbone(_inputs(row))["sequence_output"]
        hidden = np.asarray(states, np.float32)[0]
        found = {"hidden": hidden, "P1": hidden[:1], "P3": hidden.mean(0)[None]}
        layer = backbone.pooled_dense
        found["P2"] = found["P1"] @ np.asarray(layer.kernel, np.float32) + np.asarray(layer.bias, np.float32)
        if model is not None:
            logits = model.masked_lm_head(states, np.arange(len(row))[None])
            found["logits"] = np.asarray(logits, np.float32)[0]
        for kind, values in found.items():
            parts.setdefault(kind, []).append(values)
    return {kind: np.concatenate(values) for kind, values in parts.items()}


def _inputs(row: np.ndarray) -> dict[str, np.ndarray]:
    ids = row[None].astype(np.int32)
    return {"token_ids": ids, "segment_ids": np.zeros_like(ids), "padding_mask": np.ones_like(ids)}


def _check_tokens(tokenizer: Any, samples: Samples) -> None:
    for text, row in zip(samples.texts, samples.rows, strict=True):
        found = np.asarray(tokenizer(text)).tolist()
        ids = [tokenizer.cls_token_id, *found[: len(row) - 2], tokenizer.sep_token_id]
        if ids != row.tolist():
            raise InputError(f"its tokenizer gives {text!r} the ids {ids}, ours {row.tolist()}")
