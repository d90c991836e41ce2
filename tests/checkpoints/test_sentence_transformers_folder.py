"""sentence-transformers folders of both layouts, written here by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_folder import random_tensors
from published_checkpoint import HIDDEN, POSITIONS
from safetensors.numpy import save_file

from corpus_builder.errors import InputError
from roformer_sim import RoFormerSim
from roformer_sim.checkpoints import load_any
from roformer_sim.checkpoints.folders import kind_of

Folder = Callable[..., Path]

NEW = {
    "Transformer": "sentence_transformers.base.modules.transformer.Transformer",
    "Pooling": "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
    "Dense": "sentence_transformers.base.modules.dense.Dense",
    "Normalize": "sentence_transformers.base.modules.normalize.Normalize",
}
IDENTITY = "torch.nn.modules.linear.Identity"


def write_json(path: Path, values: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(values))


def make(folder: Path, *kinds: str, pooling: str = "cls", **dense: Any) -> Path:
    """Add the modules of version 6 to a Hugging Face folder."""
    modules = []
    for i, kind in enumerate(kinds):
        place = "" if i == 0 else f"{i}_{kind}"
        modules.append({"idx": i, "name": str(i), "path": place, "type": NEW.get(kind, kind)})
    write_json(folder / "modules.json", modules)
    write_json(folder / "sentence_bert_config.json", {"transformer_task": "feature-extraction"})
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 10}
    write_json(folder / "tokenizer_config.json", settings)
    write_json(folder / "1_Pooling" / "config.json", {"embedding_dimension": HIDDEN, "pooling_mode": pooling})
    if "Dense" in kinds:
        place = folder / f"{kinds.index('Dense')}_Dense"
        values = {
            "in_features": HIDDEN,
            "out_features": HIDDEN,
            "bias": True,
            "activation_function": IDENTITY,
        }
        write_json(place / "config.json", values | dense)
        rng = np.random.default_rng(4)
        layer = {"linear.weight": rng.standard_normal((HIDDEN, HIDDEN)), "linear.bias": np.arange(HIDDEN)}
        save_file({k: v.astype(np.float32) for k, v in layer.items()}, place / "model.safetensors")
    return folder


@pytest.fixture
def transformer(transformers_folder: Folder) -> Path:
    return transformers_folder(random_tensors("roformer"))


@pytest.mark.parametrize(("mode", "pooling"), [("cls", "P1"), ("mean", "P3")])
def test_the_pooling_is_recovered(transformer: Path, mode: str, pooling: str) -> None:
    folder = make(transformer, "Transformer", "Pooling", pooling=mode)
    assert kind_of(folder) == "sentence-transformers"
    preset = load_any(folder)
    assert preset.config.pooling == pooling
    assert preset.metadata["sentence_transformers"] == {"max_seq_length": 10, "normalize": False}


def test_a_linear_dense_on_cls_is_our_pooler(transformer: Path) -> None:
    folder = make(transformer, "Transformer", "Pooling", "Dense", "Normalize")
    model = RoFormerSim.from_preset(folder)
    assert model.config.pooling == "P2"
    assert model.metadata["sentence_transformers"]["normalize"]
    kernel = np.random.default_rng(4).standard_normal((HIDDEN, HIDDEN)).astype(np.float32)
    wanted = model.encode("广州", pooling="P1", normalize=False) @ kernel.T + np.arange(HIDDEN)
    np.testing.assert_allclose(model.encode("广州", normalize=False), wanted, atol=1e-4)


def test_the_old_layout_has_the_network_in_a_folder_of_its_own(transformer: Path, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    transformer.rename(folder / "0_Transformer")
    types = ("Transformer", "Pooling", "Normalize")
    write_json(
        folder / "modules.json",
        [
            {"idx": i, "name": str(i), "path": f"{i}_{kind}", "type": f"sentence_transformers.models.{kind}"}
            for i, kind in enumerate(types)
        ],
    )
    settings = {"max_seq_length": 9, "do_lower_case": False}
    write_json(folder / "0_Transformer" / "sentence_bert_config.json", settings)
    keys = {"word_embedding_dimension": HIDDEN, "pooling_mode_cls_token": False}
    write_json(folder / "1_Pooling" / "config.json", keys | {"pooling_mode_mean_tokens": True})
    preset = load_any(folder)
    assert preset.config.pooling == "P3"
    assert preset.metadata["sentence_transformers"] == {"max_seq_length": 9, "normalize": True}


def test_its_own_lower_casing_counts(transformer: Path) -> None:
    folder = make(transformer, "Transformer", "Pooling")
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": False}
    write_json(folder / "tokenizer_config.json", settings)
    assert not load_any(folder).tokenizer.do_lower_case
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": POSITIONS, "do_lower_case": True})
    assert load_any(folder).tokenizer.do_lower_case


@pytest.mark.parametrize(
    ("kinds", "settings", "message"),
    [
        (("Transformer", "Pooling"), {"pooling": "max"}, "1_Pooling/config.json: pooling max"),
        (("Transformer", "Pooling", "Dense"), {"pooling": "mean"}, "a Dense after the pooling mean"),
        (
            ("Transformer", "Pooling", "Dense"),
            {"activation_function": "torch.nn.modules.activation.Tanh"},
            "our pooler is linear",
        ),
        (("Transformer", "Pooling", "Dense"), {"out_features": 4}, "out_features must be 8"),
        (("Transformer", "Pooling", "Dense"), {"use_residual": True}, "more than a linear layer"),
        (("Transformer", "Pooling", "Normalize", "Dense"), {}, "in this order"),
        (("Pooling", "Transformer"), {}, "in this order"),
        (("Transformer", "Pooling", "sentence_transformers.models.LSTM"), {}, "LSTM is not read"),
        (("Transformer", "Pooling", "os.Normalize"), {}, "os.Normalize is not read"),
    ],
)
def test_other_modules_are_refused(
    transformer: Path, kinds: tuple[str, ...], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        load_any(make(transformer, *kinds, **settings))


@pytest.mark.parametrize("place", ["../1_Pooling", "/1_Pooling", "a/../../b", "..\\x", "C:x"])
def test_a_module_does_not_leave_the_folder(transformer: Path, place: str) -> None:
    folder = make(transformer, "Transformer", "Pooling")
    modules = json.loads((folder / "modules.json").read_text())
    modules[1]["path"] = place
    write_json(folder / "modules.json", modules)
    with pytest.raises(InputError, match=r"modules.json: the path .* leaves the folder"):
        load_any(folder)


def test_a_prompt_before_every_text_is_refused(transformer: Path) -> None:
    folder = make(transformer, "Transformer", "Pooling")
    settings: dict[str, Any] = {"prompts": {"query": "查询：", "empty": ""}, "default_prompt_name": None}
    write_json(folder / "config_sentence_transformers.json", settings)
    assert load_any(folder).config.pooling == "P1"
    settings["default_prompt_name"] = "query"
    write_json(folder / "config_sentence_transformers.json", settings)
    with pytest.raises(InputError, match="'查询：' is put before every text"):
        load_any(folder)
