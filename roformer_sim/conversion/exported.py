"""What the ONNX and the OpenVINO folder have in common: settings, a check for damage, running the parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import Preset
from roformer_sim.checkpoints.checksums import find_damage
from roformer_sim.checkpoints.preset import CONFIG, VOCABULARY, read_json, write_json
from roformer_sim.conversion.outputs import Outputs, Samples
from roformer_sim.models.config import ModelConfig

Part = Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]
"""A file that was loaded: inputs by name to outputs by name."""

Open = Callable[[str], Part]
"""Loads a part by its name: ``encoder``, ``source``, ``step``, ``lm_head``."""


def write_settings(preset: Preset, folder: Path, format_: str, parts: dict[str, Any]) -> None:
    """``config.json`` with what a program needs to know, and ``vocab.txt``.

    Args:
        parts: What each file takes and gives, by its name.
    """
    config, tokenizer = preset.config, preset.tokenizer
    settings = {
        "format": format_,
        "pad_token_id": config.pad_token_id,
        "max_length": config.max_position_embeddings if config.model_type == "bert" else None,
        "layers": config.num_hidden_layers,
        "heads": config.num_attention_heads,
        "head_size": config.head_size,
        "tokenizer": {"do_lower_case": tokenizer.do_lower_case, "words": tokenizer.words},
        "parts": parts,
        "network": config.model_dump(),
    }
    write_json(folder / CONFIG, settings)
    tokenizer.save(folder / VOCABULARY)


def read_settings(folder: Path, format_: str) -> ModelConfig:
    """The network's configuration, after a look whether the folder is still what was written.

    Raises:
        InputError: A file is missing, cut short or changed; it is named. Or another format's folder.
    """
    damage = find_damage(folder)
    if damage:
        raise InputError(f"{folder}: {damage}; convert again")
    path = folder / CONFIG
    settings = read_json(path)
    if settings.get("format") != format_ or not isinstance(settings.get("network"), dict):
        raise InputError(f"{path}: format {settings.get('format')!r}; expected {format_!r} and its network")
    return ModelConfig.from_dict(settings["network"], where=str(path))


def part_outputs(config: ModelConfig, open_: Open, samples: Samples) -> Outputs:
    """Run all parts on the samples, padded to one batch; ``scores`` by walking the cache token by token."""
    token_ids = padded(samples, config.pad_token_id)
    encoded = open_("encoder")({"token_ids": token_ids})
    at_tokens = token_ids != config.pad_token_id
    outputs: Outputs = {name: array for name, array in encoded.items() if name != "hidden"}
    outputs["hidden"] = encoded["hidden"][at_tokens]
    if config.has_lm_head:
        outputs["logits"] = open_("lm_head")({"hidden": outputs["hidden"]})["logits"]
        steps = walk(config, open_("source"), open_("step"), token_ids, samples.targets[:, None])
        outputs["scores"] = np.stack(steps, axis=2).reshape(-1, config.vocab_size)
    return outputs


def padded(samples: Samples, pad_token_id: int) -> np.ndarray:
    """int64 (samples, longest), the padding id after each row's end."""
    rows = np.full((len(samples.rows), max(map(len, samples.rows))), pad_token_id, np.int64)
    for row, token_ids in zip(rows, samples.rows, strict=True):
        row[: len(token_ids)] = token_ids
    return rows


def walk(
    config: ModelConfig, source: Part, step: Part, source_ids: np.ndarray, targets: np.ndarray
) -> list[np.ndarray]:
    """Scores after the sources and after each of the tokens (sources, rows, written) that are written.

    Returns:
        ``written + 1`` arrays (sources, rows, vocabulary).
    """
    sources, rows, written = targets.shape
    read = source({"source_ids": source_ids})
    scores = [np.repeat(read.pop("scores")[:, None], rows, axis=1)]
    empty = np.empty((sources, rows, config.num_attention_heads, 0, config.head_size), np.float32)
    cache = {
        f"past_{kind}_{layer}": empty
        for layer in range(config.num_hidden_layers)
        for kind in ("key", "value")
    }
    for number in range(written):
        tokens = np.ascontiguousarray(targets[:, :, number])
        given = step({"token_ids": tokens, "source_ids": source_ids, **read, **cache})
        scores.append(given.pop("scores"))
        cache = {name.replace("present", "past"): array for name, array in given.items()}
    return scores
