"""Parquet, read in batches; needs pyarrow (``pip install 'roformer-sim[parquet]'``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from corpus_builder.errors import InputError
from corpus_builder.readers.errors import RowError
from corpus_builder.readers.files import tell_watchers

_BATCH_ROWS = 1024
_BATCH_BYTES = 8 * 2**20


class ParquetRows:
    """The rows of a Parquet file as objects, numbered from 1.

    Args:
        path: the file.

    Raises:
        InputError: the file cannot be opened, or pyarrow is not installed.
        RowError: the file is no Parquet file, or damaged.
    """

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError as error:
            advice = "pip install 'roformer-sim[parquet]'"
            raise InputError(f"{path}: reading Parquet needs pyarrow; install it: {advice}") from error
        self._path = path
        self._damage = (pyarrow.ArrowException, OSError)
        try:
            with path.open("rb"):  # for the system's own message
                pass
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
        try:
            # A buffer makes it read column chunks piece by piece instead of whole.
            self._file = pyarrow.parquet.ParquetFile(path, buffer_size=2**20, pre_buffer=False)
        except self._damage as error:
            raise self._damaged(0, error) from error
        self.columns: list[str] = self._file.schema_arrow.names

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, Any] | RowError]]:
        """Yield ``(row number, object)`` with the given columns, or what is wrong with the row."""
        number = 0
        tell_watchers(self._path.stat().st_size)  # pyarrow reads by itself
        with self._file as file:
            batches = file.iter_batches(self._batch_rows(), columns=list(columns), use_threads=False)
            while True:
                try:
                    batch = next(batches)
                except StopIteration:
                    break
                except self._damage as error:
                    yield number + 1, self._damaged(number + 1, error)
                    return
                for row in self._objects(batch, number):
                    number += 1
                    yield number, row
        if number == 0:
            yield 0, RowError(str(self._path), 0, "the file is empty")

    def _batch_rows(self) -> int:
        """So many rows that a batch stays small when rows are large."""
        metadata = self._file.metadata
        total = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
        return max(1, min(_BATCH_ROWS, _BATCH_BYTES * metadata.num_rows // max(1, total)))

    def _objects(self, batch: Any, before: int) -> Iterator[dict[str, Any] | RowError]:
        try:
            yield from batch.to_pylist()
        except UnicodeDecodeError:
            for index in range(batch.num_rows):
                try:
                    yield batch.slice(index, 1).to_pylist()[0]
                except UnicodeDecodeError as error:
                    byte = f"byte 0x{error.object[error.start]:02x} at {error.start} of a string"
                    reason = f"not UTF-8 ({byte}); write the file again"
                    yield RowError(str(self._path), before + index + 1, reason, "row")

    def _damaged(self, row: int, error: Exception) -> RowError:
        reason = " ".join(str(error).split())
        complaint = f"the Parquet file is damaged or cut off ({reason}); fetch or write it again"
        return RowError(str(self._path), row, complaint, "row")
