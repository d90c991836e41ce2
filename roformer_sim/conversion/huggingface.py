"""Hugging Face folders: written by us, run by transformers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import Preset
from roformer_sim.checkpoints import huggingface_names as names
from roformer_sim.checkpoints.huggingface import EXTRA, POOLER, network_config
from roformer_sim.checkpoints.huggingface_tokenizer import PIPELINE
from roformer_sim.checkpoints.preset import (
    CONFIG,
    TOKENIZER,
    VOCABULARY,
    WEIGHTS,
    read_json,
    write_json,
    write_safetensors,
)
from roformer_sim.checkpoints.tensor_files import CHECKSUM, checksum
from roformer_sim.conversion.outputs import WRITTEN, Outputs, Samples
from roformer_sim.models import ModelConfig
from roformer_sim.text import SPECIAL_TOKENS, Vocabulary

_OUR_KEYS = {"pooling", "has_pooler", "has_lm_head"}
_CLASSES = {"roformer": "RoFormer", "bert": "Bert"}


def write(preset: Preset, folder: Path) -> None:
    """Write what ``AutoModel`` and ``AutoTokenizer`` load without code of ours.

    ``RoFormerForMaskedLM`` or ``BertForMaskedLM``, or the encoder alone where there is no language-model
    head. transformers' RoFormer has no pooler: ours goes into a file beside it,
    ``roformer_sim_pooler.safetensors``. ``roformer_sim.json`` keeps what their files have no place for.
    """
    config = preset.config
    write_json(folder / CONFIG, configuration(config))
    tensors = encoder_tensors(preset.weights, config)
    write_tensors(folder / WEIGHTS, tensors)
    if config.has_pooler and config.model_type == "roformer":
        write_tensors(folder / POOLER, pooler_tensors(preset.weights))
    write_tokenizer(preset, folder)


def configuration(config: ModelConfig) -> dict[str, Any]:
    """transformers' ``config.json``."""
    values = config.model_dump(exclude=_OUR_KEYS)
    if config.lm_hidden_act or config.lm_layer_norm_eps:
        raise InputError(
            "the language-model head has an activation or epsilon of its own (Keras Hub's), which "
            "transformers' has not; only networks without it can be written"
        )
    name = _CLASSES[config.model_type] + ("ForMaskedLM" if config.has_lm_head else "Model")
    if config.model_type == "roformer":
        values["rotary_value"] = False
    elif values.pop("embedding_size") != config.hidden_size:
        raise InputError(
            f"transformers' BERT has embeddings as wide as its hidden states ({config.hidden_size}), this "
            f"network narrower ones ({config.embedding_size}), which only its RoFormer has"
        )
    return {"architectures": [name], **values, "tie_word_embeddings": True, "torch_dtype": "float32"}


def encoder_tensors(weights: Mapping[str, np.ndarray], config: ModelConfig) -> dict[str, np.ndarray]:
    """transformers' tensors by their full names; a RoFormer's pooler is not among them."""
    tensors: dict[str, np.ndarray] = {}
    for ours, theirs in names.parts(config).items():
        if config.model_type == "roformer" and ours.startswith("pooler/"):
            continue
        for name, array in zip(theirs, np.split(weights[ours], len(theirs), axis=-1), strict=True):
            turned = array.T if names.is_turned(name) else array
            tensors[names.full_name(name, config)] = np.ascontiguousarray(turned, np.float32)
    if config.model_type == "roformer":
        # transformers before version 5 reads it; later ones compute it.
        tensors[names.full_name(names.POSITION_TABLE, config)] = names.position_table(config)
    return tensors


def pooler_tensors(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The pooler as a torch layer."""
    kernel = np.ascontiguousarray(weights["pooler/kernel"].T, np.float32)
    return {"pooler.dense.weight": kernel, "pooler.dense.bias": np.array(weights["pooler/bias"], np.float32)}


def write_tokenizer(preset: Preset, folder: Path, **settings: Any) -> None:
    """Vocabulary, the tokenizer's settings for transformers, and ours with the metadata."""
    tokenizer = preset.tokenizer
    tokenizer.save(folder / VOCABULARY)
    name = "RoFormerTokenizer" if tokenizer.words else "BertTokenizer"
    special = ("pad", "unk", "cls", "sep", "mask")
    write_json(
        folder / TOKENIZER,
        {
            "tokenizer_class": name,
            "do_lower_case": tokenizer.do_lower_case,
            "strip_accents": None,
            "tokenize_chinese_chars": True,
            "model_max_length": preset.config.max_position_embeddings,
            **{f"{token}_token": f"[{token.upper()}]" for token in special},
            **settings,
        },
    )
    if tokenizer.words:
        _write_pipeline(preset, folder)
    own = {"do_lower_case": tokenizer.do_lower_case, "words": tokenizer.words}
    extra = {"pooling": preset.config.pooling, "tokenizer": own, "metadata": preset.metadata}
    write_json(folder / EXTRA, extra)


def _write_pipeline(preset: Preset, folder: Path) -> None:
    """``tokenizer.json`` of a word model: without it transformers 5 finds no word and cuts characters.

    It takes the vocabulary from this file and puts jieba in the place of the pre-tokenizer.
    """
    from tokenizers import AddedToken, Tokenizer, normalizers, pre_tokenizers, processors
    from tokenizers.models import WordPiece

    ours = preset.tokenizer
    pipeline = Tokenizer(WordPiece(ours.vocabulary.ids, unk_token="[UNK]"))
    pipeline.normalizer = normalizers.BertNormalizer(handle_chinese_chars=False, lowercase=ours.do_lower_case)
    pipeline.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    pipeline.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", ours.cls_id), ("[SEP]", ours.sep_id)],
    )
    pipeline.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in SPECIAL_TOKENS])
    pipeline.save(str(folder / PIPELINE))


def write_tensors(path: Path, tensors: dict[str, np.ndarray]) -> None:
    """A safetensors file as torch's tools read it, each tensor's CRC-32 in its header."""
    sums = {CHECKSUM + name: checksum(array.data.cast("B")) for name, array in tensors.items()}
    write_safetensors(path, tensors, {"format": "pt", **sums})


def run(folder: Path, samples: Samples) -> Outputs:
    """What transformers gives: its tokens, hidden states, vectors, logits, and UniLM scores under our mask.

    Raises:
        InputError: Its tokenizer cuts a sample otherwise than ours.
    """
    import torch
    import transformers

    quiet_transformers()
    model, pooler = _load(torch, transformers, folder)
    tokenizer = _tokenizer(transformers, folder)
    check_tokens(samples, tokenizer)
    encoder = getattr(model, model.base_model_prefix, model)
    parts: dict[str, list[np.ndarray]] = {}
    with torch.no_grad():
        for row in samples.rows:
            for kind, values in _of_row(torch, model, encoder, pooler, row).items():
                parts.setdefault(kind, []).append(values)
        if hasattr(model, "cls"):
            parts["scores"] = [
                _written(torch, model, encoder, row, targets)
                for row, targets in zip(samples.rows, samples.targets, strict=True)
            ]
    return {kind: np.concatenate(values) for kind, values in parts.items()}


def _tokenizer(transformers: Any, folder: Path) -> Any:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    if isinstance(tokenizer, transformers.RoFormerTokenizer) and not (folder / PIPELINE).is_file():
        # Version 5.23 then looks for words in the name of the vocabulary's file, and finds none.
        ids = Vocabulary.from_file(folder / VOCABULARY).ids
        return transformers.RoFormerTokenizer(
            vocab=ids, do_lower_case=tokenizer.init_kwargs.get("do_lower_case", True)
        )
    return tokenizer


def check_tokens(samples: Samples, tokenizer: Any) -> None:
    """Refuse a transformers tokenizer that cuts a text otherwise than ours.

    Raises:
        InputError: A text has other ids.
    """
    limit = max(map(len, samples.rows))
    found = tokenizer(list(samples.texts), truncation=True, max_length=limit)["input_ids"]
    for text, row, ids in zip(samples.texts, samples.rows, found, strict=True):
        if list(ids) != row.tolist():
            raise InputError(f"its tokenizer gives {text!r} the ids {list(ids)}, ours {row.tolist()}")


def _of_row(torch: Any, model: Any, encoder: Any, pooler: Any, row: np.ndarray) -> dict[str, np.ndarray]:
    ids = torch.from_numpy(row)[None]
    states = encoder(ids, output_hidden_states=True).hidden_states
    first, last = states[1][0], states[-1][0]
    found = {"hidden": last, "P1": last[:1], "P3": last.mean(0)[None]}
    found["P4"] = ((first + last) / 2).mean(0)[None]
    if pooler is not None:
        found["P2"] = pooler(last[:1])
    if hasattr(model, "cls"):
        found["logits"] = model.cls.predictions(last)
    return {kind: tensor.numpy() for kind, tensor in found.items()}


def _written(torch: Any, model: Any, encoder: Any, row: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Scores after the source and after each target token: (WRITTEN + 1, vocabulary).

    The mask is UniLM's: every token sees the source, and of the target what stands before it and itself.
    """
    ids = np.concatenate([row, targets])
    segments = np.repeat([0, 1], [len(row), len(targets)])
    seen = np.arange(len(ids))[None, :] <= np.maximum(np.arange(len(ids)), len(row) - 1)[:, None]
    mask = torch.where(torch.from_numpy(seen), 0.0, torch.finfo(torch.float32).min)[None, None]
    states = encoder(
        torch.from_numpy(ids)[None], attention_mask=mask, token_type_ids=torch.from_numpy(segments)[None]
    ).last_hidden_state
    return np.asarray(model.cls.predictions(states[0, -WRITTEN - 1 :]).numpy())


def _load(torch: Any, transformers: Any, folder: Path) -> tuple[Any, Any]:
    """The model, and its pooler's linear layer, which for a RoFormer lies beside it."""
    values = read_json(folder / CONFIG)
    architectures = values.get("architectures") or []
    kind, has_head = _CLASSES[values["model_type"]], any("Model" not in name for name in architectures)
    # BertForPreTraining is BertForMaskedLM with the pooler.
    name = kind + ("Model" if not has_head else {"Bert": "ForPreTraining"}.get(kind, "ForMaskedLM"))
    # Its own arithmetic, without fused kernels, takes masks of any form.
    options = {"attn_implementation": "eager", "output_loading_info": True}
    model, loading = getattr(transformers, name).from_pretrained(folder, **options)
    half = model.dtype != torch.float32
    model = model.eval().float()
    if half and kind == "RoFormer":
        # Such a file has its sines and cosines rounded, too; ours are computed, and so are these then.
        config = network_config(values, folder / CONFIG, has_pooler=False)
        angles = getattr(model, model.base_model_prefix, model).encoder.embed_positions
        angles.weight.data.copy_(torch.from_numpy(names.position_table(config)))
    missing = {key for key in loading["missing_keys"] if "pooler" in key}
    encoder = getattr(model, model.base_model_prefix, model)
    if getattr(encoder, "pooler", None) is not None and not missing:
        return model, encoder.pooler.dense
    if not (folder / POOLER).is_file():
        return model, None
    from safetensors.torch import load_file

    layer = load_file(folder / POOLER)
    functional = torch.nn.functional
    return model, lambda x: functional.linear(x, layer["pooler.dense.weight"], layer["pooler.dense.bias"])


def quiet_transformers() -> None:
    """No notes, no progress bars."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
