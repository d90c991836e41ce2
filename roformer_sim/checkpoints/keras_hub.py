"""Reading a Keras Hub preset of BERT: HDF5 weights, without keras-hub."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.preset import CONFIG, Preset, check_vocabulary, read_json
from roformer_sim.checkpoints.weights import check_shapes, weight_shapes
from roformer_sim.models import ModelConfig
from roformer_sim.text import Tokenizer

WEIGHTS, TASK_WEIGHTS, TOKENIZER = "model.weights.h5", "task.weights.h5", "tokenizer.json"
VOCABULARY = "assets/tokenizer/vocabulary.txt"

_KEYS = {
    "vocab_size": "vocabulary_size",
    "hidden_size": "hidden_dim",
    "num_hidden_layers": "num_layers",
    "num_attention_heads": "num_heads",
    "intermediate_size": "intermediate_dim",
    "max_position_embeddings": "max_sequence_length",
    "type_vocab_size": "num_segments",
    "hidden_dropout_prob": "dropout",
    "attention_probs_dropout_prob": "dropout",
}
# What its code fixes: the tanh form of GELU and 1e-12 in the blocks, the exact form and 1e-5 in the head.
_FIXED = {"model_type": "bert", "hidden_act": "gelu_new", "layer_norm_eps": 1e-12}
_FIXED_IN_HEAD = {"lm_hidden_act": "gelu", "lm_layer_norm_eps": 1e-5}

_DENSE, _NORM = ("kernel", "bias"), ("gamma", "beta")
_TABLES = {"reversible_embedding": "token", "position_embedding": "position", "embedding": "segment"}
_BLOCK = {
    "_self_attention_layer/output_dense": ("attention/output", _DENSE),
    "_self_attention_layer_norm": ("attention_norm", _NORM),
    "_feedforward_intermediate_dense": ("intermediate", _DENSE),
    "_feedforward_output_dense": ("output", _DENSE),
    "_feedforward_layer_norm": ("output_norm", _NORM),
}
_HEAD = "layers/masked_lm_head"


def is_keras_hub(folder: Path) -> bool:
    """Whether ``config.json`` names a Keras class and there are HDF5 weights."""
    if not ((folder / CONFIG).is_file() and (folder / WEIGHTS).is_file()):
        return False
    try:
        return "class_name" in read_json(folder / CONFIG)
    except InputError:
        return False


def load_keras_hub(folder: str | Path, *, model_type: Literal["roformer", "bert"] | None = None) -> Preset:
    """Read what ``save_to_preset`` of ``BertBackbone`` or ``BertMaskedLM`` wrote, with its tokenizer.

    ``pooled_dense`` is the pooler: P2 is its linear layer, without Keras Hub's tanh. The masked-language
    head is read where ``task.weights.h5`` has one.

    Raises:
        InputError: Another network, a file that is missing or damaged, a weight that is missing, unknown, of
            another shape or not finite.
    """
    folder = Path(folder)
    path = folder / CONFIG
    stored = read_json(path)
    if stored.get("class_name") != "BertBackbone" or model_type == "roformer":
        raise InputError(f"{path}: class_name is {stored.get('class_name')}; only BertBackbone is read")
    tokenizer = _tokenizer(folder)
    arrays = _read(folder / WEIGHTS)
    head = _read(folder / TASK_WEIGHTS) if (folder / TASK_WEIGHTS).is_file() else {}
    head = {name: array for name, array in head.items() if name.startswith(_HEAD)}
    config = _config(stored.get("config") or {}, path, bool(head), tokenizer.pad_id)
    weights = _backbone(arrays, config, folder / WEIGHTS)
    if head:
        weights |= _head(head, folder / TASK_WEIGHTS)
    check_shapes(weight_shapes(config), {k: v.shape for k, v in weights.items()}, folder / WEIGHTS)
    check_vocabulary(tokenizer, config, folder)
    return Preset(config, tokenizer, weights, {"source": {"format": "Keras Hub preset", "name": folder.name}})


def _config(values: Mapping[str, Any], where: Path, has_lm_head: bool, pad_id: int) -> ModelConfig:
    ours = {key: values[theirs] for key, theirs in _KEYS.items() if theirs in values}
    ours |= _FIXED | {"has_lm_head": has_lm_head, "pad_token_id": pad_id}
    return ModelConfig.from_dict(ours | (_FIXED_IN_HEAD if has_lm_head else {}), where=str(where))


def _tokenizer(folder: Path) -> Tokenizer:
    path = folder / TOKENIZER
    values = read_json(path).get("config") or {}
    expected = {"split": True, "suffix_indicator": "##", "oov_token": "[UNK]"}
    for key, value in expected.items():
        if values.get(key, value) != value:
            raise InputError(f"{path}: {key} is {values[key]!r}; our tokenizer has {value!r}")
    lower = bool(values.get("lowercase", False))
    if lower:
        warnings.warn(
            f"{path}: lowercase is true: Keras Hub then turns full-width characters into half-width ones and "
            "may leave accents, which Google's BERT and our tokenizer do not; texts with ，？ get other ids",
            stacklevel=2,
        )
    return Tokenizer.from_file(folder / VOCABULARY, do_lower_case=lower, words=False)


def _read(path: Path) -> dict[str, np.ndarray]:
    """All arrays of the file by name, float32."""
    import h5py

    found: dict[str, np.ndarray] = {}

    def take(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer/"):
            found[name] = _values(item)

    try:
        with h5py.File(path, "r") as file:
            file.visititems(take)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise InputError(f"{path}: missing, damaged or truncated: {' '.join(str(error).split())}") from None
    for name, array in found.items():
        if not np.isfinite(array).all():
            raise InputError(f"{path}: {name} holds NaN or infinite values")
    return found


def _values(item: Any) -> np.ndarray:
    stored = item[()]
    if item.attrs.get("dtype") == "bfloat16":  # HDF5 has no such type: the upper halves of float32
        return (np.asarray(stored).view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return np.asarray(stored, np.float32)


def _backbone(arrays: dict[str, np.ndarray], config: ModelConfig, where: Path) -> dict[str, np.ndarray]:
    taken = _Taken(arrays, where)
    weights = {f"{ours}_embedding/embeddings": taken(theirs, 0) for theirs, ours in _TABLES.items()}
    weights |= taken.pair("layer_normalization", "embedding_norm", _NORM)
    weights |= taken.pair("dense", "pooler", _DENSE)
    hidden = config.hidden_size
    for i in range(config.num_hidden_layers):
        layer, block = f"transformer_encoder_{i}" if i else "transformer_encoder", f"block_{i}"
        for kind, place in (("kernel", 0), ("bias", 1)):
            split = [
                taken(f"{layer}/_self_attention_layer/{p}_dense", place) for p in ("query", "key", "value")
            ]
            shape = (-1, hidden) if place == 0 else (-1,)
            joined = np.concatenate([part.reshape(shape) for part in split], axis=-1)
            weights[f"{block}/attention/qkv_{kind}"] = joined
        for theirs, (ours, kinds) in _BLOCK.items():
            weights |= taken.pair(f"{layer}/{theirs}", f"{block}/{ours}", kinds)
        output = f"{block}/attention/output/kernel"
        weights[output] = weights[output].reshape(-1, hidden)  # (heads, head size, hidden) as stored
    taken.check_nothing_left()
    return weights


def _head(arrays: dict[str, np.ndarray], where: Path) -> dict[str, np.ndarray]:
    taken = _Taken(arrays, where)
    weights = taken.pair("masked_lm_head/_intermediate_dense", "lm_transform", _DENSE)
    weights |= taken.pair("masked_lm_head/_intermediate_layer_norm", "lm_norm", _NORM)
    weights["lm_bias"] = taken("masked_lm_head", 0)
    taken.check_nothing_left()
    return weights


class _Taken:
    """Arrays of a file, each taken once; the last left over or the first missing is named."""

    def __init__(self, arrays: dict[str, np.ndarray], where: Path) -> None:
        self._arrays, self._where = arrays, where

    def __call__(self, layer: str, place: int) -> np.ndarray:
        name = f"layers/{layer}/vars/{place}"
        if name not in self._arrays:
            raise InputError(f"{self._where}: {name} is missing")
        return self._arrays.pop(name)

    def pair(self, layer: str, ours: str, kinds: tuple[str, str]) -> dict[str, np.ndarray]:
        return {f"{ours}/{kind}": self(layer, place) for place, kind in enumerate(kinds)}

    def check_nothing_left(self) -> None:
        if self._arrays:
            name = min(self._arrays)
            raise InputError(f"{self._where}: {name} has no place in a BERT network")
