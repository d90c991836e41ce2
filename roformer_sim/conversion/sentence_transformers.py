"""sentence-transformers folders: written by us, run by sentence-transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import Preset
from roformer_sim.checkpoints.preset import CONFIG, WEIGHTS, write_json
from roformer_sim.checkpoints.sentence_transformers_folder import (
    ENCODE_SETTINGS,
    MODULES,
    TRANSFORMER_SETTINGS,
)
from roformer_sim.conversion import huggingface
from roformer_sim.conversion.outputs import Outputs, Samples

LONGEST = 256
"""Tokens before a text is cut, as in our ``encode``, unless the model comes from a folder that says."""

# The names of before version 5, which all versions know.
_TYPES = "sentence_transformers.models"


def write(preset: Preset, folder: Path) -> None:
    """Write what ``SentenceTransformer(folder)`` loads without code of ours, and that encodes as we do.

    The modules are Transformer, Pooling (P1: cls, P3: mean, P2: cls and the pooler as a linear Dense) and
    Normalize. The Transformer is what :mod:`roformer_sim.conversion.huggingface` writes.

    Raises:
        InputError: The model's own vector is P4, which no module makes.
    """
    config = preset.config
    if config.pooling == "P4":
        raise InputError(
            "the model's own vector is P4, the mean of the first and the last layer, for which "
            'sentence-transformers has no module; save it with another: save_preset(folder, pooling="P3")'
        )
    longest = _longest(preset)
    huggingface.write(preset, folder)
    huggingface.write_tokenizer(preset, folder, model_max_length=longest)
    write_json(folder / TRANSFORMER_SETTINGS, {"max_seq_length": longest, "do_lower_case": False})
    modules = [("Transformer", ""), ("Pooling", "1_Pooling")]
    _write_pooling(folder / "1_Pooling", config.hidden_size, "mean" if config.pooling == "P3" else "cls")
    if config.pooling == "P2":
        modules.append(("Dense", "2_Dense"))
        _write_dense(folder / "2_Dense", preset)
    modules.append(("Normalize", f"{len(modules)}_Normalize"))
    (folder / modules[-1][1]).mkdir()
    entries: Any = [
        {"idx": i, "name": str(i), "path": path, "type": f"{_TYPES}.{kind}"}
        for i, (kind, path) in enumerate(modules)
    ]
    write_json(folder / MODULES, entries)
    settings: dict[str, Any] = {
        "model_type": "SentenceTransformer",
        "prompts": {},
        "default_prompt_name": None,
    }
    write_json(folder / ENCODE_SETTINGS, {**settings, "similarity_fn_name": "cosine"})


def _longest(preset: Preset) -> int:
    known = preset.metadata.get("sentence_transformers") or {}
    given = known.get("max_seq_length") if isinstance(known, dict) else None
    return min(given or LONGEST, preset.config.max_position_embeddings)


def _write_pooling(folder: Path, hidden: int, mode: str) -> None:
    folder.mkdir()
    keys = {"pooling_mode_cls_token": mode == "cls", "pooling_mode_mean_tokens": mode == "mean"}
    write_json(folder / CONFIG, {"word_embedding_dimension": hidden, **keys})


def _write_dense(folder: Path, preset: Preset) -> None:
    folder.mkdir()
    hidden = preset.config.hidden_size
    identity = "torch.nn.modules.linear.Identity"
    settings = {"in_features": hidden, "out_features": hidden, "bias": True, "activation_function": identity}
    write_json(folder / CONFIG, settings)
    layer = huggingface.pooler_tensors(preset.weights)
    tensors = {name.replace("pooler.dense", "linear"): array for name, array in layer.items()}
    huggingface.write_tensors(folder / WEIGHTS, tensors)


def run(folder: Path, samples: Samples) -> Outputs:
    """What sentence-transformers gives: hidden states and normalised vectors.

    Raises:
        InputError: Its tokenizer cuts a sample otherwise than ours.
    """
    import torch
    from sentence_transformers import SentenceTransformer

    huggingface.quiet_transformers()
    model = SentenceTransformer(str(folder), device="cpu", trust_remote_code=False)
    model.max_seq_length = max(map(len, samples.rows))
    huggingface.check_tokens(samples, model.tokenizer)
    texts = list(samples.texts)
    with torch.no_grad():
        hidden = model.encode(texts, output_value="token_embeddings", show_progress_bar=False)
        vectors = model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    states = [np.asarray(state.numpy())[: len(row)] for state, row in zip(hidden, samples.rows, strict=True)]
    return {"hidden": np.concatenate(states), "vector": np.asarray(vectors, np.float32)}
