"""HDF5 files of Keras 2's ``save_weights``, written here by hand: each layer lands in its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from published_checkpoint import BERT_CONFIG, HIDDEN, SIZE, VOCABULARY, random_variables

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import load_any
from roformer_sim.checkpoints.bert_names import from_bert
from roformer_sim.checkpoints.folders import kind_of

Layers = dict[str, list[tuple[str, np.ndarray]]]


def layers_of(variables: dict[str, np.ndarray], first: int = 7) -> Layers:
    """As bert4keras has them; inner layers are numbered through the session, from ``first`` on."""
    numbers = iter(range(first, 1000))

    def dense(outer: str, *names: str) -> list[tuple[str, np.ndarray]]:
        found = []
        for name in names:
            inner = f"{outer}/dense_{next(numbers)}" if outer.startswith("Transformer") else outer
            found += [(f"{inner}/{kind}:0", variables[f"{name}/{kind}"]) for kind in ("kernel", "bias")]
        return found

    def norm(outer: str, name: str) -> list[tuple[str, np.ndarray]]:
        return [(f"{outer}_3/{kind}:0", variables[f"{name}/{kind}"]) for kind in ("beta", "gamma")]

    layers: Layers = {"Input-Token": []}
    for layer, name in (("Token", "word"), ("Segment", "token_type"), ("Position", "position")):
        if f"bert/embeddings/{name}_embeddings" in variables:
            values = variables[f"bert/embeddings/{name}_embeddings"]
            layers[f"Embedding-{layer}"] = [(f"Embedding-{layer}/embeddings:0", values)]
    layers["Embedding-Norm"] = norm("Embedding-Norm", "bert/embeddings/LayerNorm")
    if "bert/encoder/embedding_hidden_mapping_in/kernel" in variables:
        layers["Embedding-Mapping"] = dense("Embedding-Mapping", "bert/encoder/embedding_hidden_mapping_in")
    for i in range(2):
        block, ours = f"Transformer-{i}", f"bert/encoder/layer_{i}"
        parts = (
            "attention/self/query",
            "attention/self/key",
            "attention/self/value",
            "attention/output/dense",
        )
        attention = f"{block}-MultiHeadSelfAttention"
        layers[attention] = dense(attention, *(f"{ours}/{part}" for part in parts))
        layers[f"{attention}-Add"] = []
        layers[f"{attention}-Norm"] = norm(f"{attention}-Norm", f"{ours}/attention/output/LayerNorm")
        feed = f"{block}-FeedForward"
        layers[feed] = dense(feed, f"{ours}/intermediate/dense", f"{ours}/output/dense")
        layers[f"{feed}-Norm"] = norm(f"{feed}-Norm", f"{ours}/output/LayerNorm")
    layers["Pooler-Dense"] = dense("Pooler-Dense", "bert/pooler/dense")
    layers["MLM-Dense"] = dense("MLM-Dense", "cls/predictions/transform/dense")
    layers["MLM-Norm"] = norm("MLM-Norm", "cls/predictions/transform/LayerNorm")
    layers["MLM-Bias"] = [("MLM-Bias/beta:0", variables["cls/predictions/output_bias"])]
    return layers


def write_layers(group: Any, layers: Layers, *, split: bool = False) -> None:
    names = [name.encode() for name in layers]
    if split:  # as Keras does where a list would be too long for an attribute
        group.attrs["layer_names0"], group.attrs["layer_names1"] = names[:5], names[5:]
    else:
        group.attrs["layer_names"] = names
    for layer, weights in layers.items():
        inside = group.create_group(layer)
        inside.attrs["weight_names"] = [name.encode() for name, _ in weights]
        for name, values in weights:
            inside.create_dataset(name, data=values)


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    """Writes a folder; gives the file of weights."""

    def write(layers: Layers, name: str = "best_model.weights", **config: object) -> Path:
        (tmp_path / "bert_config.json").write_text(json.dumps(BERT_CONFIG | config))
        (tmp_path / "vocab.txt").write_text("".join(f"{token}\n" for token in VOCABULARY))
        with h5py.File(tmp_path / name, "w") as file:
            write_layers(file, layers)
        return tmp_path / name

    return write


@pytest.mark.parametrize(("model_type", "width"), [("roformer", HIDDEN), ("bert", HIDDEN), ("bert", 4)])
@pytest.mark.parametrize("name", ["best_model.weights", "model.h5"])
def test_every_layer_lands_where_it_belongs(
    saved: Callable[..., Path], model_type: str, width: int, name: str
) -> None:
    variables = random_variables(model_type, width)
    folder = saved(layers_of(variables), name, embedding_size=width).parent
    preset = load_any(folder)
    assert kind_of(folder) == "bert4keras-hdf5"
    assert preset.config.model_type == model_type
    assert preset.metadata["source"] == {
        "format": "bert4keras HDF5 weights",
        "name": f"{folder.name}/{name}",
    }
    expected = from_bert(variables, preset.config)
    assert {key: values.tobytes() for key, values in preset.weights.items()} == {
        key: values.tobytes() for key, values in expected.items()
    }


def test_heads_may_be_absent(saved: Callable[..., Path]) -> None:
    layers = layers_of(random_variables("roformer"))
    for layer in ("Pooler-Dense", "MLM-Dense", "MLM-Norm", "MLM-Bias"):
        del layers[layer]
    config = load_any(saved(layers).parent).config
    assert (config.has_pooler, config.has_lm_head, config.pooling) == (False, False, "P1")


def test_a_whole_saved_model_and_a_long_list_of_layers_are_read(saved: Callable[..., Path]) -> None:
    layers = layers_of(random_variables("roformer"))
    path = saved(layers)
    before = load_any(path.parent).weights
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = "{}"
        write_layers(file.create_group("model_weights"), layers, split=True)
    after = load_any(path.parent).weights
    assert all(np.array_equal(after[name], values) for name, values in before.items())


def change(layer: str, weights: list[tuple[str, np.ndarray]] | None) -> Callable[[Layers], None]:
    def apply(layers: Layers) -> None:
        if weights is None:
            del layers[layer]
        else:
            layers[layer] = weights

    return apply


NAN = np.full((2, HIDDEN), np.nan, np.float32)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            change("Transformer-1-FeedForward", None),
            r"layer_1/intermediate/dense/kernel \[8, 16\] is missing",
        ),
        (change("dense_5", [("dense_5/kernel:0", np.zeros((8, 3)))]), "layer dense_5 has no place"),
        (change("Embedding-Segment", [("a/embeddings:0", NAN)]), "holds NaN or infinite"),
        (change("Embedding-Segment", [("a/embeddings:0", NAN[:1])]), r"has shape \[1, 8\]"),
        (change("Embedding-Segment", [("a/embeddings:0", np.zeros((2, 8), int))]), "not floating point"),
        (change("MLM-Norm", [("a/gamma:0", NAN[0]), ("a/beta:0", NAN[0])]), "layer MLM-Norm holds a/gamma:0"),
    ],
)
def test_what_does_not_fit_is_named(
    saved: Callable[..., Path], damage: Callable[[Layers], None], message: str
) -> None:
    layers = layers_of(random_variables("roformer"))
    damage(layers)
    path = saved(layers)
    with pytest.raises(InputError, match=message) as caught:
        load_any(path.parent)
    assert str(path) in str(caught.value)


def test_a_file_cut_anywhere_is_named(saved: Callable[..., Path]) -> None:
    path = saved(layers_of(random_variables("roformer")))
    content = path.read_bytes()
    for length in range(0, len(content), 997):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match=path.name):
            load_any(path.parent)


def test_weights_outside_the_file_are_refused(saved: Callable[..., Path], tmp_path: Path) -> None:
    path = saved(layers_of(random_variables("roformer")))
    name = "Embedding-Token/Embedding-Token/embeddings:0"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"\0" * SIZE * HIDDEN * 4)
    with h5py.File(tmp_path / "other", "w") as other:
        other["secret"] = np.zeros((SIZE, HIDDEN), np.float32)

    def replace(make: Callable[[Any], None]) -> None:
        with h5py.File(path, "r+") as file:
            del file[name]
            make(file)

    def virtual(file: Any) -> None:
        layout = h5py.VirtualLayout((SIZE, HIDDEN), "f4")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other"), "secret", (SIZE, HIDDEN))
        file.create_virtual_dataset(name, layout)

    def link(file: Any) -> None:
        file[name] = h5py.ExternalLink(str(tmp_path / "other"), "/secret")

    def soft(file: Any) -> None:
        file[name] = h5py.SoftLink("/Embedding-Segment")

    def external(file: Any) -> None:
        file.create_dataset(name, (SIZE, HIDDEN), "f4", external=[(str(elsewhere), 0, h5py.h5f.UNLIMITED)])

    for make in (link, soft, external, virtual):
        replace(make)
        with pytest.raises(InputError, match="must lie in the file itself"):
            load_any(path.parent)


def test_weights_of_a_simplified_vocabulary_are_explained(saved: Callable[..., Path]) -> None:
    layers = layers_of(random_variables("roformer"))
    path = saved(layers, vocab_size=SIZE + 2)
    with (path.parent / "vocab.txt").open("a", encoding="utf-8") as file:
        file.write("##广\n##州\n")  # pieces that no text yields
    with pytest.raises(InputError, match=rf"simplified vocabulary \(keep_tokens\), which has {SIZE} here"):
        load_any(path.parent)


def test_other_hdf5_files_are_told_apart(saved: Callable[..., Path]) -> None:
    path = saved(layers_of(random_variables("roformer")))
    with h5py.File(path, "w") as file:  # as Keras 3 writes its weights
        file["layers/dense/vars/0"] = np.zeros(3)
    with pytest.raises(InputError, match=r"no list of layers \(layer_names\)"):
        load_any(path.parent)


def test_two_files_are_named_and_none_is_guessed(saved: Callable[..., Path]) -> None:
    layers = layers_of(random_variables("roformer"))
    saved(layers)
    path = saved(layers, "other.h5")
    with pytest.raises(InputError, match=r"several files of weights \(best_model\.weights, other\.h5\)"):
        load_any(path.parent)
