"""Which kind of folder is this? One place that recognises and reads them all."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.preset import Preset, is_preset, load_preset

SHIPPED = Path(__file__).parent.parent / "presets"


def shipped_presets() -> list[str]:
    """Names of the presets inside the package."""
    return sorted(path.name for path in SHIPPED.iterdir() if is_preset(path)) if SHIPPED.is_dir() else []


def resolve_preset(name: str | Path) -> Path:
    """The folder of a shipped preset's name, or the folder itself.

    Raises:
        InputError: Neither a shipped name nor an existing folder.
    """
    if isinstance(name, str) and is_preset(SHIPPED / name):
        return SHIPPED / name
    if Path(name).is_dir():
        return Path(name)
    raise InputError(
        f"{name}: neither a folder nor a shipped preset ({', '.join(shipped_presets()) or 'none shipped'})"
    )


def load_any(
    folder: str | Path, *, model_type: Literal["roformer", "bert"] | None = None, mapped: bool = False
) -> Preset:
    """Read our own preset or a bert4keras / Google checkpoint folder.

    Args:
        model_type: Overrides what a TensorFlow checkpoint looks like (position embeddings: BERT,
            none: RoFormer).
        mapped: See :func:`load_preset`; TensorFlow checkpoints are read whole.

    Raises:
        InputError: Not a folder of a known kind, or something in it is missing or damaged.
    """
    folder = Path(folder)
    if is_preset(folder):
        return load_preset(folder, mapped=mapped)
    if (folder / "bert_config.json").is_file():
        from roformer_sim.checkpoints.tensorflow_checkpoint import load_tensorflow_folder

        return load_tensorflow_folder(folder, model_type=model_type)
    raise InputError(
        f"{folder}: holds neither a preset (config.json and model.safetensors) nor a TensorFlow "
        "checkpoint (bert_config.json, vocab.txt and bert_model.ckpt.*)"
    )
