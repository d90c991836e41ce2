"""Writing bert4keras folders: nothing is lost, and what bert4keras would compute otherwise is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from published_checkpoint import published_shapes, random_variables

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import Preset, load_any
from roformer_sim.checkpoints.tensor_bundle import TensorBundle
from roformer_sim.conversion.convert import convert
from roformer_sim.text import Tokenizer

Published = Callable[..., Path]


@pytest.fixture
def preset(published: Published) -> Preset:
    return load_any(published(random_variables("roformer")))


def written(preset: Preset, folder: Path) -> Path:
    from roformer_sim.conversion.bert4keras import write

    folder.mkdir()
    write(preset, folder)
    return folder


@pytest.mark.parametrize(("model_type", "width"), [("roformer", 8), ("bert", 8), ("bert", 4)])
def test_the_files_are_those_upstream_publishes(
    published: Published, tmp_path: Path, model_type: str, width: int
) -> None:
    variables = random_variables(model_type, width)
    folder = written(load_any(published(variables, embedding_size=width)), tmp_path / "out")
    assert sorted(path.name for path in folder.iterdir()) == [
        "bert_config.json",
        "bert_model.ckpt.data-00000-of-00001",
        "bert_model.ckpt.index",
        "roformer_sim.json",
        "vocab.txt",
    ]
    bundle = TensorBundle(folder / "bert_model.ckpt")
    found = {name: entry.shape for name, entry in bundle.entries.items()}
    assert found == published_shapes(model_type, width)
    assert all(np.array_equal(bundle.read(name), values) for name, values in variables.items())
    assert json.loads((folder / "bert_config.json").read_text())["embedding_size"] == width


@pytest.mark.parametrize("change", [{"pooling": "P3"}, {"hidden_act": "relu"}, {"hidden_dropout_prob": 0.2}])
def test_there_and_back_keeps_everything(preset: Preset, tmp_path: Path, change: dict[str, object]) -> None:
    cased = Tokenizer(preset.tokenizer.vocab, do_lower_case=False, words=True)
    before = replace(
        preset, config=preset.config.model_copy(update=change), tokenizer=cased, metadata={"steps": 7}
    )
    after = load_any(written(before, tmp_path / "out"))
    assert after.config == before.config
    assert (after.tokenizer.vocab, after.tokenizer.do_lower_case, after.tokenizer.words) == (
        cased.vocab,
        False,
        True,
    )
    assert after.metadata["steps"] == 7
    assert {name: values.tobytes() for name, values in after.weights.items()} == {
        name: values.tobytes() for name, values in before.weights.items()
    }


def test_heads_that_are_absent_stay_absent(published: Published, tmp_path: Path) -> None:
    variables = random_variables("bert")
    encoder = {name: a for name, a in variables.items() if not name.startswith(("cls", "bert/pooler"))}
    config = load_any(written(load_any(published(encoder)), tmp_path / "out")).config
    assert (config.has_pooler, config.has_lm_head) == (False, False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_act": "gelu_new"}, "knows no gelu_new"),
        ({"pad_token_id": 3}, "takes token 0 for padding"),
        ({"layer_norm_eps": 1e-5}, "computes roformer with 1e-07: its results would be others"),
    ],
)
def test_what_bert4keras_would_compute_otherwise_is_refused(
    preset: Preset, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    other = replace(preset, config=preset.config.model_copy(update=change))
    with pytest.raises(InputError, match=message):
        written(other, tmp_path / "out")


def test_an_epsilon_that_does_not_show_is_told_and_kept(preset: Preset, tmp_path: Path) -> None:
    google = replace(preset, config=preset.config.model_copy(update={"layer_norm_eps": 1e-12}))
    with pytest.warns(UserWarning, match="layer_norm_eps is 1e-12"):
        folder = written(google, tmp_path / "out")
    assert load_any(folder).config.layer_norm_eps == 1e-12


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read"),
        ('{"weights": {}}', "weights: unknown"),
        ('{"network": 3}', "network: expected an object"),
        ('{"network": {"hidden_size": 9}}', r"network\.hidden_size: 9; there are layer_norm_eps, pooling"),
        ('{"tokenizer": {"words": "yes"}}', r"tokenizer\.words: 'yes'"),
        ('{"network": {"pooling": "P7"}}', "pooling"),
    ],
)
def test_a_damaged_file_of_ours_is_named(preset: Preset, tmp_path: Path, content: str, message: str) -> None:
    folder = written(preset, tmp_path / "out")
    (folder / "roformer_sim.json").write_text(content)
    with pytest.raises(InputError, match=message):
        load_any(folder)


def test_without_tensorflow_writing_says_what_to_install(
    preset: Preset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(InputError, match=r"pip install 'roformer-sim\[cpu\]'"):
        written(preset, tmp_path / "out")


def test_a_saved_model_is_refused_on_another_backend(
    preset: Preset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    from roformer_sim.conversion import saved_model

    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(InputError, match="Keras runs on jax here; set KERAS_BACKEND=tensorflow"):
        saved_model.write(preset, tmp_path)


def test_nothing_is_left_where_writing_is_refused(
    preset: Preset, tmp_path: Path, published: Published
) -> None:
    from roformer_sim.checkpoints import save_preset

    other = replace(preset, config=preset.config.model_copy(update={"hidden_act": "gelu_new"}))
    save_preset(tmp_path / "source", other)
    with pytest.raises(InputError, match="gelu_new"):
        convert(tmp_path / "source", tmp_path / "out", "bert4keras", check=False)
    assert not (tmp_path / "out").exists()
