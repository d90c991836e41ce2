"""Reading a Keras Hub preset of BERT: HDF5 weights, without keras-hub."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NoReturn

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

# A damaged file shows as one or another of these, depending on where it is cut.
_DAMAGE = (OSError, ValueError, KeyError, RuntimeError)


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
    with _Arrays(folder / WEIGHTS) as arrays, _Arrays(folder / TASK_WEIGHTS, _HEAD) as head:
        config = _config(stored.get("config") or {}, path, bool(head.names), tokenizer.pad_id)
        weights = _backbone(arrays, config)
        if head.names:
            weights |= _head(head)
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


def _values(item: Any) -> np.ndarray:
    stored = item[()]
    if item.attrs.get("dtype") == "bfloat16":  # HDF5 has no such type: the upper halves of float32
        return (np.asarray(stored).view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return np.asarray(stored, np.float32)


def _backbone(taken: _Arrays, config: ModelConfig) -> dict[str, np.ndarray]:
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


def _head(taken: _Arrays) -> dict[str, np.ndarray]:
    weights = taken.pair("masked_lm_head/_intermediate_dense", "lm_transform", _DENSE)
    weights |= taken.pair("masked_lm_head/_intermediate_layer_norm", "lm_norm", _NORM)
    weights["lm_bias"] = taken("masked_lm_head", 0)
    taken.check_nothing_left()
    return weights


class _Arrays:
    """Arrays of an HDF5 file, each read once, when it is asked for; what is missing or left over is named.

    Args:
        path: The file; one that is not there has none.
        begins: Only arrays whose names begin so count.
    """

    def __init__(self, path: Path, begins: str = "layers/") -> None:
        import h5py

        self.path, self._file = path, None
        self.names: set[str] = set()
        if not path.is_file():
            return
        try:
            self._file = h5py.File(path, "r")
            self._file.visititems(
                lambda name, item: self.names.add(name) if isinstance(item, h5py.Dataset) else None
            )
        except _DAMAGE as error:
            self._refuse(error)
        self.names = {name for name in self.names if name.startswith(begins)}

    def __enter__(self) -> _Arrays:
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            self._file.close()

    def __call__(self, layer: str, place: int) -> np.ndarray:
        name = f"layers/{layer}/vars/{place}"
        if name not in self.names:
            raise InputError(f"{self.path}: {name} is missing")
        self.names.remove(name)
        try:
            values = _values(self._file[name])  # type: ignore[index]
        except _DAMAGE as error:
            self._refuse(error)
        if not np.isfinite(values).all():
            raise InputError(f"{self.path}: {name} holds NaN or infinite values")
        return values

    def pair(self, layer: str, ours: str, kinds: tuple[str, str]) -> dict[str, np.ndarray]:
        """Both arrays of a layer by our names."""
        return {f"{ours}/{kind}": self(layer, place) for place, kind in enumerate(kinds)}

    def check_nothing_left(self) -> None:
        """Refuse arrays that nothing has asked for."""
        if self.names:
            raise InputError(f"{self.path}: {min(self.names)} has no place in a BERT network")

    def _refuse(self, error: Exception) -> NoReturn:
        reason = " ".join(str(error).split())
        raise InputError(f"{self.path}: damaged or truncated: {reason}") from None
