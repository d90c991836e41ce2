"""Which kind of folder is this? One place that recognises and reads them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.hub import download, looks_like_hub_name
from roformer_sim.checkpoints.preset import Preset, is_preset, load_preset

ModelType = Literal["roformer", "bert"] | None

SHIPPED = Path(__file__).parent.parent / "presets"


def shipped_presets() -> list[str]:
    """Names of the presets inside the package."""
    return sorted(path.name for path in SHIPPED.iterdir() if is_preset(path)) if SHIPPED.is_dir() else []


def resolve_preset(name: str | Path) -> Path:
    """The folder of a shipped preset's name, the folder itself, or what huggingface.co has as ``owner/name``.

    Raises:
        InputError: Neither a shipped name nor an existing folder, nor to be had from the hub.
    """
    if isinstance(name, str) and is_preset(SHIPPED / name):
        return SHIPPED / name
    if Path(name).is_dir():
        return Path(name)
    if isinstance(name, str) and looks_like_hub_name(name):
        return download(name)
    raise InputError(
        f"{name}: neither a folder nor a shipped preset ({', '.join(shipped_presets()) or 'none shipped'})"
    )


@dataclass(frozen=True)
class FolderKind:
    """A kind of folder that can be read.

    Attributes:
        name: As :data:`roformer_sim.conversion.FORMATS` calls it.
        title: What an error says that it would hold.
        recognise: Whether a folder is one, told from the names of its files.
        read: The folder, and the type of network to take it for.
    """

    name: str
    title: str
    recognise: Callable[[Path], bool]
    read: Callable[[Path, ModelType], Preset]


def _read_tensorflow(folder: Path, model_type: ModelType) -> Preset:
    from roformer_sim.checkpoints.tensorflow_checkpoint import load_tensorflow_folder

    return load_tensorflow_folder(folder, model_type=model_type)


def _is_huggingface(folder: Path) -> bool:
    from roformer_sim.checkpoints.huggingface import is_huggingface

    return is_huggingface(folder)


def _read_huggingface(folder: Path, model_type: ModelType) -> Preset:
    from roformer_sim.checkpoints.huggingface import load_huggingface

    return load_huggingface(folder, model_type=model_type)


def _read_sentence_transformers(folder: Path, model_type: ModelType) -> Preset:
    from roformer_sim.checkpoints.sentence_transformers_folder import load_sentence_transformers

    return load_sentence_transformers(folder, model_type=model_type)


def _is_keras_hub(folder: Path) -> bool:
    from roformer_sim.checkpoints.keras_hub import is_keras_hub

    return is_keras_hub(folder)


def _read_keras_hub(folder: Path, model_type: ModelType) -> Preset:
    from roformer_sim.checkpoints.keras_hub import load_keras_hub

    return load_keras_hub(folder, model_type=model_type)


def _is_hdf5(folder: Path) -> bool:
    from roformer_sim.checkpoints.bert4keras_hdf5 import is_hdf5_folder

    return is_hdf5_folder(folder)


def _read_hdf5(folder: Path, model_type: ModelType) -> Preset:
    from roformer_sim.checkpoints.bert4keras_hdf5 import load_hdf5_folder

    return load_hdf5_folder(folder, model_type=model_type)


KINDS = (
    FolderKind(
        "preset",
        "a preset (config.json and model.safetensors)",
        is_preset,
        lambda folder, model_type: load_preset(folder),
    ),
    FolderKind(
        "sentence-transformers",
        "a sentence-transformers folder (modules.json)",
        lambda folder: (folder / "modules.json").is_file(),
        _read_sentence_transformers,
    ),
    FolderKind(
        "keras-hub",
        "a Keras Hub preset (config.json, model.weights.h5, assets/tokenizer)",
        _is_keras_hub,
        _read_keras_hub,
    ),
    FolderKind(
        "huggingface",
        "a Hugging Face folder (config.json, model.safetensors or pytorch_model.bin, vocab.txt)",
        _is_huggingface,
        _read_huggingface,
    ),
    FolderKind(
        "bert4keras-hdf5",
        "bert4keras's HDF5 weights (bert_config.json, vocab.txt and a file that ends in .h5 or .weights)",
        _is_hdf5,
        _read_hdf5,
    ),
    FolderKind(
        "bert4keras",
        "a TensorFlow checkpoint (bert_config.json, vocab.txt and bert_model.ckpt.*)",
        lambda folder: (folder / "bert_config.json").is_file(),
        _read_tensorflow,
    ),
)
"""In the order in which a folder is asked whether it is one."""


def kind_of(folder: str | Path) -> str:
    """The name of the folder's kind.

    Raises:
        InputError: It is of none.
    """
    return _kind(Path(folder)).name


def title_of(folder: str | Path) -> str:
    """What a folder of its kind holds, in words.

    Raises:
        InputError: It is of none.
    """
    return _kind(Path(folder)).title


def _kind(folder: Path) -> FolderKind:
    for kind in KINDS:
        if kind.recognise(folder):
            return kind
    *others, last = (kind.title for kind in KINDS)
    raise InputError(f"{folder}: holds neither {', '.join(others)} nor {last}")


def load_any(folder: str | Path, *, model_type: ModelType = None, mapped: bool = False) -> Preset:
    """Read a folder of any of :data:`KINDS`.

    Args:
        model_type: Overrides what a checkpoint of another tool looks like (position embeddings: BERT, none:
            RoFormer).
        mapped: See :func:`load_preset`; other kinds are read whole.

    Raises:
        InputError: Not a folder of a known kind, or something in it is missing or damaged.
    """
    folder = Path(folder)
    kind = _kind(folder)
    if kind.name == "preset":
        return load_preset(folder, mapped=mapped)
    return kind.read(folder, model_type)
