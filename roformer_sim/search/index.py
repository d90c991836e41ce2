"""An index of sentences: add, delete, search, save, load."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from corpus_builder.errors import InputError
from roformer_sim.retrieval.whitening import Whitening
from roformer_sim.search import kinds, opening, store
from roformer_sim.search.building import IndexRow, OnProgress, build_version
from roformer_sim.search.encoder import TextEncoder, unit_rows
from roformer_sim.search.exact import exact_neighbours, recall
from roformer_sim.search.kinds import Kind
from roformer_sim.search.strings import StringColumn, StringWriter
from roformer_sim.search.tuning import NEIGHBOURS
from roformer_sim.teachers.keys import KeyIndex, keys_of

_EXTRA = 10  # candidates beyond k that the exact vectors put in order
_REBUILT_FROM = 0.2  # share of deleted rows from which saving builds the index without them


class Hit(NamedTuple):
    """A sentence that was found."""

    id: str
    text: str
    score: float


class SentenceIndex:
    """Sentences that are found by meaning; made by :meth:`build` or :meth:`load`.

    Changes are in memory until :meth:`save`. One thread changes it at a time; any number may search.

    Example:
        >>> from roformer_sim import RoFormerSim
        >>> from roformer_sim.search import SentenceIndex, preset_encoder
        >>> encoder = preset_encoder(RoFormerSim.from_preset())
        >>> index = SentenceIndex.build("faq", encoder, ["怎么开通花呗", "手机多少钱"])  # doctest: +SKIP
        >>> index.most_similar("花呗如何开通", topn=1)  # doctest: +SKIP
        [('怎么开通花呗', 0.93)]
    """

    def __init__(self, folder: Path, version: Path, manifest: store.Manifest) -> None:
        self.folder, self.manifest = folder, manifest
        self.encoder: TextEncoder | None = None
        self._version = version
        self._stored = opening.load_array(
            version / store.VECTORS, (manifest.rows, manifest.dimension), np.float32
        )
        self._added = np.zeros((0, manifest.dimension), np.float32)
        self._deleted = np.array(opening.load_array(version / store.DELETED, (manifest.rows,), np.bool_))
        self._texts, self._ids = (StringColumn(version, name) for name in ("texts", "ids"))
        if not len(self._texts) == len(self._ids) == manifest.rows:
            raise InputError(f"{version}: texts, ids and vectors are not as many; build the index again")
        self._next_id = manifest.next_id
        self._rows_of_ids: KeyIndex | None = None
        self._neighbours = opening.open_neighbours(version, manifest, self._stored)

    @classmethod
    def build(
        cls,
        folder: str | Path,
        encoder: TextEncoder,
        rows: Iterable[str | IndexRow],
        *,
        kind: Kind | str | None = None,
        overwrite: bool = False,
        on_progress: OnProgress = lambda rows: None,
    ) -> SentenceIndex:
        """Encode sentences from a stream and write their index; killed, the same call goes on.

        Args:
            folder: Where the index is to be; a new or empty folder, or an index with ``overwrite``.
            rows: Sentences, or :class:`IndexRow` with ids; either all rows have one or none.
            kind: ``"flat"``, ``"ivf"``, ``"hnsw"``; ``None`` chooses by their number.
            on_progress: Told the number of rows encoded so far.

        Raises:
            InputError: No row, an empty one, an id twice, vectors with NaN; an index that stands there.
        """
        folder = Path(folder)
        build_version(folder, encoder, rows, None if kind is None else _kind(kind), overwrite, on_progress)
        return cls.load(folder, encoder, verify=False)

    @classmethod
    def load(
        cls, folder: str | Path, encoder: TextEncoder | None = None, *, verify: bool = True
    ) -> SentenceIndex:
        """Open an index.

        Args:
            encoder: What sentences are to be encoded with; must be what the index was made with. Without it
                only vectors can be searched for.
            verify: Compare checksums and look for NaN: about a second a gigabyte.

        Raises:
            InputError: No index, a damaged one, or one of another preset, pooling, whitening or dimension.
        """
        folder = Path(folder)
        version = store.current_version(folder)
        index = cls(folder, version, store.read_manifest(version, verify=verify))
        if verify:
            opening.check_vectors(version, index._stored)
        if encoder is not None:
            index.use(encoder)
        return index

    @property
    def whitening(self) -> Whitening | None:
        """What the vectors went through, if they did."""
        path = self._version / store.WHITENING
        return Whitening.load(path) if path.exists() else None

    @property
    def bytes_on_disk(self) -> int:
        """Of the saved version's files."""
        return sum(path.stat().st_size for path in self._version.iterdir())

    def use(self, encoder: TextEncoder) -> None:
        """Encode sentences with this from now on.

        Raises:
            InputError: It is not what the index was made with.
        """
        if encoder.fingerprint != self.manifest.fingerprint:
            raise InputError(
                f"{self.folder}: was built with {_shown(self.manifest.encoder)}, not with "
                f"{_shown(encoder.described())}; use that one, or build the index again"
            )
        self.encoder = encoder

    def __len__(self) -> int:
        """Sentences that can be found."""
        return len(self._deleted) - int(self._deleted.sum())

    @property
    def kind(self) -> Kind:
        """How it searches."""
        return self.manifest.kind

    def vectors_of(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Stored vectors of rows, (..., d)."""
        stored = len(self._stored)
        if not len(self._added):
            return np.asarray(self._stored[rows])
        found = np.empty((*rows.shape, self.manifest.dimension), np.float32)
        late = rows >= stored
        found[~late], found[late] = self._stored[rows[~late]], self._added[rows[late] - stored]
        return found

    def search(self, texts: Sequence[str], k: int = 10) -> list[list[Hit]]:
        """The ``k`` nearest sentences of each text, best first; fewer where the index has fewer.

        Raises:
            InputError: No encoder was given, ``k`` below 1, an empty text, no list of strings.
        """
        texts = _checked_texts(texts)
        if not texts:
            return []
        rows, scores = self.search_vectors(self.encode(texts), k)
        return [
            [
                Hit(self._ids[row], self._texts[row], score)
                for row, score in zip(*found, strict=True)
                if row >= 0
            ]
            for found in zip(rows.tolist(), scores.tolist(), strict=True)
        ]

    def most_similar(self, text: str, topn: int = 10) -> list[tuple[str, float]]:
        """The nearest sentences of one text with their cosines, as upstream's function of this name."""
        return [(hit.text, hit.score) for hit in self.search([text], topn)[0]]

    def search_vectors(
        self, vectors: npt.ArrayLike, k: int = 10, *, effort: int | None = None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Rows (n, k) and cosines (n, k) of the nearest, best first; -1 and NaN where there are fewer.

        Args:
            vectors: (n, d); whitened where the index is.
            effort: efSearch of HNSW, nprobe of IVF; ``None`` is what building found to reach its recall.

        Raises:
            InputError: Another d, NaN, ``k`` below 1.
        """
        if k < 1:
            raise InputError(f"k must be at least 1, not {k}")
        queries = unit_rows(self._checked_dimension(vectors))
        k = min(k, max(1, len(self)))
        candidates = min(k + (0 if self.kind is Kind.FLAT else k + _EXTRA), max(1, len(self)))
        rows = kinds.find(
            self._neighbours,
            self.kind,
            queries,
            candidates,
            self.manifest.effort if effort is None else effort,
            self._deleted,
        )
        scores = np.einsum("nd,nkd->nk", queries, self.vectors_of(np.maximum(rows, 0)))
        scores[rows < 0] = -np.inf
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        rows, scores = np.take_along_axis(rows, order, axis=1), np.take_along_axis(scores, order, axis=1)
        scores[rows < 0] = np.nan
        return rows, np.clip(scores, -1, 1)

    def row(self, row: int) -> tuple[str, str]:
        """Id and text of a row."""
        return self._ids[row], self._texts[row]

    def add(self, rows: Iterable[str | IndexRow]) -> int:
        """Encode and append sentences; returns their number. Nothing is added where one of them is refused.

        Raises:
            InputError: As :meth:`build`; an id that is there already.
        """
        found = [row if isinstance(row, IndexRow) else IndexRow(row) for row in rows]
        texts = _checked_texts([row.text for row in found])
        given = [row.id for row in found if row.id is not None]
        if given and len(given) < len(found):
            raise InputError("some rows have an id and some have none; give every row one, or none")
        if not texts:
            return 0
        ids = given or [str(self._next_id + i) for i in range(len(texts))]
        self._refuse_known(ids)
        vectors = self.encode(texts)
        self._neighbours.add(vectors)
        self._added = np.concatenate([self._added, vectors])
        self._deleted = np.concatenate([self._deleted, np.zeros(len(texts), np.bool_)])
        self._texts.extend(texts)
        self._ids.extend(ids)
        self._next_id += 0 if given else len(texts)
        self._rows_of_ids = None
        return len(texts)

    def delete(self, ids: Sequence[str]) -> int:
        """Let rows be found no more; returns their number.

        Raises:
            InputError: An id that is not there; nothing is deleted then.
        """
        if isinstance(ids, str):
            raise InputError("ids is one string; give a list of strings")
        rows = self._rows(list(dict.fromkeys(map(str, ids))))
        self._deleted[rows] = True
        self._rows_of_ids = None
        return len(rows)

    def save(self) -> None:
        """Write the index as it is now, in one step; see :mod:`roformer_sim.search.store`.

        Where a fifth of the rows is deleted, or the number of rows asks for another kind, it is built anew.

        Raises:
            InputError: It was changed by another process meanwhile, or cannot be written.
        """
        with store.locked(self.folder):
            self._write()
        fresh = SentenceIndex.load(self.folder, self.encoder, verify=False)
        self.__dict__.update(fresh.__dict__)

    def recall(self, k: int = NEIGHBOURS, queries: npt.ArrayLike | None = None, sample: int = 500) -> float:
        """Share of the exact ``k`` nearest that searching finds.

        Args:
            queries: Vectors (n, d); ``None`` takes ``sample`` of the index's own, each without itself. Those
                of hnsw stand beside their neighbours in the graph: other vectors say more.
        """
        if len(self) <= k:
            raise InputError(f"recall@{k} needs more than {k} sentences, the index has {len(self)}")
        everything = self._everything()
        if queries is not None:
            wanted = unit_rows(self._checked_dimension(queries))
            found, _ = self.search_vectors(wanted, k)
            exact = exact_neighbours(wanted, everything, k, self._deleted)
            return recall(wanted, everything, found, exact)
        alive = np.flatnonzero(~self._deleted)
        own = np.sort(np.random.default_rng(0).choice(alive, min(sample, len(alive)), replace=False))
        wanted = self.vectors_of(own)
        found, _ = self.search_vectors(wanted, k + 1)
        others = np.array([[r for r in row if r != me][:k] for row, me in zip(found, own, strict=True)])
        exact = exact_neighbours(wanted, everything, k, self._deleted, own)
        return recall(wanted, everything, others, exact)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of sentences as the index holds them: whitened where it is, of length 1; (n, d).

        Raises:
            InputError: No encoder was given, or it gives vectors of another dimension.
        """
        if self.encoder is None:
            raise InputError("no encoder was given: SentenceIndex.load(folder, encoder)")
        return self._checked_dimension(self.encoder(texts))

    def _checked_dimension(self, vectors: npt.ArrayLike) -> np.ndarray:
        found = np.asarray(vectors, np.float32)
        if found.ndim != 2 or found.shape[1] != self.manifest.dimension:
            raise InputError(
                f"the index holds vectors of {self.manifest.dimension} numbers, found shape {found.shape}"
            )
        return found

    def _everything(self) -> np.ndarray:
        return np.concatenate([self._stored, self._added]) if len(self._added) else self._stored

    def _rows(self, ids: list[str]) -> npt.NDArray[np.int64]:
        """The living row of each id."""
        rows = self._known(ids)
        missing = [name for name, row in zip(ids, rows, strict=True) if row < 0]
        if missing:
            others = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            raise InputError(
                f"{self.folder}: holds no row with the id {missing[0]!r}{others}; nothing was deleted"
            )
        return rows

    def _known(self, ids: list[str]) -> npt.NDArray[np.int64]:
        alive = np.flatnonzero(~self._deleted)
        if self._rows_of_ids is None:
            self._rows_of_ids = KeyIndex(keys_of(self._ids[int(row)] for row in alive))
        found = self._rows_of_ids.rows(keys_of(ids))
        return np.where(found >= 0, alive[np.maximum(found, 0)] if len(alive) else found, -1)

    def _refuse_known(self, ids: list[str]) -> None:
        if len(set(ids)) < len(ids):
            twice = next(name for name in ids if ids.count(name) > 1)
            raise InputError(f"the id {twice!r} is given twice; nothing was added")
        known = np.flatnonzero(self._known(ids) >= 0)
        if len(known):
            raise InputError(
                f"{self.folder}: has a row with the id {ids[known[0]]!r} already; delete it first; "
                "nothing was added"
            )

    def _write(self) -> None:
        from roformer_sim.search.building import write_files

        alive = ~self._deleted
        kind, neighbours = self.kind, self._neighbours
        many_deleted = self._deleted.mean() > _REBUILT_FROM if len(self._deleted) else False
        outgrown = kind is Kind.FLAT and kinds.choose_kind(len(self)) is not Kind.FLAT and len(self._added)
        keep = alive if many_deleted or outgrown else np.ones(len(alive), np.bool_)
        if many_deleted or outgrown:
            kind, neighbours = (kinds.choose_kind(len(self)) if outgrown else kind), None
        rows = np.flatnonzero(keep)
        with store.next_version(self.folder, self._version.name) as place:
            for name, column in (("texts", self._texts), ("ids", self._ids)):
                with StringWriter(place, name) as out:
                    out.write(column[int(row)] for row in rows)
            vectors = np.lib.format.open_memmap(
                place / store.VECTORS, "w+", np.float32, (len(rows), self.manifest.dimension)
            )
            for start in range(0, len(rows), 65536):
                vectors[start : start + 65536] = self.vectors_of(rows[start : start + 65536])
            whitening = self.whitening
            manifest = self.manifest.model_copy(update={"kind": kind, "next_id": self._next_id})
            write_files(place, vectors, self._deleted[rows], manifest, whitening, neighbours)


def _checked_texts(texts: Sequence[str]) -> list[str]:
    if isinstance(texts, str):
        raise InputError("texts is one string; give a list of strings")
    texts = list(texts)
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputError(f"text {row} (from 0) is no string but {type(text).__name__}")
        if not text.strip():
            raise InputError(f"text {row} (from 0) is empty")
    return texts


def _kind(kind: Kind | str) -> Kind:
    try:
        return Kind(kind)
    except ValueError:
        raise InputError(f"kind {kind!r}: must be one of {', '.join(Kind)}") from None


def _shown(encoder: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in encoder.items() if value not in (None, ""))
