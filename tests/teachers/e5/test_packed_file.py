"""The packed model's file is read as its format says, and a damaged one is refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.weights import weight_shapes
from roformer_sim.teachers.e5.packed_file import read_packed_e5


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tiny.bin"


def values(tiny, name: str) -> np.ndarray:
    """A matrix of the file, (out, in)."""
    scales, halves = tiny.matrices[name]
    return (halves - 8.0) * np.repeat(scales.astype(float), 32, axis=1)


def test_weights_are_halves_of_bytes_less_eight_times_the_scale_of_their_block(tiny, path: Path) -> None:
    path.write_bytes(tiny.data())
    weights = read_packed_e5(path).weights
    assert all(array.dtype == np.float32 for array in weights.values())
    assert np.allclose(weights["token_embedding/embeddings"], values(tiny, "emb.word"))
    assert np.allclose(weights["block_1/intermediate/kernel"], values(tiny, "l1.fi.w").T)
    assert np.allclose(weights["block_1/output/kernel"], values(tiny, "l1.fo.w").T)
    assert np.allclose(weights["block_0/attention/output/kernel"], values(tiny, "l0.ao.w").T)
    qkv = np.concatenate([values(tiny, f"l0.{part}.w").T for part in "qkv"], axis=1)
    assert np.allclose(weights["block_0/attention/qkv_kernel"], qkv)


def test_what_is_kept_as_float32_comes_as_it_is(tiny, path: Path) -> None:
    path.write_bytes(tiny.data())
    weights = read_packed_e5(path).weights
    names = {
        "emb.pos": "position_embedding/embeddings",
        "emb.type": "segment_embedding/embeddings",
        "emb.ln.w": "embedding_norm/gamma",
        "l1.aln.b": "block_1/attention_norm/beta",
        "l0.oln.w": "block_0/output_norm/gamma",
        "l1.fi.b": "block_1/intermediate/bias",
        "l0.fo.b": "block_0/output/bias",
        "l0.ao.b": "block_0/attention/output/bias",
    }
    for theirs, ours in names.items():
        assert np.array_equal(weights[ours], tiny.floats[theirs]), ours
    biases = np.concatenate([tiny.floats[f"l1.{part}.b"] for part in "qkv"])
    assert np.array_equal(weights["block_1/attention/qkv_bias"], biases)


def test_it_is_a_bert_that_encodes_alone(tiny, path: Path) -> None:
    path.write_bytes(tiny.data())
    packed = read_packed_e5(path)
    config = packed.config
    assert (config.model_type, config.hidden_act, config.pooling) == ("bert", "gelu", "P3")
    assert (config.max_position_embeddings, config.vocab_size) == (12, 24)
    assert config.pad_token_id == 1
    assert config.layer_norm_eps == pytest.approx(1e-5)
    assert not config.has_pooler
    assert not config.has_lm_head
    assert {name: array.shape for name, array in packed.weights.items()} == weight_shapes(config)


def test_pieces_and_replacements(tiny, path: Path) -> None:
    path.write_bytes(tiny.data())
    pieces = read_packed_e5(path).pieces
    assert pieces.scores == list(tiny.scores.items())
    assert pieces.replacements == tiny.replacements
    assert (pieces.begin, pieces.end, pieces.unknown) == (0, 2, 3)


def test_a_file_that_is_cut_off_anywhere_is_refused_by_name(tiny, path: Path) -> None:
    whole = tiny.data()
    for size in [*range(0, 1800, 7), *range(1800, len(whole), 997), len(whole) - 1]:
        path.write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"tiny\.bin: is (cut off|no packed E5 model).*install it anew"):
            read_packed_e5(path)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda tiny: setattr(tiny, "magic", b"GGUF"), "is no packed E5 model"),
        (lambda tiny: setattr(tiny, "version", 2), "has version 2, blocks of 32"),
        (lambda tiny: setattr(tiny, "block", 64), "has version 1, blocks of 64"),
        (lambda tiny: tiny.matrices.pop("l1.k.w"), r"tensor l1\.k\.w \[32, 32\] is missing"),
        (
            lambda tiny: tiny.floats.update({"emb.pos": np.zeros((3, 32))}),
            r"tensor emb\.pos: .*expected \(0, 384",
        ),
        (lambda tiny: tiny.pieces.__setitem__(8, tiny.pieces[7]), "a piece is there twice"),
        (lambda tiny: tiny.pieces.__setitem__(8, b"\xe8\x8a"), r"a piece is no UTF-8"),
        (lambda tiny: tiny.pieces.__setitem__(8, b""), "table of its pieces is damaged"),
    ],
)
def test_a_file_of_another_kind_is_refused(change, part: str, tiny, path: Path) -> None:
    change(tiny)
    path.write_bytes(tiny.data())
    with pytest.raises(InputError, match=rf"tiny\.bin: .*{part}"):
        read_packed_e5(path)


def test_a_file_that_is_not_there_is_told(path: Path) -> None:
    with pytest.raises(InputError, match=r"tiny\.bin: cannot be read: No such file"):
        read_packed_e5(path)
