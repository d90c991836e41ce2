"""Names on huggingface.co: what is there is downloaded once and found again in the library's cache."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from corpus_builder.errors import InputError

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_SMALL = ("*.json", "*.txt", "*/config.json", "roformer_sim_pooler.safetensors")
# Weights by preference: the first pattern of which there is a file is all that is fetched.
_WEIGHTS = (
    ("model.safetensors", "*/model.safetensors"),
    ("model-*.safetensors",),
    ("pytorch_model.bin", "*/pytorch_model.bin"),
    ("pytorch_model-*.bin",),
    ("*.weights.h5",),
)


def looks_like_hub_name(name: str) -> bool:
    """Whether it is ``owner/name`` and no path here: ``junnyu/roformer_chinese_char_base``."""
    return _NAME.fullmatch(name) is not None and not Path(name.split("/")[0]).exists()


@lru_cache(maxsize=8)
def download(name: str) -> Path:
    """The folder of a model on huggingface.co, downloaded unless it is in the cache.

    Only configuration, vocabulary and one kind of weights are fetched, safetensors where there are any.

    Raises:
        InputError: No such folder and no such model, no network, or huggingface_hub is not installed.
    """
    try:
        import huggingface_hub
    except ImportError:
        raise InputError(
            f"{name}: no such folder here; to have it from huggingface.co: pip install huggingface_hub"
        ) from None
    try:
        siblings = huggingface_hub.HfApi().model_info(name, timeout=10).siblings or []
        files = [str(sibling.rfilename) for sibling in siblings]
    except Exception as error:
        return _cached(name, error)
    try:
        return Path(huggingface_hub.snapshot_download(name, allow_patterns=[*_SMALL, *_weights(files)]))
    except Exception as error:
        raise InputError(f"{name}: could not be fetched from huggingface.co: {_one_line(error)}") from None


def _cached(name: str, reason: Exception) -> Path:
    import huggingface_hub

    try:
        return Path(huggingface_hub.snapshot_download(name, local_files_only=True))
    except Exception:
        raise InputError(
            f"{name}: no such folder here, and huggingface.co could not be asked for it or has no such "
            f"model: {_one_line(reason)}"
        ) from None


def _weights(files: list[str]) -> tuple[str, ...]:
    from fnmatch import fnmatchcase

    for patterns in _WEIGHTS:
        if any(fnmatchcase(file, pattern) for file in files for pattern in patterns):
            return patterns
    return ()


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
