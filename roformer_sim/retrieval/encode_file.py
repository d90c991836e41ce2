"""Files of sentences to a file of vectors: block by block, resumable after any end, with the same bytes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from corpus_builder.errors import InputError
from corpus_builder.readers import Encoding, Format, RowError
from corpus_builder.readers.errors import BadRow
from corpus_builder.readers.fields import listed, text
from corpus_builder.readers.json_lines import json_objects
from corpus_builder.readers.lines import decoded_lines
from corpus_builder.readers.tables import table_rows
from roformer_sim.generation.augment.rows import Source
from roformer_sim.generation.augment.unfinished import State, UnfinishedOutput, first_difference
from roformer_sim.retrieval.output_dtypes import OutputDtype, stored_as

OnProgress = Callable[[int, int], None]
"""Told ``(rows done, rows of the input)``."""

Encode = Callable[[list[str]], np.ndarray]
"""n sentences to (n, d) float32."""


@dataclass(frozen=True)
class SentenceFiles:
    """Files to be read one after the other, each as its ending says: JSON lines, CSV, TSV, else plain text.

    Attributes:
        paths: Also ``.gz``, ``.xz``, ``.zst``.
        field: Of JSON lines and tables, where the sentence stands.
        jsonl: All files are JSON lines, whatever they are called.
        encoding: See :func:`corpus_builder.readers.read_lines`.
    """

    paths: tuple[Path, ...]
    field: str = "text"
    jsonl: bool = False
    encoding: Encoding = "utf-8"

    def sentences(self) -> Iterator[tuple[str, Path, int]]:
        """``(sentence, file, line)``; empty sentences included, and every line of plain text.

        Raises:
            RowError: A file is missing, empty or cut off, a line is not in its encoding or no JSON, the field
                is missing or no string.
        """
        for path in self.paths:
            for line, row in self._rows(path):
                if isinstance(row, RowError):
                    raise row
                try:
                    yield text(row, self.field), path, line
                except BadRow as bad:
                    raise RowError(str(path), line, str(bad)) from None

    def stamps(self) -> list[dict[str, Any]]:
        """Size and content of each file, to know it again."""
        return Source(self.paths).stamps()

    def _rows(self, path: Path) -> Iterator[tuple[int, dict[str, Any] | RowError]]:
        form = Source(self.paths, jsonl=self.jsonl).format_of(path)
        if form is Format.JSONL:
            yield from json_objects(path, self.encoding)
        elif form is Format.TEXT:
            for line, words in decoded_lines(path, self.encoding):
                yield line, words if isinstance(words, RowError) else {self.field: words.rstrip("\r")}
        else:
            rows = table_rows(path, form, self.encoding)
            line, header = next(rows, (0, {}))
            if isinstance(header, RowError):
                raise header
            if self.field not in header:
                found = f'the column "{self.field}" is missing; the file has: {listed(header)} (see --field)'
                raise RowError(str(path), line, found)
            yield from rows


@dataclass(frozen=True)
class EncodingPlan:
    """What is to be done.

    Attributes:
        files: Read from.
        output: ``.npy`` to write, (rows, d), see :mod:`roformer_sim.retrieval.output_dtypes`.
        dimensions: Of a vector.
        dtype: Of the output.
        block_size: Sentences encoded at once, and between two writes: what a killed run loses.
        settings: What the vectors depend on besides, as JSON values: the model, the pooling, ...
    """

    files: SentenceFiles
    output: Path
    dimensions: int
    dtype: OutputDtype = OutputDtype.FLOAT32
    block_size: int = 2048
    settings: Mapping[str, Any] = field(default_factory=dict)

    def fingerprint(self) -> dict[str, Any]:
        """All that the bytes of the output depend on, as JSON gives it back."""
        files = self.files
        reading = {"field": files.field, "jsonl": files.jsonl, "encoding": files.encoding}
        own = {"dimensions": self.dimensions, "dtype": self.dtype.value, "block_size": self.block_size}
        values: dict[str, Any] = json.loads(
            json.dumps({"input": files.stamps(), **reading, **own, **self.settings})
        )
        return values

    def header(self, rows: int) -> bytes:
        """The first bytes of the ``.npy`` file."""
        stored = stored_as(np.zeros((0, self.dimensions), np.float32), self.dtype)
        array = {
            "descr": np.lib.format.dtype_to_descr(stored.dtype),
            "fortran_order": False,
            "shape": (rows, stored.shape[1]),
        }
        out = io.BytesIO()
        np.lib.format.write_array_header_1_0(out, array)
        return out.getvalue()


@dataclass(frozen=True)
class EncodingSummary:
    """What became of the sentences.

    Attributes:
        rows: Of the input and of the output; row i of one is row i of the other.
        empty: Of them, sentences without anything in them, encoded as [CLS] [SEP].
        first_empty: Where the first of them stands, ``file, line 3``.
        too_long: Sentences of which only the beginning was read.
        resumed_at: Rows that an earlier run had done.
        shape: Of the output.
    """

    rows: int
    empty: int
    first_empty: str | None
    too_long: int
    resumed_at: int
    shape: tuple[int, int]


class FileEncoding:
    """A run that can be stopped at any moment and gone on with by the same call.

    Entering it looks through the whole input once: a bad line is known before anything is encoded, and the
    file of vectors says from its first byte how many there will be. Memory holds one block.

    Args:
        plan: What is to be done.
        overwrite: An output of that name is replaced, at the very end.
        restart: What an earlier run did is thrown away.

    Example:
        >>> plan = EncodingPlan(SentenceFiles((Path("问题.jsonl"),)), Path("向量.npy"), 384)
        >>> with FileEncoding(plan) as job:  # doctest: +SKIP
        ...     print(job.run(lambda texts: model.encode(texts, pooling="P1")).rows)

    Raises:
        InputError: A line cannot be read, the output is there already or cannot be written, or an earlier run
            was begun with other settings or another input.
    """

    def __init__(self, plan: EncodingPlan, *, overwrite: bool = False, restart: bool = False) -> None:
        if plan.block_size < 1:
            raise InputError(f"block_size {plan.block_size}: must be at least 1")
        self.plan = plan
        self._files = UnfinishedOutput(plan.output)
        # No row is ever rejected; a file that only looks like the list of them is somebody else's.
        self._files.rejects = self._files.rejects_partial
        self._overwrite, self._restart = overwrite, restart
        self._resumed_at = 0

    def __enter__(self) -> FileEncoding:
        self._check_names()
        fingerprint = self.plan.fingerprint()
        try:
            self._files.open(restart=self._restart)
            state = self._files.state
            if self.plan.output.exists() and not self._overwrite and not (state and state.finished):
                raise InputError(f"{self.plan.output}: is there already; --overwrite replaces it")
            if state is None:
                self._files.begin(self._survey(fingerprint))
            else:
                self._check_same(state, fingerprint)
        except BaseException:
            self._files.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    @property
    def progress(self) -> tuple[int, int]:
        """Rows done and rows of the input; the second 0 before the input was looked through."""
        state = self._files.state
        return (state.rows_done, state.rows) if state else (0, 0)

    def run(
        self,
        encode: Encode,
        *,
        count_too_long: Callable[[list[str]], int] = lambda texts: 0,
        on_progress: OnProgress = lambda done, total: None,
    ) -> EncodingSummary:
        """Encode what is missing and give the output its name.

        Args:
            count_too_long: How many of the sentences are cut.

        Raises:
            InputError: The disk is full, the input was changed meanwhile, or ``encode`` gives vectors that
                are none. What was written is kept, and the same call goes on behind it.
        """
        state = self._state
        if not state.finished:
            self._files.resume()
            if state.rows_done == 0 and state.output_bytes == 0:
                self._files.commit(self.plan.header(state.rows), b"", state)
            on_progress(state.rows_done, state.rows)
            # Not beyond what the survey saw: the file may be growing.
            found = islice(self.plan.files.sentences(), state.rows_done, state.rows)
            while block := [sentence for sentence, _, _ in islice(found, self.plan.block_size)]:
                self._write(block, encode, count_too_long)
                on_progress(self._state.rows_done, self._state.rows)
            self._finish()
        self._files.publish()
        return self._summary()

    @property
    def _state(self) -> State:
        assert self._files.state is not None
        return self._files.state

    def _survey(self, fingerprint: dict[str, Any]) -> State:
        """Go through the whole input once."""
        rows, empty = 0, 0
        first_empty: list[str] = []
        for sentence, path, line in self.plan.files.sentences():
            rows += 1
            if not sentence or sentence.isspace():
                empty += 1
                first_empty = first_empty or [f"{path}, line {line}"]
        if not rows:
            raise InputError(f"{', '.join(map(str, self.plan.files.paths))}: no sentence in it")
        return State(fingerprint, first_empty, rows, counts={"empty": empty})

    def _write(self, block: list[str], encode: Encode, count_too_long: Callable[[list[str]], int]) -> None:
        vectors = encode(block)
        expected = len(block), self.plan.dimensions
        if vectors.shape != expected:
            raise InputError(f"the encoder gave vectors of shape {vectors.shape}, not {expected}")
        if not np.isfinite(vectors).all():
            row = self._state.rows_done + int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
            raise InputError(f"the vector of row {row} is not finite; the model is damaged")
        state = deepcopy(self._state)
        state.counts["too_long"] = state.counts.get("too_long", 0) + count_too_long(block)
        state.rows_done += len(block)
        self._files.commit(stored_as(vectors, self.plan.dtype).tobytes(), b"", state)

    def _finish(self) -> None:
        state = deepcopy(self._state)
        if state.rows_done != state.rows or self.plan.files.stamps() != state.settings["input"]:
            paths = ", ".join(map(str, self.plan.files.paths))
            raise InputError(f"{paths}: changed while it was read; --restart begins anew")
        state.finished = True
        self._files.commit(b"", b"", state)

    def _summary(self) -> EncodingSummary:
        state = self._state
        width = stored_as(np.zeros((1, self.plan.dimensions), np.float32), self.plan.dtype).shape[1]
        return EncodingSummary(
            rows=state.rows,
            empty=state.counts["empty"],
            first_empty=next(iter(state.columns), None),
            too_long=state.counts.get("too_long", 0),
            resumed_at=self._resumed_at,
            shape=(state.rows, width),
        )

    def _check_names(self) -> None:
        output, paths = self.plan.output, self.plan.files.paths
        if output.suffix != ".npy":
            raise InputError(f"{output}: expected a name that ends in .npy")
        if output.exists() and not output.is_file():
            raise InputError(f"{output}: is no ordinary file; choose another name")
        _refuse_input(paths, self._files.names)

    def _check_same(self, state: State, fingerprint: dict[str, Any]) -> None:
        key = first_difference(state.settings, fingerprint)
        if key is None:
            self._resumed_at = state.rows_done
            return
        was, now = (
            "other files" if key == "input" else repr(values.get(key))
            for values in (state.settings, fingerprint)
        )
        what = "another input" if key == "input" else f"{key} {was}, not {now}"
        raise InputError(
            f"{self.plan.output}: an earlier run that is not finished was begun with {what}; "
            "give the same again, or --restart to throw away what it did"
        )


def _refuse_input(paths: Sequence[Path], names: Sequence[Path]) -> None:
    for path in paths:
        for name in names:
            if path == name or (path.exists() and name.exists() and path.samefile(name)):
                raise InputError(f"{path}: is the input and {name} is to be written; choose another name")
