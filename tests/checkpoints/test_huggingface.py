"""Hugging Face folders, written here by hand from transformers' documented names."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from huggingface_folder import random_tensors
from published_checkpoint import HIDDEN, POSITIONS, SIZE
from safetensors.numpy import save_file

from corpus_builder.errors import InputError
from roformer_sim import RoFormerSim
from roformer_sim.checkpoints import Preset, load_any, save_preset
from roformer_sim.checkpoints.folders import kind_of
from roformer_sim.checkpoints.preset import is_preset
from roformer_sim.conversion.huggingface import write

Folder = Callable[..., Path]


@pytest.mark.parametrize("width", [HIDDEN, 4])
def test_a_roformer_is_read_into_our_names(transformers_folder: Folder, width: int) -> None:
    tensors = random_tensors("roformer", width)
    preset = load_any(transformers_folder(tensors, embedding_size=width))
    kernel = preset.weights["block_1/attention/qkv_kernel"]
    for place, part in enumerate(("query", "key", "value")):
        theirs = tensors[f"roformer.encoder.layer.1.attention.self.{part}.weight"]
        np.testing.assert_array_equal(kernel[:, place * HIDDEN : (place + 1) * HIDDEN], theirs.T)
    np.testing.assert_array_equal(
        preset.weights["block_0/output/kernel"], tensors["roformer.encoder.layer.0.output.dense.weight"].T
    )
    np.testing.assert_array_equal(
        preset.weights["token_embedding/embeddings"], tensors["roformer.embeddings.word_embeddings.weight"]
    )
    np.testing.assert_array_equal(preset.weights["lm_bias"], tensors["cls.predictions.bias"])
    assert ("embedding_mapping/kernel" in preset.weights) == (width != HIDDEN)
    assert not preset.config.has_pooler  # transformers' class has none
    assert preset.config.pooling == "P1"
    assert preset.config.has_lm_head


def test_berts_pooler_becomes_p2_without_its_tanh(transformers_folder: Folder) -> None:
    tensors = random_tensors("bert")
    model = RoFormerSim.from_preset(transformers_folder(tensors, "bert"))
    first = model.encode(["广州好"], pooling="P1", normalize=False, maxlen=12)
    wanted = first @ tensors["bert.pooler.dense.weight"].T + tensors["bert.pooler.dense.bias"]
    found = model.encode(["广州好"], pooling="P2", normalize=False, maxlen=12)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_bert_without_pooler_gets_none(transformers_folder: Folder) -> None:
    tensors = {k: v for k, v in random_tensors("bert").items() if "pooler" not in k}
    preset = load_any(transformers_folder(tensors, "bert"))
    assert not preset.config.has_pooler
    assert "pooler/kernel" not in preset.weights


def test_an_encoder_alone_has_names_without_prefix_and_old_norms_other_endings(
    transformers_folder: Folder,
) -> None:
    whole = random_tensors("bert")
    alone = {
        name.removeprefix("bert.")
        .replace("LayerNorm.weight", "LayerNorm.gamma")
        .replace("LayerNorm.bias", "LayerNorm.beta"): array
        for name, array in whole.items()
        if not name.startswith("cls.")
    } | {"embeddings.position_ids": np.arange(POSITIONS)[None]}
    preset = load_any(transformers_folder(alone, "bert", architectures=["BertModel"]))
    assert not preset.config.has_lm_head
    np.testing.assert_array_equal(
        preset.weights["block_1/output_norm/gamma"], whole["bert.encoder.layer.1.output.LayerNorm.weight"]
    )


@pytest.mark.parametrize("epsilon", [1e-12, 1e-7, 1e-5])
def test_the_norms_epsilon_is_the_configurations(transformers_folder: Folder, epsilon: float) -> None:
    folder = transformers_folder(random_tensors("roformer"), layer_norm_eps=epsilon)
    assert load_any(folder).config.layer_norm_eps == epsilon


def test_an_epsilon_that_is_not_said_is_transformers_not_ours(transformers_folder: Folder) -> None:
    folder = transformers_folder(random_tensors("roformer"))
    values = json.loads((folder / "config.json").read_text())
    del values["layer_norm_eps"]
    (folder / "config.json").write_text(json.dumps(values))
    assert load_any(folder).config.layer_norm_eps == 1e-12


def test_half_precision_is_read_as_float32(transformers_folder: Folder) -> None:
    tensors = {name: array.astype(np.float16) for name, array in random_tensors("roformer").items()}
    weights = load_any(transformers_folder(tensors)).weights
    assert {array.dtype.name for array in weights.values()} == {"float32"}
    wanted = tensors["cls.predictions.bias"].astype(np.float32)
    np.testing.assert_array_equal(weights["lm_bias"], wanted)


def test_bfloat16_is_the_upper_half_of_float32(transformers_folder: Folder) -> None:
    tensors = random_tensors("roformer")
    folder = transformers_folder(tensors)
    bias = tensors["cls.predictions.bias"]
    upper = (bias.view(np.uint32) >> 16).astype(np.uint16)
    write_bfloat16(folder / "model.safetensors", {**tensors, "cls.predictions.bias": upper})
    wanted = (upper.astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_array_equal(load_any(folder).weights["lm_bias"], wanted)


def write_bfloat16(path: Path, tensors: dict[str, np.ndarray]) -> None:
    """A safetensors file in which uint16 arrays stand as bfloat16: length, header, data."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, array in tensors.items():
        kind = "BF16" if array.dtype == np.uint16 else "F32"
        places = [len(data), len(data) + array.nbytes]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": places}
        data += array.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rotary_value": True}, "rotary_value is True"),
        ({"is_decoder": True}, "is_decoder is True"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type is 'relative_key'"),
        ({"hidden_act": "swish"}, "hidden_act: 'swish'"),
        ({"model_type": "distilbert"}, "model_type is 'distilbert'"),
        ({"architectures": ["BertForSequenceClassification"]}, "BertForSequenceClassification is not read"),
        ({"intermediate_size": 24}, "has shape .* config.json asks for"),
    ],
)
def test_other_networks_are_refused(transformers_folder: Folder, changes: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_any(transformers_folder(random_tensors("roformer"), **changes))


def test_a_missing_an_unknown_and_an_infinite_tensor_are_named(transformers_folder: Folder) -> None:
    folder = transformers_folder(random_tensors("roformer"))
    tensors = random_tensors("roformer")
    name = "roformer.encoder.layer.0.output.dense.bias"
    wrong = {
        "output.dense.bias .* is missing": {k: v for k, v in tensors.items() if k != name},
        "classifier.weight has no place": {**tensors, "classifier.weight": np.zeros((2, 2), np.float32)},
        f"{name} holds NaN": {**tensors, name: np.full(HIDDEN, np.nan, np.float32)},
        "are the same tensor twice": {**tensors, name.removeprefix("roformer."): tensors[name]},
        r"transform.LayerNorm.weight .* is missing": {
            k: v for k, v in tensors.items() if k != "cls.predictions.transform.LayerNorm.weight"
        },
    }
    for message, held in wrong.items():
        save_file(held, folder / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(InputError, match=f"model.safetensors: .*{message}"):
            load_any(folder)


def test_a_head_may_name_the_tied_table_but_not_have_its_own(transformers_folder: Folder) -> None:
    tensors = random_tensors("roformer")
    table = tensors["roformer.embeddings.word_embeddings.weight"]
    bias = tensors.pop("cls.predictions.bias")
    tensors |= {"cls.predictions.decoder.weight": table, "cls.predictions.decoder.bias": bias}
    folder = transformers_folder(tensors)
    np.testing.assert_array_equal(load_any(folder).weights["lm_bias"], bias)
    for name in ("cls.predictions.decoder.weight", "cls.predictions.bias"):
        other = tensors | {name: np.ones_like(table if name.endswith("weight") else bias)}
        save_file(other, folder / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(InputError, match="not tied to the embeddings"):
            load_any(folder)


def test_the_table_of_angles_must_be_the_standard_one(transformers_folder: Folder) -> None:
    head = HIDDEN // 2
    rates = 10000.0 ** (-np.arange(0, head, 2) / head)
    angles = np.arange(POSITIONS)[:, None] * rates
    standard = np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)
    name = "roformer.encoder.embed_positions.weight"
    folder = transformers_folder({**random_tensors("roformer"), name: standard})
    assert load_any(folder).config.model_type == "roformer"
    mixed = np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(POSITIONS, head).astype(np.float32)
    save_file({**random_tensors("roformer"), name: mixed}, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match="not RoFormer's table of sines and cosines"):
        load_any(folder)


def test_ours_is_never_taken_for_theirs_nor_theirs_for_ours(
    transformers_folder: Folder, tmp_path: Path
) -> None:
    theirs = transformers_folder(random_tensors("roformer"))
    assert not is_preset(theirs)
    assert kind_of(theirs) == "huggingface"
    save_preset(tmp_path / "ours", load_any(theirs))
    assert is_preset(tmp_path / "ours")
    assert kind_of(tmp_path / "ours") == "preset"
    # The weights alone damaged: still what it was, and the error is that kind's.
    for folder, kind in ((theirs, "huggingface"), (tmp_path / "ours", "preset")):
        whole = (folder / "model.safetensors").read_bytes()
        (folder / "model.safetensors").write_bytes(b"\xff" * 8 + whole[8:])
        assert kind_of(folder) == kind
        with pytest.raises(InputError, match=r"model.safetensors: not a complete safetensors file"):
            load_any(folder)


def test_what_we_write_comes_back_bitwise_with_pooler_and_metadata(
    transformers_folder: Folder, tmp_path: Path
) -> None:
    preset = with_pooler(load_any(transformers_folder(random_tensors("roformer"), layer_norm_eps=1e-7)))
    (tmp_path / "out").mkdir()
    write(preset, tmp_path / "out")
    assert kind_of(tmp_path / "out") == "huggingface"
    again = load_any(tmp_path / "out")
    assert again.config == preset.config
    assert again.config.pooling == "P2"
    assert again.metadata == {"made_by": "tests"}
    assert {k: v.tobytes() for k, v in again.weights.items()} == {
        k: np.ascontiguousarray(v).tobytes() for k, v in preset.weights.items()
    }


def with_pooler(preset: Preset) -> Preset:
    """The preset with a pooler of random numbers."""
    rng = np.random.default_rng(5)
    pooler = {
        "pooler/kernel": rng.standard_normal((HIDDEN, HIDDEN)).astype(np.float32),
        "pooler/bias": rng.standard_normal(HIDDEN).astype(np.float32),
    }
    config = preset.config.model_copy(update={"has_pooler": True, "pooling": "P2"})
    return Preset(config, preset.tokenizer, dict(preset.weights) | pooler, {"made_by": "tests"})


@pytest.mark.parametrize("name", ["model.safetensors", "roformer_sim_pooler.safetensors"])
def test_every_flipped_bit_of_what_we_wrote_is_found(
    transformers_folder: Folder, tmp_path: Path, name: str
) -> None:
    preset = with_pooler(load_any(transformers_folder(random_tensors("roformer"))))
    (tmp_path / "out").mkdir()
    write(preset, tmp_path / "out")
    path = tmp_path / "out" / name
    whole = path.read_bytes()
    for place in (len(whole) - 1, len(whole) - 3, len(whole) // 2 + 3000 * (name == "model.safetensors")):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        path.write_bytes(bytes(damaged))
        with pytest.raises(InputError, match=name):
            load_any(tmp_path / "out")
    path.write_bytes(whole[:-5])
    with pytest.raises(InputError, match=f"{name}: not a complete safetensors file"):
        load_any(tmp_path / "out")


def write_shards(folder: Path, tensors: dict[str, np.ndarray]) -> dict[str, str]:
    """Two files and their index; returns the index's map."""
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    halves = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for file, held in halves.items():
        save_file({name: tensors[name] for name in held}, folder / file, metadata={"format": "pt"})
    places = {name: file for file, held in halves.items() for name in held}
    index = {"metadata": {"total_size": 1}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return places


def test_shards_are_one_network(transformers_folder: Folder) -> None:
    tensors = random_tensors("bert")
    folder = transformers_folder(tensors, "bert")
    wanted = load_any(folder).weights
    write_shards(folder, tensors)
    found = load_any(folder).weights
    assert {k: v.tobytes() for k, v in found.items()} == {k: v.tobytes() for k, v in wanted.items()}


@pytest.mark.parametrize("place", ["../model.safetensors", "/etc/passwd", "..", "a\\b", 7])
def test_an_index_does_not_leave_its_folder(transformers_folder: Folder, place: object) -> None:
    tensors = random_tensors("bert")
    folder = transformers_folder(tensors, "bert")
    shutil.copy(folder / "model.safetensors", folder.parent)
    places = write_shards(folder, tensors)
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {**places, "cls.predictions.bias": place}})
    )
    with pytest.raises(InputError, match="does not lie in this folder"):
        load_any(folder)


def test_shards_hold_what_the_index_says(transformers_folder: Folder) -> None:
    tensors = random_tensors("bert")
    folder = transformers_folder(tensors, "bert")
    places = write_shards(folder, tensors)
    del places["cls.predictions.bias"]
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    with pytest.raises(InputError, match=r"unknown to the index, the tensor cls.predictions.bias"):
        load_any(folder)
    for path in folder.glob("*-00002.safetensors"):
        path.unlink()
    with pytest.raises(InputError, match="safetensors: no such file"):
        load_any(folder)


def test_the_vocabulary_may_be_in_the_tokenizers_own_file(transformers_folder: Folder) -> None:
    folder = transformers_folder(random_tensors("roformer"))
    tokens = (folder / "vocab.txt").read_text().split()
    (folder / "vocab.txt").unlink()
    pipeline = {
        "added_tokens": [{"id": 0, "content": "[PAD]"}],
        "normalizer": {"type": "BertNormalizer", "lowercase": True},
        "model": {"type": "WordPiece", "vocab": {token: i for i, token in enumerate(tokens)}},
    }
    (folder / "tokenizer.json").write_text(json.dumps(pipeline))
    assert load_any(folder).tokenizer.vocab == tokens
    assert len(tokens) == SIZE


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tokenizer_class": "BertJapaneseTokenizer"}, "tokenizer_class is 'BertJapaneseTokenizer'"),
        ({"cls_token": "<s>"}, "cls_token is '<s>'"),
        ({"tokenize_chinese_chars": False}, "tokenize_chinese_chars is false"),
        ({"do_lower_case": "yes"}, "do_lower_case: 'yes'"),
    ],
)
def test_other_tokenizers_are_refused(transformers_folder: Folder, settings: dict, message: str) -> None:
    folder = transformers_folder(random_tensors("roformer"))
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(InputError, match=message):
        load_any(folder)


def test_its_class_says_whether_words_are_cut(transformers_folder: Folder) -> None:
    folder = transformers_folder(random_tensors("roformer"))
    lines = (folder / "vocab.txt").read_text().split()
    (folder / "vocab.txt").write_text("\n".join([*lines[:5], "广州", "深圳", *lines[7:]]) + "\n")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "RoFormerTokenizer"}')
    assert load_any(folder).tokenizer.words
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')
    with pytest.warns(UserWarning, match="the vocabulary has words"):
        assert not load_any(folder).tokenizer.words


def test_a_folder_without_weights_says_what_could_be_there(transformers_folder: Folder) -> None:
    folder = transformers_folder(random_tensors("roformer"))
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"no weights: neither model.safetensors nor"):
        load_any(folder)
