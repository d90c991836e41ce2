"""transformers reads what we write, and we what it writes."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import FAMILIES, TEXTS, VOCABULARY, random_preset, same_bytes
from recording import record

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import Preset, load_any
from roformer_sim.checkpoints.folders import kind_of
from roformer_sim.conversion import huggingface
from roformer_sim.conversion.convert import convert
from roformer_sim.conversion.outputs import Samples, largest_differences, own_outputs
from roformer_sim.text import Tokenizer

torch = pytest.importorskip("torch", reason="torch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")


@pytest.fixture(autouse=True)
def quiet_and_offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    torch.set_num_threads(1)
    huggingface.quiet_transformers()
    yield


def differences(preset: Preset, folder: Path) -> dict[str, float]:
    samples = Samples.of(preset, TEXTS)
    return largest_differences(own_outputs(preset, samples), huggingface.run(folder, samples))


@pytest.mark.parametrize("family", FAMILIES)
def test_transformers_computes_what_we_do_from_what_we_wrote(family: str, tmp_path: Path) -> None:
    preset = random_preset(**FAMILIES[family])
    folder = tmp_path / "out"
    folder.mkdir()
    huggingface.write(preset, folder)
    found = differences(preset, folder)
    record("huggingface", family, "out", found)
    assert {"hidden", "P1", "P3", "P4"} <= set(found)
    assert ("P2" in found) == preset.config.has_pooler
    assert ("logits" in found and "scores" in found) == preset.config.has_lm_head
    assert max(found.values()) < 2e-5
    again = load_any(folder)
    assert kind_of(folder) == "huggingface"
    assert (again.config, again.metadata) == (preset.config, preset.metadata)
    assert again.tokenizer.vocab == preset.tokenizer.vocab
    assert same_bytes(again, preset)


SIZES: dict[str, Any] = {
    "vocab_size": len(VOCABULARY),
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 40,
    "max_position_embeddings": 48,
}
MODELS: dict[str, dict[str, Any]] = {
    "RoFormerModel": {"embedding_size": 12, "layer_norm_eps": 1e-5},
    "RoFormerForMaskedLM": {"hidden_act": "gelu_new"},
    "BertModel": {"hidden_act": "relu"},
    "BertForMaskedLM": {"layer_norm_eps": 1e-7},
    "BertForPreTraining": {},
}


def random_model(name: str, dtype: Any = torch.float32) -> Any:
    """A transformers model whose every parameter is random, norms and biases included."""
    config = transformers.RoFormerConfig if name.startswith("RoFormer") else transformers.BertConfig
    model = getattr(transformers, name)(config(**SIZES, **MODELS[name]))
    torch.manual_seed(7)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if "embed_positions" not in key:
                centre = 1.0 if "LayerNorm.weight" in key else 0.0
                parameter.copy_(centre + 0.25 * torch.randn_like(parameter))
    return model.to(dtype)


def save(model: Any, folder: Path, form: str) -> Path:
    """As safetensors, shards or a torch file, with BertTokenizer."""
    limits = {"max_shard_size": "5KB"} if form == "shards" else {}
    model.save_pretrained(folder, **limits)
    if form == "torch file":
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
        (folder / "model.safetensors").unlink()
    vocabulary = folder / "tokens.txt"
    vocabulary.write_text("".join(f"{token}\n" for token in VOCABULARY), encoding="utf-8")
    transformers.BertTokenizer(str(vocabulary)).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("name", MODELS)
def test_we_compute_what_transformers_does_from_what_it_wrote(name: str, tmp_path: Path) -> None:
    folder = save(random_model(name), tmp_path / "in", "safetensors")
    preset = load_any(folder)
    found = differences(preset, folder)
    record("huggingface", name, "in", found)
    assert ("P2" in found) == preset.config.has_pooler == (name in ("BertModel", "BertForPreTraining"))
    assert ("logits" in found) == (not name.endswith("Model"))
    assert max(found.values()) < 2e-5


@pytest.mark.parametrize("form", ["shards", "torch file"])
@pytest.mark.parametrize("name", ["RoFormerForMaskedLM", "BertForPreTraining"])
def test_shards_and_torch_files_hold_the_same_weights(name: str, form: str, tmp_path: Path) -> None:
    model = random_model(name)
    wanted = load_any(save(model, tmp_path / "one", "safetensors"))
    folder = save(model, tmp_path / "other", form)
    assert (folder / "model.safetensors.index.json").is_file() == (form == "shards")
    assert same_bytes(load_any(folder), wanted)


@pytest.mark.parametrize("form", ["safetensors", "torch file"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", ["RoFormerForMaskedLM", "BertForPreTraining"])
def test_half_precision_files_give_what_transformers_makes_of_them(
    name: str, dtype: str, form: str, tmp_path: Path
) -> None:
    folder = save(random_model(name, getattr(torch, dtype)), tmp_path / "in", form)
    found = differences(load_any(folder), folder)
    record("huggingface", f"{name}, {dtype}, {form}", "in", found)
    assert max(found.values()) < 2e-5


class Malicious:
    """What runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.system, ("touch owned",)


@pytest.mark.parametrize("archive", [True, False])
def test_code_in_a_torch_file_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, archive: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = save(random_model("BertModel"), tmp_path / "in", "torch file")
    if archive:
        torch.save({"weight": Malicious()}, folder / "pytorch_model.bin")
    else:
        (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Malicious(), protocol=2))
    with pytest.raises(InputError, match=r"pytorch_model.bin: refused: .*never (run|loaded)"):
        load_any(folder)
    assert not (tmp_path / "owned").exists()


def test_a_torch_file_that_is_cut_flipped_or_something_else_is_named(tmp_path: Path) -> None:
    folder = save(random_model("BertModel"), tmp_path / "in", "torch file")
    path = folder / "pytorch_model.bin"
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        largest = max(archive.infolist(), key=lambda entry: entry.file_size)
    flipped = bytearray(whole)
    flipped[largest.header_offset + 200] ^= 4
    for damaged in (bytes(flipped), whole[:-100], whole[: len(whole) // 2], b"", b"PK\x03\x04"):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"pytorch_model.bin: (damaged|refused)"):
            load_any(folder)
    torch.save([torch.zeros(3)], path)
    with pytest.raises(InputError, match="expected tensors by name"):
        load_any(folder)


def written(tmp_path: Path, **changes: Any) -> tuple[Preset, Path]:
    preset = random_preset(**changes)
    huggingface.write(preset, tmp_path)
    return preset, tmp_path


def by_halves(matrix: np.ndarray, heads: int) -> np.ndarray:
    """Columns of each head in the order of a half-split rotary: 0, 2, 4, ... and then 1, 3, 5, ..."""
    shaped = matrix.reshape(*matrix.shape[:-1], heads, -1)
    return np.concatenate([shaped[..., 0::2], shaped[..., 1::2]], axis=-1).reshape(matrix.shape)


def half_split(weights: dict[str, np.ndarray]) -> None:
    for kind in ("kernel", "bias"):
        name = f"block_0/attention/qkv_{kind}"
        query, key, value = np.split(weights[name], 3, axis=-1)
        weights[name] = np.concatenate([by_halves(query, 2), by_halves(key, 2), value], axis=-1)


def swapped_segments(weights: dict[str, np.ndarray]) -> None:
    weights["segment_embedding/embeddings"] = weights["segment_embedding/embeddings"][::-1]


def turned_kernel(weights: dict[str, np.ndarray]) -> None:
    weights["block_1/attention/output/kernel"] = weights["block_1/attention/output/kernel"].T


def lost_pooler(weights: dict[str, np.ndarray]) -> None:
    weights["pooler/kernel"] = np.eye(24, dtype=np.float32)


@pytest.mark.parametrize("mistake", [half_split, swapped_segments, turned_kernel, lost_pooler])
def test_the_check_catches_the_usual_mistakes(
    mistake: Callable[[dict[str, np.ndarray]], None], tmp_path: Path
) -> None:
    preset, folder = written(tmp_path)
    right = differences(preset, folder)
    weights = dict(preset.weights)
    mistake(weights)
    wrong = differences(Preset(preset.config, preset.tokenizer, weights), folder)
    assert max(right.values()) < 2e-5
    assert max(wrong.values()) > 1e-2


def test_the_check_catches_another_epsilon(tmp_path: Path) -> None:
    preset, folder = written(tmp_path, layer_norm_eps=1e-5)
    values = json.loads((folder / "config.json").read_text())
    assert values["layer_norm_eps"] == 1e-5
    assert max(differences(preset, folder).values()) < 2e-5
    (folder / "config.json").write_text(json.dumps(values | {"layer_norm_eps": 1e-2}))
    assert max(differences(preset, folder).values()) > 1e-4
    assert load_any(folder).config.layer_norm_eps == 1e-2


def test_the_check_catches_another_tokenizer(tmp_path: Path) -> None:
    preset, folder = written(tmp_path)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"do_lower_case": False}))
    with pytest.raises(InputError, match="its tokenizer gives 'iPhone 15"):
        huggingface.run(folder, Samples.of(preset, TEXTS))


def test_convert_runs_transformers_on_both_ends(tmp_path: Path) -> None:
    source = save(random_model("RoFormerForMaskedLM"), tmp_path / "in", "safetensors")
    done = convert(source, tmp_path / "out", "huggingface", texts=TEXTS)
    assert done.source.differences is not None and max(done.source.differences.values()) < 2e-5
    assert done.target.differences is not None and "scores" in done.target.differences
    assert same_bytes(load_any(tmp_path / "out"), load_any(source))


def test_narrow_embeddings_of_a_bert_have_no_place_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="narrower ones"):
        huggingface.write(random_preset(model_type="bert", embedding_size=12), tmp_path)


def test_a_word_model_gets_the_tokenizer_that_cuts_words(tmp_path: Path) -> None:
    pytest.importorskip("rjieba", reason="rjieba is not installed, which RoFormerTokenizer needs")
    preset = random_preset(vocab_size=len(VOCABULARY) + 4)
    tokens = [*VOCABULARY, "广州", "深圳", "科学", "技术"]
    preset.tokenizer = Tokenizer(tokens, words=True)
    huggingface.write(preset, tmp_path)
    found = differences(preset, tmp_path)
    record("huggingface", "RoFormer of words", "out", found)
    assert max(found.values()) < 2e-5
    assert load_any(tmp_path).tokenizer.words
    assert transformers.AutoTokenizer.from_pretrained(tmp_path).tokenize(TEXTS[0])[0] == "广州"
    # As most folders on the hub are: transformers' own reading of vocab.txt alone misses the words.
    (tmp_path / "tokenizer.json").unlink()
    assert max(differences(preset, tmp_path).values()) < 2e-5
