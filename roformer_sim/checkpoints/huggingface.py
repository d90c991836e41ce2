"""Reading a folder that transformers wrote: RoFormer and BERT, with or without their heads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import huggingface_names as names
from roformer_sim.checkpoints.huggingface_tokenizer import read_tokenizer
from roformer_sim.checkpoints.preset import CONFIG, Preset, check_vocabulary, is_preset, read_json
from roformer_sim.checkpoints.tensor_files import WEIGHT_FILES, Tensors
from roformer_sim.models import ModelConfig

EXTRA = "roformer_sim.json"
"""What a folder we wrote has beside transformers' files: the settings that those have no place for."""

POOLER = "roformer_sim_pooler.safetensors"
"""The pooler of a RoFormer, which transformers' class lacks."""

ARCHITECTURES = (
    "BertForMaskedLM",
    "BertForPreTraining",
    "BertModel",
    "RoFormerForCausalLM",
    "RoFormerForMaskedLM",
    "RoFormerModel",
)

# Other names of the same function.
_ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": "gelu_new",
    "gelu_fast": "gelu_new",
    "gelu_pytorch_tanh": "gelu_new",
    "relu": "relu",
}
# transformers' defaults where a configuration leaves a key out, by type of network where they differ.
_DEFAULTS = {
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "type_vocab_size": 2,
    "initializer_range": 0.02,
    "layer_norm_eps": 1e-12,
    "pad_token_id": 0,
}
_POSITIONS = {"bert": 512, "roformer": 1536}
_SIZES = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
# Keys whose other values make another network of it.
_ONLY = {
    "rotary_value": (False, None),
    "is_decoder": (False, None),
    "add_cross_attention": (False, None),
    "position_embedding_type": ("absolute", None),
}


def is_huggingface(folder: Path) -> bool:
    """Whether ``config.json`` is transformers' and not ours, told from its keys and the weights' file."""
    if not (folder / CONFIG).is_file() or is_preset(folder):
        return False
    try:
        values = read_json(folder / CONFIG)
    except InputError:
        return False
    if "architectures" in values or "transformers_version" in values:
        return True
    return "model_type" in values and any((folder / name).is_file() for name in WEIGHT_FILES)


def load_huggingface(folder: str | Path, *, model_type: Literal["roformer", "bert"] | None = None) -> Preset:
    """Read a Hugging Face folder: ``config.json``, weights, vocabulary.

    Weights are ``model.safetensors``, its shards, or ``pytorch_model.bin``, of float32, float16 or bfloat16.
    Pooler and language-model head may be absent as a whole; without a pooler, sentence vectors are P1. P2 is
    the pooler's linear layer as upstream has it: transformers' ``pooler_output`` is its tanh.

    Args:
        folder: Such as a snapshot of ``junnyu/roformer_chinese_base``.
        model_type: Must be what the configuration says, or ``None``.

    Raises:
        InputError: A file is missing or damaged, a tensor is missing, unknown, of another shape or not
            finite, the configuration describes a network that is not ours.
    """
    folder = Path(folder)
    tensors = Tensors(folder)
    plain = _plain(tensors)
    values = read_json(folder / CONFIG)
    extra = read_json(folder / EXTRA) if (folder / EXTRA).is_file() else {}
    heads: dict[str, Any] = names.heads_among(plain)
    config = network_config(values, folder / CONFIG, **heads)
    if model_type not in (None, config.model_type):
        raise InputError(f"{folder / CONFIG}: model_type is {config.model_type}, not {model_type}")
    pooler = _read_pooler(folder, config) if not config.has_pooler else {}
    weights = assemble(tensors, plain, config) | pooler
    config = _with_own_pooling(config, bool(pooler), extra, folder / EXTRA)
    tokenizer = read_tokenizer(folder, values, extra.get("tokenizer", {}))
    check_vocabulary(tokenizer, config, folder)
    metadata = extra.get("metadata") or {"source": _source(folder, values, tensors)}
    return Preset(config, tokenizer, weights, metadata)


def network_config(values: Mapping[str, Any], where: Path, **heads: bool) -> ModelConfig:
    """Our configuration of transformers' keys.

    Args:
        values: ``config.json``.
        where: What an error calls it.
        heads: From :func:`.huggingface_names.heads_among`.

    Raises:
        InputError: Another network than we have, or a key that is missing.
    """
    kind = values.get("model_type")
    if kind not in _POSITIONS:
        raise InputError(f"{where}: model_type is {kind!r}; only {' and '.join(sorted(_POSITIONS))} are read")
    for architecture in values.get("architectures") or ():
        if architecture not in ARCHITECTURES:
            raise InputError(
                f"{where}: architectures: {architecture} is not read; only {', '.join(ARCHITECTURES)} are"
            )
    for key, allowed in _ONLY.items():
        if values.get(key) not in allowed:
            raise InputError(f"{where}: {key} is {values[key]!r}, which our networks do not have")
    act = values.get("hidden_act", _DEFAULTS["hidden_act"])
    if act not in _ACTIVATIONS:
        raise InputError(f"{where}: hidden_act: {act!r} is not among {', '.join(_ACTIVATIONS)}")
    ours: dict[str, Any] = {key: values[key] for key in _SIZES if key in values}
    for key, default in {**_DEFAULTS, "max_position_embeddings": _POSITIONS[kind]}.items():
        ours[key] = default if values.get(key) is None else values[key]
    ours |= {"model_type": kind, "hidden_act": _ACTIVATIONS[act], **heads}
    if kind == "roformer":
        ours["embedding_size"] = values.get("embedding_size")
    if not heads.get("has_pooler", True):
        ours["pooling"] = "P1"
    return ModelConfig.from_dict(ours, where=str(where))


def _plain(tensors: Tensors) -> dict[str, str]:
    """Names in the file by plain name, without what is surplus."""
    found: dict[str, str] = {}
    for name in tensors.shapes():
        plain = names.plain_name(name)
        if plain in names.SURPLUS:
            continue
        if plain in found:
            raise InputError(f"{tensors.path}: {name} and {found[plain]} are the same tensor twice")
        found[plain] = name
    bias = names.TIED_BIAS
    if bias in found:  # newer files may keep the one under the other's name
        found.setdefault(names.TIED[bias], found[bias])
    return found


def assemble(tensors: Tensors, plain: Mapping[str, str], config: ModelConfig) -> dict[str, np.ndarray]:
    """Our weights, float32, of a folder's tensors, read one after another.

    Args:
        plain: Names in the file by plain name (:func:`.huggingface_names.plain_name`).

    Raises:
        InputError: A tensor is missing, unknown, of another shape, not of floating point or not finite, or
            not what it must be equal to.
    """
    shapes = tensors.shapes()
    expected = names.tensor_shapes(config)
    derived = {*names.TIED, *([names.POSITION_TABLE] if config.model_type == "roformer" else [])}
    for name, shape in expected.items():
        if name not in plain:
            raise InputError(f"{tensors.path}: tensor {name} {list(shape)} is missing")
        given = shapes[plain[name]]
        if given != shape:
            raise InputError(
                f"{tensors.file_of(plain[name])}: tensor {plain[name]} has shape {list(given)}, "
                f"{CONFIG} asks for {list(shape)}"
            )
    unknown = sorted(set(plain) - set(expected) - derived)
    if unknown:
        raise InputError(
            f"{tensors.file_of(plain[unknown[0]])}: tensor {plain[unknown[0]]} has no place in a "
            f"{config.model_type} network ({len(unknown)} unknown in all)"
        )
    weights = {}
    for ours, theirs in names.parts(config).items():
        weights[ours] = _joined([(name, plain[name]) for name in theirs], tensors)
        tensors.release()
    _check_derived(tensors, plain, config)
    tensors.release()
    return weights


def _joined(theirs: list[tuple[str, str]], tensors: Tensors) -> np.ndarray:
    """Tensors side by side along the last axis, kernels turned, each written once into its place."""
    shapes = tensors.shapes()
    shape = shapes[theirs[0][1]]
    if names.is_turned(theirs[0][0]):
        shape = shape[::-1]
    width = shape[-1]
    joined = np.empty((*shape[:-1], width * len(theirs)), np.float32)
    for place, (plain, name) in enumerate(theirs):
        values = tensors.read(name)
        if values.dtype.kind != "f":
            raise InputError(f"{tensors.file_of(name)}: tensor {name} is {values.dtype}, not floating point")
        columns = joined[..., place * width : (place + 1) * width]
        columns[...] = values.T if names.is_turned(plain) else values
    return joined


def _check_derived(tensors: Tensors, plain: Mapping[str, str], config: ModelConfig) -> None:
    """Refuse a head with a table of its own, and positions that are not the standard ones."""
    for name, same in names.TIED.items():
        if name in plain and plain[name] != plain[same]:
            given, wanted = tensors.read(plain[name]), tensors.read(plain[same])
            if given.shape != wanted.shape or not np.array_equal(given, wanted):
                raise InputError(
                    f"{tensors.file_of(plain[name])}: {plain[name]} differs from {plain[same]}: a head "
                    "that is not tied to the embeddings, which our networks do not have"
                )
    if names.POSITION_TABLE in plain and config.model_type == "roformer":
        name = plain[names.POSITION_TABLE]
        given, wanted = tensors.read(name), names.position_table(config)
        # Half-precision files hold the table rounded to 3 digits, and a rotary table by halves or with
        # another base is far from it.
        if given.shape != wanted.shape or not np.allclose(given, wanted, rtol=0, atol=5e-3):
            raise InputError(
                f"{tensors.file_of(name)}: {name} is not RoFormer's table of sines and cosines: other rotary "
                "positions, which our networks do not have"
            )


def _read_pooler(folder: Path, config: ModelConfig) -> dict[str, np.ndarray]:
    """The pooler beside the files, as we write it, or nothing."""
    if not (folder / POOLER).is_file():
        return {}
    from roformer_sim.checkpoints.tensor_files import SafetensorsFile

    file = SafetensorsFile(folder / POOLER)
    hidden = config.hidden_size
    expected = {"pooler.dense.weight": (hidden, hidden), "pooler.dense.bias": (hidden,)}
    if file.shapes() != expected:
        raise InputError(f"{folder / POOLER}: expected pooler.dense.weight and .bias of width {hidden}")
    kernel, bias = file.read("pooler.dense.weight"), file.read("pooler.dense.bias")
    if not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
        raise InputError(f"{folder / POOLER}: NaN or infinite values")
    return {"pooler/kernel": np.array(kernel.T, order="C"), "pooler/bias": np.array(bias)}


def _with_own_pooling(config: ModelConfig, pooler: bool, extra: dict[str, Any], where: Path) -> ModelConfig:
    values = config.model_dump()
    if pooler:
        values |= {"has_pooler": True, "pooling": "P2"}
    if "pooling" in extra:
        values["pooling"] = extra["pooling"]
    return ModelConfig.from_dict(values, where=str(where))


def _source(folder: Path, values: Mapping[str, Any], tensors: Tensors) -> dict[str, Any]:
    return {
        "format": "Hugging Face folder",
        "name": f"{folder.name}/{tensors.path.name}",
        "architectures": values.get("architectures") or [],
    }
