"""From a stream of sentences to the files of an index. What was encoded is kept, should the run be killed."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.preset import write_json
from roformer_sim.retrieval.whitening import Whitening
from roformer_sim.search import kinds, store
from roformer_sim.search.encoder import TextEncoder
from roformer_sim.search.kinds import Kind
from roformer_sim.search.strings import StringWriter
from roformer_sim.search.tuning import build_and_tune
from roformer_sim.teachers.keys import KeyIndex, keys_from, keys_of

OnProgress = Callable[[int], None]

BLOCK = 4096
"""Sentences encoded between two writes: what a killed run loses."""


class IndexRow(NamedTuple):
    """A sentence, its id (``None``: a running number), and where it stands, for messages."""

    text: str
    id: str | None = None
    where: str = ""


def build_version(
    folder: Path,
    encoder: TextEncoder,
    rows: Iterable[str | IndexRow],
    kind: Kind | None,
    overwrite: bool,
    on_progress: OnProgress,
) -> None:
    """See :meth:`roformer_sim.search.SentenceIndex.build`."""
    kinds.faiss_library()
    _check_place(folder, overwrite)
    with store.locked(folder), store.next_version(folder, None) as place:
        staging = folder / "building"
        staging.mkdir(exist_ok=True)
        blocks, ids_given = _encode_all(place, staging, encoder, rows, on_progress)
        vectors = _joined(place, blocks)
        chosen = kind or kinds.choose_kind(len(vectors))
        manifest = store.Manifest(
            encoder=encoder.described(),
            fingerprint=encoder.fingerprint,
            dimension=vectors.shape[1],
            rows=len(vectors),
            deleted=0,
            kind=chosen,
            effort=0,
            next_id=0 if ids_given else len(vectors),
        )
        write_files(place, vectors, np.zeros(len(vectors), np.bool_), manifest, encoder.whitening, None)
    shutil.rmtree(staging, ignore_errors=True)


def write_files(
    place: Path,
    vectors: npt.NDArray[np.float32],
    deleted: npt.NDArray[np.bool_],
    manifest: store.Manifest,
    whitening: Whitening | None,
    neighbours: Any,
) -> None:
    """Write all but vectors, texts and ids, which are there.

    Args:
        neighbours: The FAISS index of these vectors; ``None`` builds it.
    """
    effort, reached = manifest.effort, manifest.recall
    if manifest.kind is not Kind.FLAT:
        if neighbours is None:
            neighbours, effort, reached = build_and_tune(manifest.kind, vectors)
        kinds.write_index(neighbours, place / store.NEIGHBOURS)
    if isinstance(vectors, np.memmap):
        vectors.flush()
    np.save(place / store.DELETED, deleted, allow_pickle=False)
    if whitening is not None:
        whitening.save(place / store.WHITENING)
    counts = {"rows": len(vectors), "deleted": int(deleted.sum()), "effort": effort, "recall": reached}
    write_json(place / store.MANIFEST, manifest.model_copy(update=counts).model_dump(mode="json"))


def _check_place(folder: Path, overwrite: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; name a folder for the index")
    if store.is_index(folder):
        if not overwrite:
            raise InputError(f"{folder}: holds an index; --overwrite replaces it, `index add` adds to it")
        return
    others = [] if not folder.is_dir() else [p.name for p in folder.iterdir() if not _is_ours(p.name)]
    if others:
        raise InputError(f"{folder}: holds {others[0]} and no index; name a new or an empty folder")


def _is_ours(name: str) -> bool:
    return name in ("building", ".lock") or name.startswith(("version-", ".version-", f".{store.POINTER}"))


def _encode_all(
    place: Path,
    staging: Path,
    encoder: TextEncoder,
    rows: Iterable[str | IndexRow],
    on_progress: OnProgress,
) -> tuple[list[Path], bool]:
    """Write texts and ids, and the vectors as blocks; returns the blocks, and whether rows had ids."""
    blocks: list[Path] = []
    keys, count, given = [], 0, None
    with StringWriter(place, "texts") as texts, StringWriter(place, "ids") as ids:
        for block in _blocks(rows):
            _check_block(block, count)
            has_ids = _have_ids(block, given)
            given = has_ids
            names = [str(row.id) if has_ids else str(count + i) for i, row in enumerate(block)]
            texts.write(row.text for row in block)
            ids.write(names)
            keys.append(keys_of(names).tobytes())
            blocks.append(_encoded(staging, len(blocks), encoder, [row.text for row in block]))
            count += len(block)
            on_progress(count)
    if not count:
        raise InputError("no sentence was given; the index would be empty")
    _refuse_twice(b"".join(keys), place)
    return blocks, bool(given)


def _blocks(rows: Iterable[str | IndexRow]) -> Iterator[list[IndexRow]]:
    if isinstance(rows, str):
        raise InputError("rows is one string; give a list of strings")
    stream = (row if isinstance(row, IndexRow) else IndexRow(row) for row in rows)
    while block := list(islice(stream, BLOCK)):
        yield block


def _check_block(block: list[IndexRow], before: int) -> None:
    for number, row in enumerate(block, before):
        where = row.where or f"text {number} (from 0)"
        if not isinstance(row.text, str):
            raise InputError(f"{where}: is no string but {type(row.text).__name__}")
        if not row.text.strip():
            raise InputError(f"{where}: is empty")


def _have_ids(block: list[IndexRow], before: bool | None) -> bool:
    has = [row.id is not None for row in block]
    wanted = has[0] if before is None else before
    if has.count(wanted) < len(has):
        odd = block[has.index(not wanted)]
        raise InputError(
            f"{odd.where or repr(odd.text[:40])}: {'has no id' if wanted else 'has an id'}, "
            "unlike the rows before; give every row one, or none"
        )
    return wanted


def _refuse_twice(keys: bytes, place: Path) -> None:
    found = keys_from(keys)
    rows = KeyIndex(found).rows(found)
    again = np.flatnonzero(rows != np.arange(len(rows)))
    if len(again):
        from roformer_sim.search.strings import StringColumn

        row = int(again[0])
        raise InputError(
            f"rows {int(rows[row])} and {row} (from 0) have the same id {StringColumn(place, 'ids')[row]!r}"
        )


def _encoded(staging: Path, number: int, encoder: TextEncoder, texts: list[str]) -> Path:
    """The file of a block's vectors: what a killed run left, if it is of these texts and this encoder."""
    digest = hashlib.blake2b(encoder.fingerprint.encode(), digest_size=12)
    for text in texts:
        encoded = text.encode("utf-8")
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
    path = staging / f"{number:06d}-{digest.hexdigest()}.npy"
    if path.exists() and _is_whole(path, len(texts)):
        return path
    for old in staging.glob(f"{number:06d}-*"):
        old.unlink()
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as file:
        np.save(file, encoder(texts), allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    return path


def _is_whole(path: Path, count: int) -> bool:
    try:
        return len(np.load(path, mmap_mode="r", allow_pickle=False)) == count
    except (OSError, ValueError):
        return False


def _joined(place: Path, blocks: list[Path]) -> npt.NDArray[np.float32]:
    """One array of all blocks, in ``vectors.npy``."""
    shapes = [np.load(path, mmap_mode="r", allow_pickle=False).shape for path in blocks]
    if len({shape[1] for shape in shapes}) > 1:
        raise InputError("the encoder gave vectors of different lengths")
    count = sum(shape[0] for shape in shapes)
    joined = np.lib.format.open_memmap(place / store.VECTORS, "w+", np.float32, (count, shapes[0][1]))
    at = 0
    for path in blocks:
        block = np.load(path, allow_pickle=False)
        joined[at : at + len(block)] = block
        at += len(block)
    return joined
