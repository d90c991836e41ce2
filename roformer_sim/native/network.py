"""A network packed for this processor: hidden states of whole sentences and of rows being written."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.mapped import release
from roformer_sim.models.config import ModelConfig
from roformer_sim.native import rows as activations
from roformer_sim.native.attention import SEGMENT, Heads, Own, Sources, room_of
from roformer_sim.native.crew import Crew
from roformer_sim.native.forward import Blocks, Buffers, Embedding, Head, Norm, forward, score
from roformer_sim.native.packing import Precision, pack, padded
from roformer_sim.native.processor import HAS_INT8, usable_cores
from roformer_sim.native.products import Product

_ACTIVATIONS = {"gelu": activations.GELU, "gelu_new": activations.GELU_NEW, "relu": activations.RELU}


class KeptSources:
    """Keys and values of sources that were read, and where they are.

    Attributes:
        keys, values: (sources,) int64 addresses, see :class:`roformer_sim.native.attention.Sources`.
        lengths: (sources,) int64 tokens.
    """

    def __init__(self, lengths: np.ndarray, heads: Heads) -> None:
        self.lengths = np.asarray(lengths, np.int64)
        segments = -(-self.lengths // SEGMENT)
        sizes = heads.layers * heads.heads * segments * SEGMENT * heads.room
        self.memory = [np.empty((2, size), np.float32) for size in sizes.tolist()]
        self.keys = np.array([memory[0].ctypes.data for memory in self.memory], np.int64)
        self.values = np.array([memory[1].ctypes.data for memory in self.memory], np.int64)


class NativeNetwork:
    """A network's weights packed for products on this processor, and its passes.

    One pass at a time: whoever calls holds :attr:`lock` until it has read what came out.

    Args:
        config: Shape of the network.
        weights: By name, as :func:`roformer_sim.checkpoints.read_weights` gives them; copied.
        precision: ``"float32"`` is exact to rounding. ``"int8"`` rounds weights by output and activations by
            row, and needs VNNI.
        threads: ``None`` for one a core that this process may use.

    Raises:
        InputError: Unknown precision, or int8 on a processor without VNNI.
    """

    def __init__(
        self,
        config: ModelConfig,
        weights: Mapping[str, np.ndarray],
        precision: Precision = "float32",
        threads: int | None = None,
    ) -> None:
        if precision not in get_args(Precision):
            raise InputError(f"precision is one of {', '.join(get_args(Precision))}, not {precision!r}")
        if precision == "int8" and not HAS_INT8:
            raise InputError("this processor has no VNNI, which int8 needs; use float32")
        self.config, self.precision = config, precision
        self.lock = threading.RLock()
        self._crew = Crew(threads or usable_cores())
        self._memory = _Memory()
        parts = _Parts(config, weights, precision, self._memory)
        self._embedding, self._blocks, self._head = parts.embedding(), parts.blocks(), parts.head()
        self._epsilon = np.float32(config.layer_norm_eps or 0.0)
        self._head_epsilon = np.float32(config.lm_layer_norm_eps or self._epsilon)
        self._angles_until = 0
        self._turn_until(128)
        self._room = _Room(config, 64)

    @property
    def heads(self) -> Heads:
        """Shape of the attention."""
        return self._blocks.heads

    def check(self, tokens: np.ndarray, length: int) -> None:
        """Refuse what the network has no embedding for.

        Raises:
            InputError: A token outside the vocabulary, more tokens than a BERT network has positions.
        """
        if len(tokens) and not 0 <= tokens.min() <= tokens.max() < self.config.vocab_size:
            found = f"token ids from {tokens.min()} to {tokens.max()}"
            raise InputError(f"{found}; the vocabulary has {self.config.vocab_size}")
        self.config.check_length(length)

    def read(
        self,
        sources: Sequence[Sequence[int] | np.ndarray],
        keep: bool,
        wanted: Literal["all", "first", "last"] = "all",
    ) -> KeptSources:
        """Hidden states of all tokens of the sources, side by side, into :meth:`hidden`.

        Args:
            sources: None empty.
            keep: Whether rows will attend to them. Otherwise what is returned holds one block's keys and
                values alone.
            wanted: ``"first"`` or ``"last"``: the states of each source's first or last token are enough, one
                row a source. The last block computes nothing else; :meth:`first_hidden` is not to be read.
        """
        lengths = np.array([len(source) for source in sources], np.int64)
        tokens = np.concatenate([np.asarray(source, np.int64) for source in sources])
        self.check(tokens, int(lengths.max()))
        blocks = self._blocks
        if not keep:
            blocks = blocks._replace(heads=blocks.heads._replace(layers=1))
        kept = KeptSources(lengths, blocks.heads)
        ends = np.cumsum(lengths)
        positions = np.arange(len(tokens)) - np.repeat(ends - lengths, lengths)
        of_row = np.repeat(np.arange(len(sources)), lengths)
        sources_ = Sources(kept.keys, kept.values, lengths, of_row, positions)
        picked = {"all": _NOTHING, "first": ends - lengths, "last": ends - 1}[wanted]
        self._forward(blocks, tokens, 0, sources_, _NO_OWN, picked)
        return kept

    def step(self, tokens: np.ndarray, sources: Sources, own: Own) -> None:
        """Hidden states of the newest token of each row, into :meth:`hidden`; their keys and values are kept.

        Args:
            tokens: (rows,) int64.
        """
        self.check(tokens, int(sources.positions.max()) + 1)
        self._forward(self._blocks, tokens, 1, sources, own, _NOTHING)

    def hidden(self, rows: int) -> np.ndarray:
        """What the last pass gave, (rows, hidden); overwritten by the next."""
        return self._room.x[:rows, : self.config.hidden_size]

    def first_hidden(self, rows: int) -> np.ndarray:
        """The same after the first block."""
        return self._room.first[:rows, : self.config.hidden_size]

    def scores(self, rows: np.ndarray) -> np.ndarray:
        """Scores (rows, vocabulary) float32 of the token after these rows of the last pass.

        Raises:
            InputError: The network has no language-model head.
        """
        self.config.check_generates()
        scores = np.empty((len(rows), padded(self.config.vocab_size)), np.float32)
        self._crew.run(
            score,
            self._head,
            self._head_epsilon,
            np.asarray(rows, np.int64),
            self.config.hidden_size,
            self._room.buffers,
            scores.ctypes.data,
            scores.shape[1],
        )
        return scores[:, : self.config.vocab_size]

    def spread(self, function: Callable[..., None], rows: int, *arguments: Any) -> None:
        """``function(begin, end, *arguments)`` over all rows, a share for each thread."""

        def share(thread: int, threads: int, barrier: int) -> None:
            function(rows * thread // threads, rows * (thread + 1) // threads, *arguments)

        self._crew.run(share)

    def _forward(
        self,
        blocks: Blocks,
        tokens: np.ndarray,
        segment: int,
        sources: Sources,
        own: Own,
        picked: np.ndarray,
    ) -> None:
        if len(tokens) > len(self._room.x):
            self._room = _Room(self.config, max(len(tokens), 2 * len(self._room.x)))
        longest = int(sources.positions.max()) + 1
        if longest > self._angles_until:
            self._turn_until(2 * longest)
            blocks = blocks._replace(heads=self._blocks.heads._replace(layers=blocks.heads.layers))
        self._crew.run(
            forward,
            self._embedding,
            blocks,
            self._epsilon,
            tokens,
            segment,
            sources,
            own,
            picked,
            self._room.buffers,
        )

    def _turn_until(self, length: int) -> None:
        """Have cosine and sine of the rotary turn for so many positions."""
        if self.config.model_type != "roformer":
            self._angles_until = self.config.max_position_embeddings
            return
        half = self.config.head_size // 2
        angles = np.arange(length)[:, None] * 10000.0 ** (-np.arange(half) / half)
        cosine, sine = (
            self._memory.hold(name, values.astype(np.float32))
            for name, values in (("cosine", np.cos(angles)), ("sine", np.sin(angles)))
        )
        heads = self._blocks.heads._replace(cosine=cosine, sine=sine)
        self._blocks, self._angles_until = self._blocks._replace(heads=heads), length


_NOTHING = np.empty(0, np.int64)
_NO_PRODUCT = Product(0, 0, 0, 0, 0, 0, 0)
_NO_OWN = Own(_NOTHING, _NOTHING, _NOTHING, 0, 0)


class _Memory:
    """Arrays that compiled code knows by address, kept alive."""

    def __init__(self) -> None:
        self._arrays: dict[str, tuple[np.ndarray, ...]] = {}

    def hold(self, name: str, *arrays: np.ndarray) -> int:
        """Address of the first."""
        self._arrays[name] = arrays
        return arrays[0].ctypes.data


class _Room:
    """Memory of a pass of so many rows."""

    def __init__(self, config: ModelConfig, rows: int) -> None:
        embedding = config.embedding_size or config.hidden_size
        hidden, wide = padded(config.hidden_size), padded(config.intermediate_size)
        sides = padded(max(3 * config.hidden_size, embedding))
        most = -(-max(config.hidden_size, config.intermediate_size, embedding) // 4) * 4
        self.x, self.first, y = (np.empty((rows, hidden), np.float32) for _ in range(3))
        others = [np.empty((rows, width), np.float32) for width in (sides, wide)]
        others += [np.empty((rows, most), np.uint8), np.empty(rows, np.float32)]  # type: ignore[list-item]
        self._arrays = [self.x, self.first, y, *others]
        addresses = [array.ctypes.data for array in self._arrays]
        self.buffers = Buffers._make([*addresses, hidden, sides, wide, most])


class _Parts:
    """Packs a network's weights part by part."""

    def __init__(
        self, config: ModelConfig, weights: Mapping[str, np.ndarray], precision: Precision, memory: _Memory
    ) -> None:
        self.config, self.weights, self.precision, self.memory = config, weights, precision, memory
        self.names = [f"block_{index}" for index in range(config.num_hidden_layers)]

    def embedding(self) -> Embedding:
        config = self.config
        mapped, bert = config.embedding_size != config.hidden_size, config.model_type == "bert"
        return Embedding(
            tokens=self._table("token_embedding/embeddings"),
            segments=self._table("segment_embedding/embeddings"),
            positions=self._table("position_embedding/embeddings") if bert else 0,
            width=config.embedding_size or config.hidden_size,
            norm=self._norms(["embedding_norm"]),
            mapping=self._dense(["embedding_mapping"]) if mapped else _NO_PRODUCT,
        )

    def blocks(self) -> Blocks:
        config = self.config
        size = config.head_size
        turned = int(config.model_type == "roformer")
        qkv = [f"{name}/attention/qkv" for name in self.names]
        return Blocks(
            number=config.num_hidden_layers,
            hidden=config.hidden_size,
            intermediate_size=config.intermediate_size,
            activation=_ACTIVATIONS[config.hidden_act],
            heads=Heads(
                config.num_attention_heads, size, room_of(size), config.num_hidden_layers, 0, 0, turned
            ),
            qkv=self._packed(
                qkv[0],
                (for_attention(self.weights[f"{name}_kernel"], config) for name in qkv),
                [for_attention(self.weights[f"{name}_bias"], config) for name in qkv],
            ),
            attended=self._dense([f"{name}/attention/output" for name in self.names]),
            attention_norm=self._norms([f"{name}/attention_norm" for name in self.names]),
            intermediate=self._dense([f"{name}/intermediate" for name in self.names]),
            output=self._dense([f"{name}/output" for name in self.names]),
            output_norm=self._norms([f"{name}/output_norm" for name in self.names]),
        )

    def head(self) -> Head:
        if not self.config.has_lm_head:
            return Head(_NO_PRODUCT, Norm(0, 0, 0), _NO_PRODUCT, 0)
        table = self.weights["token_embedding/embeddings"]
        return Head(
            transform=self._dense(["lm_transform"]),
            norm=self._norms(["lm_norm"]),
            table=self._packed("head", [table.T], [self.weights["lm_bias"]]),
            activation=_ACTIVATIONS[self.config.lm_hidden_act or self.config.hidden_act],
        )

    def _dense(self, names: Sequence[str]) -> Product:
        kernels = (self.weights[f"{name}/kernel"] for name in names)
        return self._packed(names[0], kernels, [self.weights[f"{name}/bias"] for name in names])

    def _packed(self, name: str, kernels: Iterable[np.ndarray], biases: Sequence[np.ndarray]) -> Product:
        matrices = pack(kernels, biases, self.precision)
        self.memory.hold(name, *matrices)
        release(self.weights)
        return matrices.product()

    def _norms(self, names: Sequence[str]) -> Norm:
        gamma, beta = (
            np.stack([self.weights[f"{name}/{one}"] for name in names]).astype(np.float32)
            for one in ("gamma", "beta")
        )
        self.memory.hold(f"{names[0]}/norm", gamma, beta)
        return Norm(gamma.ctypes.data, beta.ctypes.data, gamma.shape[1])

    def _table(self, name: str) -> int:
        return self.memory.hold(name, np.ascontiguousarray(self.weights[name], np.float32))


def for_attention(columns: np.ndarray, config: ModelConfig) -> np.ndarray:
    """Kernel or bias of queries, keys and values as the attention reads them.

    Queries are divided by the root of the head size; RoFormer's queries and keys have the coordinates of a
    head in halves (:func:`roformer_sim.models.rotary.deinterleave`).
    """
    parts = columns.reshape(*columns.shape[:-1], 3, config.num_attention_heads, config.head_size).copy()
    parts[..., 0, :, :] *= config.head_size**-0.5
    if config.model_type == "roformer":
        turned = parts[..., :2, :, :]
        parts[..., :2, :, :] = np.concatenate([turned[..., 0::2], turned[..., 1::2]], axis=-1)
    return parts.reshape(columns.shape)
