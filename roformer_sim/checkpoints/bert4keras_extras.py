"""``roformer_sim.json``: what a bert4keras folder cannot say about one of our models.

bert4keras reads its three files and passes over this one. With it, a preset that was written as such a folder
comes back as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.preset import Preset, read_json, write_json

EXTRAS = "roformer_sim.json"


@dataclass(frozen=True)
class Extras:
    """Content of the file; empty where there is none.

    Attributes:
        network: ``layer_norm_eps`` and ``pooling`` of :class:`ModelConfig`.
        tokenizer: ``do_lower_case`` and ``words`` of :class:`Tokenizer`.
        metadata: Of the preset.
    """

    network: dict[str, Any] = field(default_factory=dict)
    tokenizer: dict[str, bool] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)

    def config(self) -> dict[str, Any]:
        """Keywords for :class:`ModelConfig`, a copy."""
        return dict(self.network)


_KEYS: dict[str, tuple[type | tuple[type, ...], tuple[str, ...]]] = {
    "network": ((int, float, str), ("layer_norm_eps", "pooling")),
    "tokenizer": (bool, ("do_lower_case", "words")),
}


def write_extras(preset: Preset, folder: Path) -> None:
    """Write the file."""
    tokenizer = preset.tokenizer
    values = {
        "network": {"layer_norm_eps": preset.config.layer_norm_eps, "pooling": preset.config.pooling},
        "tokenizer": {"do_lower_case": tokenizer.do_lower_case, "words": tokenizer.words},
        "metadata": preset.metadata,
    }
    write_json(folder / EXTRAS, values)


def read_extras(folder: Path) -> Extras:
    """Read the file, if there is one.

    Raises:
        InputError: It is damaged, or holds something else.
    """
    path = folder / EXTRAS
    if not path.is_file():
        return Extras()
    values = read_json(path)
    for part, content in values.items():
        if part != "metadata" and part not in _KEYS:
            raise InputError(f"{path}: {part}: unknown; there are {', '.join(_KEYS)}, metadata")
        if not isinstance(content, dict):
            raise InputError(f"{path}: {part}: expected an object")
        if part in _KEYS:
            types, names = _KEYS[part]
            for key, value in content.items():
                if key not in names or not isinstance(value, types):
                    raise InputError(f"{path}: {part}.{key}: {value!r}; there are {', '.join(names)}")
    return Extras(**values)
