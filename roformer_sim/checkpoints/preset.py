"""Our own preset folder: configuration, vocabulary, weights and how they were made. No pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.atomic import atomic_folder
from roformer_sim.checkpoints.mapped import MappedWeights
from roformer_sim.models import ModelConfig
from roformer_sim.text import Tokenizer

CONFIG, VOCABULARY, WEIGHTS, METADATA = "config.json", "vocab.txt", "model.safetensors", "metadata.json"
TOKENIZER = "tokenizer_config.json"
FORMAT = "roformer-sim-preset-1"


@dataclass
class Preset:
    """What a preset folder holds.

    Attributes:
        config: Shape of the network.
        tokenizer: Built from ``vocab.txt``.
        weights: float32 arrays by name (see :func:`roformer_sim.checkpoints.weights.weight_names`).
        metadata: Free JSON: training data, recipe, versions, figures.
    """

    config: ModelConfig
    tokenizer: Tokenizer
    weights: Mapping[str, np.ndarray]
    metadata: dict[str, Any] = field(default_factory=dict)


def is_preset(folder: Path) -> bool:
    """Whether ``folder`` has a preset's configuration and weights.

    Hugging Face folders have files of the same names: the weights' header says who wrote them, and where it
    cannot be read, the configuration does.
    """
    if not ((folder / CONFIG).is_file() and (folder / WEIGHTS).is_file()):
        return False
    format_ = _format_of(folder / WEIGHTS)
    if format_ is not None:
        return format_ == FORMAT
    try:
        values = read_json(folder / CONFIG)
    except InputError:
        return True  # reading it tells what is wrong
    return "architectures" not in values and "transformers_version" not in values


def _format_of(path: Path) -> str | None:
    """What a safetensors file's header says that wrote it."""
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(size)) if size <= 100_000_000 else {}
        return str(header["__metadata__"]["format"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def save_preset(
    folder: str | Path, preset: Preset, *, weights_dtype: Literal["float32", "float16"] = "float32"
) -> None:
    """Write a preset folder in one step; an existing one is replaced only when all is written.

    Args:
        weights_dtype: ``"float16"`` halves the file; values are rounded once, here.

    Raises:
        InputError: The folder cannot be written.
    """
    with atomic_folder(folder) as place:
        write_preset_files(place, preset, weights_dtype=weights_dtype)


def write_preset_files(
    place: Path, preset: Preset, *, weights_dtype: Literal["float32", "float16"] = "float32"
) -> None:
    """Write the files of a preset into an existing folder."""
    arrays = {name: np.asarray(a, weights_dtype, order="C") for name, a in preset.weights.items()}
    write_safetensors(place / WEIGHTS, arrays, {"format": FORMAT})
    write_json(place / CONFIG, preset.config.model_dump())
    write_json(place / METADATA, preset.metadata)
    tokenizer = preset.tokenizer
    write_json(place / TOKENIZER, {"do_lower_case": tokenizer.do_lower_case, "words": tokenizer.words})
    tokenizer.save(place / VOCABULARY)


def load_preset(folder: str | Path, *, mapped: bool = False) -> Preset:
    """Read a preset folder.

    Args:
        mapped: Leave the weights in their file and read each when it is looked at
            (:class:`~roformer_sim.checkpoints.mapped.MappedWeights`); otherwise they are arrays in memory.

    Raises:
        InputError: A file is missing, truncated or does not fit the others.
    """
    folder = Path(folder)
    config = ModelConfig.from_file(folder / CONFIG)
    tokenizer = Tokenizer.from_file(folder / VOCABULARY, **_tokenizer_settings(folder / TOKENIZER))
    check_vocabulary(tokenizer, config, folder)
    stored = MappedWeights(folder / WEIGHTS) if mapped else read_safetensors(folder / WEIGHTS)
    weights = stored if mapped else {name: np.asarray(array, np.float32) for name, array in stored.items()}
    metadata = read_json(folder / METADATA) if (folder / METADATA).exists() else {}
    return Preset(config, tokenizer, weights, metadata)


def _tokenizer_settings(path: Path) -> dict[str, bool]:
    settings = read_json(path)
    for key, value in settings.items():
        if key not in ("do_lower_case", "words") or not isinstance(value, bool):
            raise InputError(f"{path}: {key}: {value!r}; expected do_lower_case and words, true or false")
    return settings


def check_vocabulary(tokenizer: Tokenizer, config: ModelConfig, folder: Path) -> None:
    """Refuse a vocabulary that does not fit the embedding, as a simplified one beside full weights does.

    Only the number of tokens can be checked: nothing tells a vocabulary in another order.
    """
    check_vocabulary_size(tokenizer.vocab_size, config.vocab_size, folder)


def check_vocabulary_size(tokens: int, rows: int, folder: Path) -> None:
    """:func:`check_vocabulary` by the numbers alone: tokens of vocab.txt, rows of the embedding.

    Raises:
        InputError: They differ; the message says what is missing.
    """
    if tokens == rows:
        return
    found = f"{folder}: vocab.txt has {tokens:,} tokens, the embedding {rows:,} rows"
    if tokens < rows:
        raise InputError(
            f"{found}: a simplified vocabulary needs its list of kept rows (keep_tokens). Put the full "
            "vocab.txt beside these weights, then make the smaller preset with `roformer-sim vocab simplify`"
        )
    raise InputError(
        f"{found}: tokens were added, or vocab.txt is another model's. Put the vocab.txt of these weights "
        "beside them, then add tokens with `roformer-sim vocab extend`"
    )


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """Arrays by name; an unreadable or truncated file is an InputError that names it."""
    try:
        return load_file(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path}: not a complete safetensors file: {error}") from None


def write_safetensors(
    path: Path, arrays: dict[str, np.ndarray], metadata: dict[str, str] | None = None
) -> None:
    """Write arrays by name; a full disk is an OSError, as for every other file."""
    try:
        save_file(arrays, path, metadata=metadata)
    except SafetensorError as error:
        raise OSError(str(error)) from error


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; anything else is an InputError that names the file."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected a JSON object")
    return values


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Indented UTF-8 JSON, Chinese unescaped."""
    path.write_text(json.dumps(values, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
