"""Reading a sentence-transformers folder: a Hugging Face folder and how vectors are made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.huggingface import load_huggingface
from roformer_sim.checkpoints.preset import CONFIG, TOKENIZER, Preset, read_json
from roformer_sim.checkpoints.tensor_files import Tensors
from roformer_sim.models import ModelConfig
from roformer_sim.text import Tokenizer

MODULES, TRANSFORMER_SETTINGS, ENCODE_SETTINGS = (
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
)

_POOLINGS: dict[str, Literal["P1", "P3"]] = {"cls": "P1", "mean": "P3"}
# How versions before 6 say it: one key a kind.
_OLD_POOLINGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_CAN = "Transformer, Pooling (cls or mean), a linear Dense right after cls, and Normalize"


class Module(NamedTuple):
    """One step: ``Transformer``, ``Pooling``, ``Dense`` or ``Normalize``, and where its files are."""

    kind: str
    folder: Path


def load_sentence_transformers(
    folder: str | Path, *, model_type: Literal["roformer", "bert"] | None = None
) -> Preset:
    """Read a sentence-transformers folder, so that ``encode`` gives its vectors.

    Pooling ``cls`` is P1 and ``mean`` P3; a linear ``Dense`` right after ``cls`` is our pooler, and the
    pooling P2. ``metadata["sentence_transformers"]`` keeps ``max_seq_length`` and whether vectors were
    normalised: our ``encode`` does so unless told ``normalize=False``.

    Raises:
        InputError: Another module or pooling, a prompt before every text, or what
            :func:`load_huggingface` refuses.
    """
    folder = Path(folder)
    modules = read_modules(folder)
    transformer, pooling = modules[0].folder, _pooling(modules[1].folder / CONFIG)
    dense = next((module for module in modules if module.kind == "Dense"), None)
    _check_prompt(folder / ENCODE_SETTINGS)
    preset = load_huggingface(transformer, model_type=model_type)
    weights, values = dict(preset.weights), preset.config.model_dump() | {"pooling": _POOLINGS[pooling]}
    if dense is not None:
        if pooling != "cls":
            raise InputError(f"{dense.folder}: a Dense after the pooling {pooling}; {_CAN} are read")
        weights |= _read_dense(dense.folder, preset.config)
        values |= {"has_pooler": True, "pooling": "P2"}
    settings = _transformer_settings(transformer)
    tokenizer = preset.tokenizer
    if settings.get("do_lower_case") and not tokenizer.do_lower_case:
        tokenizer = Tokenizer(tokenizer.vocabulary, do_lower_case=True, words=tokenizer.words)
    found = {
        "max_seq_length": _longest(settings, transformer, preset.config),
        "normalize": modules[-1].kind == "Normalize",
    }
    config = ModelConfig.from_dict(values, where=str(folder))
    metadata = {**preset.metadata, "sentence_transformers": found}
    return Preset(config, tokenizer, weights, metadata)


def read_modules(folder: Path) -> list[Module]:
    """What a text goes through.

    Raises:
        InputError: ``modules.json`` is damaged, leaves the folder, or lists other modules or another order.
    """
    path = folder / MODULES
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        steps = [(str(entry["type"]), str(entry["path"])) for entry in entries]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    modules = []
    for name, place in steps:
        kind = name.rpartition(".")[2]
        if not name.startswith("sentence_transformers.") or kind not in _ORDER:
            raise InputError(f"{path}: the module {name} is not read; only {_CAN} are")
        parts = PurePosixPath(place).parts
        if place.startswith(("/", "\\")) or ".." in parts or ":" in place or "\\" in place:
            raise InputError(f"{path}: the path {place!r} of {kind} leaves the folder; not read")
        modules.append(Module(kind, folder / place))
    kinds = [module.kind for module in modules]
    if kinds[:2] != ["Transformer", "Pooling"] or kinds != sorted(set(kinds), key=_ORDER.index):
        raise InputError(f"{path}: the modules are {', '.join(kinds)}; only {_CAN} are read, in this order")
    return modules


_ORDER = ("Transformer", "Pooling", "Dense", "Normalize")


def _pooling(path: Path) -> str:
    values = read_json(path)
    given = values.get("pooling_mode")
    if given is None:
        given = [mode for key, mode in _OLD_POOLINGS.items() if values.get(key)] or ["mean"]
    modes = [given] if isinstance(given, str) else list(given)
    if len(modes) != 1 or modes[0] not in _POOLINGS:
        raise InputError(f"{path}: pooling {' + '.join(map(str, modes))}; only {_CAN} are read")
    return str(modes[0])


def _read_dense(folder: Path, config: ModelConfig) -> dict[str, np.ndarray]:
    path, hidden = folder / CONFIG, config.hidden_size
    values = read_json(path)
    activation = str(values.get("activation_function", "torch.nn.modules.activation.Tanh"))
    if activation.rpartition(".")[2] != "Identity":
        raise InputError(f"{path}: activation_function is {activation}; our pooler is linear (Identity)")
    if (values.get("in_features"), values.get("out_features")) != (hidden, hidden):
        raise InputError(f"{path}: in_features and out_features must be {hidden}, the width of the network")
    inputs = values.get("module_input_name", "sentence_embedding")
    outputs = values.get("module_output_name") or inputs
    if values.get("use_residual") or (inputs, outputs) != ("sentence_embedding", "sentence_embedding"):
        raise InputError(f"{path}: more than a linear layer on the sentence's vector, which we do not have")
    tensors = Tensors(folder)
    expected = {"linear.weight": (hidden, hidden)}
    if values.get("bias", True):
        expected["linear.bias"] = (hidden,)  # type: ignore[assignment]
    if tensors.shapes() != expected:
        raise InputError(f"{tensors.path}: expected {', '.join(expected)} of width {hidden} and nothing else")
    bias = np.array(tensors.read("linear.bias")) if "linear.bias" in expected else np.zeros(hidden)
    kernel = np.array(tensors.read("linear.weight").T, np.float32, order="C")
    return {"pooler/kernel": kernel, "pooler/bias": bias.astype(np.float32)}


def _transformer_settings(folder: Path) -> dict[str, Any]:
    path = folder / TRANSFORMER_SETTINGS
    return read_json(path) if path.is_file() else {}


def _longest(settings: Mapping[str, Any], folder: Path, config: ModelConfig) -> int | None:
    """Tokens of a text, the special ones included, before it is cut."""
    given = settings.get("max_seq_length")
    if given is None and (folder / TOKENIZER).is_file():
        given = read_json(folder / TOKENIZER).get("model_max_length")
    if not isinstance(given, int):
        return config.max_position_embeddings
    return min(given, config.max_position_embeddings)


def _check_prompt(path: Path) -> None:
    values = read_json(path) if path.is_file() else {}
    name = values.get("default_prompt_name")
    prompts = values.get("prompts") or {}
    if name is not None and prompts.get(name):
        raise InputError(
            f"{path}: default_prompt_name: {prompts[name]!r} is put before every text, which our encode does "
            "not do; put it before your texts and take this key out"
        )
