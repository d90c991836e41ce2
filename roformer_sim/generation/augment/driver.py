"""From rows to variants: blocks of rows are read, generated and written, and none twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from corpus_builder.errors import InputError
from corpus_builder.readers import Encoding, RowError
from corpus_builder.readers.errors import BadRow
from corpus_builder.writers.part_file import json_line
from roformer_sim.generation.augment.layouts import Layout, compressed, output_format
from roformer_sim.generation.augment.rows import InputRow, Source
from roformer_sim.generation.augment.unfinished import State, UnfinishedOutput, first_difference

if TYPE_CHECKING:
    from roformer_sim.generation.synonyms import Synonym

OnProgress = Callable[[int, int], None]
"""Told ``(rows done, rows of the input)``."""

Row = InputRow | RowError

# Fields of JSON lines that are names of things are no columns, and fill the memory.
_MOST_COLUMNS = 10_000


class Generate(Protocol):
    """What makes the variants."""

    def __call__(self, texts: list[str], seeds: list[int], /) -> Sequence[Sequence[Synonym]]:
        """The variants of each text, drawn with the seed at its place and with nothing else.

        Raises:
            InputError: One of the texts cannot be used.
        """


def _ignore(names: Iterable[str]) -> None:
    pass


def text_seed(seed: int, text: str) -> int:
    """The seed of a text, below 2**31: the same wherever the text stands and whatever stands around it.

    >>> text_seed(0, "怎么开通花呗") == text_seed(0, "怎么开通花呗") != text_seed(1, "怎么开通花呗")
    True
    """
    digest = hashlib.blake2b(f"{seed} {text}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 1


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes:
        inputs: Files, read in this order as if they were one; see :class:`Source`.
        output: File to write; its ending names the format, see :class:`Layout`.
        column: Where the text stands.
        jsonl: The inputs are JSON lines, whatever they are called.
        encoding: Of the inputs, ``"utf-8"``, ``"gb18030"`` or ``"auto"``; the output is UTF-8.
        explode, scores: See :class:`Layout`.
        seed: Decides the seeds of all texts, by :func:`text_seed`.
        block_size: Rows generated at once, and between two writes: what a killed run loses.
        skip_bad: Rows that cannot be used are listed in a file of rejects; otherwise the first is an error.
        settings: What the variants depend on besides, as JSON values: the model, ``n``, ``k``, ...
    """

    inputs: tuple[Path, ...]
    output: Path
    column: str = "text"
    jsonl: bool = False
    encoding: Encoding = "utf-8"
    explode: bool = False
    scores: bool = False
    seed: int = 0
    block_size: int = 64
    skip_bad: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    def fingerprint(self, stamps: list[dict[str, Any]]) -> dict[str, Any]:
        """All that the bytes of the output depend on, as JSON gives it back."""
        own = ("column", "jsonl", "encoding", "explode", "scores", "seed", "block_size")
        # skip_bad is not among them: a run that met a bad row goes on with it.
        values = {"input": stamps, **{name: getattr(self, name) for name in own}, **self.settings}
        loaded: dict[str, Any] = json.loads(json.dumps(values))
        return loaded


@dataclass(frozen=True)
class Summary:
    """What became of the rows.

    Attributes:
        rows: Of the input.
        rejected: Of them, those that could not be used, listed in ``rejects``.
        variants: Sentences written.
        without_variants: Rows for which nothing but the text itself was drawn; exploded, they are absent.
        too_long: Texts of which only the beginning was read.
        resumed_at: Rows that an earlier run had done.
        output, rejects: The files; the second None where nothing was rejected.
    """

    rows: int
    rejected: int
    variants: int
    without_variants: int
    too_long: int
    resumed_at: int
    output: Path
    rejects: Path | None


class Augmentation:
    """A run that can be stopped at any moment and gone on with by the same call.

    Entering it looks through the whole input once, so that a bad row is known before anything is generated.

    Args:
        plan: What is to be done.
        overwrite: An output of that name is replaced, at the very end.
        restart: What an earlier run did is thrown away.

    Example:
        >>> def generate(texts, seeds):
        ...     return [model.synonyms(t, 50, 10, seed=s) for t, s in zip(texts, seeds)]
        >>> with Augmentation(Plan((Path("问题.jsonl"),), Path("增广.jsonl"))) as job:  # doctest: +SKIP
        ...     print(job.run(generate).variants)

    Raises:
        InputError: A row cannot be used, the output is there already or cannot be written, or an earlier run
            was begun with other settings or another input.
    """

    def __init__(self, plan: Plan, *, overwrite: bool = False, restart: bool = False) -> None:
        if plan.block_size < 1:
            raise InputError(f"block_size {plan.block_size}: must be at least 1")
        self.plan = plan
        self.layout = Layout(output_format(plan.output), plan.column, plan.explode, plan.scores)
        self.source = Source(plan.inputs, plan.column, plan.jsonl, plan.encoding, self.layout.added)
        for path in plan.inputs:
            self.source.format_of(path)
        self._files = UnfinishedOutput(plan.output)
        self._overwrite, self._restart = overwrite, restart
        self.resumed_at = 0
        self._times: list[tuple[int, int] | None] = []

    def __enter__(self) -> Augmentation:
        self._check_names()
        self._times = _times(self.plan.inputs)
        fingerprint = self.plan.fingerprint(self.source.stamps())
        try:
            self._files.open(restart=self._restart)
            self._refuse_existing()
            if self._files.state is None:
                self._files.begin(self._survey(fingerprint))
            else:
                self._check_same(self._files.state, fingerprint)
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

    @property
    def state(self) -> State:
        """How far it is, on the disk."""
        assert self._files.state is not None
        return self._files.state

    def run(
        self,
        generate: Generate,
        *,
        is_too_long: Callable[[str], bool] = lambda text: False,
        on_progress: OnProgress = lambda done, total: None,
    ) -> Summary:
        """Generate what is missing and give the output its name.

        Args:
            is_too_long: Whether only the beginning of a text is read; such texts are counted.

        Raises:
            InputError: A row cannot be used (found by ``generate``), or the disk is full. What was written
                is kept, and the same call goes on behind it.
        """
        if not self.state.finished:
            self._files.resume()
            on_progress(self.state.rows_done, self.state.rows)
            # Not beyond what the survey saw: the file may be growing.
            rows = islice(self._rows(), self.state.rows_done, self.state.rows)
            while block := list(islice(rows, self.plan.block_size)):
                self._check_unchanged()
                self._write_block(block, generate, is_too_long)
                on_progress(self.state.rows_done, self.state.rows)
            self._finish()
        self._files.publish()
        return self._summary()

    def _rows(self, on_columns: Callable[[Iterable[str]], None] = _ignore) -> Iterator[Row]:
        """The rows of the input, those that the output cannot hold among the bad ones."""
        for row in self.source.rows(on_columns):
            if isinstance(row, InputRow):
                try:
                    self.layout.check(row)
                except BadRow as bad:
                    row = row.error(str(bad))
            yield row

    def _survey(self, fingerprint: dict[str, Any]) -> State:
        """Go through the whole input once."""
        rows = 0
        columns: dict[str, None] = {}
        collect = (lambda names: columns.update(dict.fromkeys(names))) if self.layout.is_table else _ignore
        for row in self._rows(collect):
            rows += 1
            if isinstance(row, RowError) and not self.plan.skip_bad:
                raise _refused(row)
            if len(columns) > _MOST_COLUMNS:
                raise InputError(f"{self.plan.output}: a table of over {_MOST_COLUMNS} columns; write .jsonl")
        self.layout.check_header(list(columns), self.plan.output)
        return State(fingerprint, list(columns), rows)

    def _write_block(self, block: list[Row], generate: Generate, is_too_long: Callable[[str], bool]) -> None:
        state = deepcopy(self.state)
        lines: list[bytes] = []
        if state.rows_done == 0:
            lines.append(self.layout.header(state.columns))
        found = self._generated(block, generate)
        rejects: list[bytes] = []
        for row, synonyms in zip(block, found, strict=True):
            if isinstance(synonyms, RowError):
                _count(state, "rejected")
                reject = {"file": synonyms.file, "line": synonyms.line, "reason": synonyms.reason}
                rejects.append(json_line(reject) + b"\n")
                continue
            assert isinstance(row, InputRow)
            lines += self.layout.lines(row, synonyms, state.columns)
            _count(state, "variants", len(synonyms))
            _count(state, "without_variants", not synonyms)
            _count(state, "too_long", is_too_long(row.text))
        state.rows_done += len(block)
        data = compressed(b"".join(lines), self.plan.output.suffix) if lines else b""
        self._files.commit(data, b"".join(rejects), state)

    def _generated(self, block: list[Row], generate: Generate) -> list[Sequence[Synonym] | RowError]:
        """The variants of each row, or what is wrong with it."""
        bad = [row for row in block if isinstance(row, RowError)]
        if bad and not self.plan.skip_bad:  # which the run was begun with
            raise _refused(bad[0])
        good = [row for row in block if isinstance(row, InputRow)]
        made = iter(self._made(good, generate))
        return [row if isinstance(row, RowError) else next(made) for row in block]

    def _made(self, rows: list[InputRow], generate: Generate) -> list[Sequence[Synonym] | RowError]:
        if not rows:
            return []
        texts = [row.text for row in rows]
        try:
            found = generate(texts, [text_seed(self.plan.seed, text) for text in texts])
        except InputError as error:
            if len(rows) > 1:  # which of them?
                return [result for row in rows for result in self._made([row], generate)]
            if not self.plan.skip_bad:
                raise _refused(rows[0].error(str(error))) from None
            return [rows[0].error(str(error))]
        if len(found) != len(rows):
            raise RuntimeError(f"{len(rows)} texts were given, the variants of {len(found)} came back")
        return list(found)

    def _finish(self) -> None:
        state = deepcopy(self.state)
        if state.rows_done != state.rows:
            raise InputError(f"{self.plan.inputs[0]}: was cut off while it was read; --restart begins anew")
        header = self.layout.header(state.columns) if state.rows == 0 else b""
        # Of a compressed file not even nothing is no bytes.
        data = compressed(header, self.plan.output.suffix) if state.output_bytes == 0 else b""
        state.finished = True
        self._files.commit(data, b"", state)

    def _check_unchanged(self) -> None:
        """Refuse to mix variants of two states of a file; one that was removed is read on."""
        seen = _times(self.plan.inputs)
        if seen != self._times and None not in seen:
            if self.source.stamps() != self.state.settings["input"]:
                raise InputError(
                    f"{', '.join(map(str, self.plan.inputs))}: changed while it was read; "
                    f"{self.state.rows_done:,} rows are kept: put it back as it was and give the same "
                    "command, or --restart to begin anew"
                )
            self._times = seen

    def _summary(self) -> Summary:
        state = self.state
        counts = {
            name: state.counts.get(name, 0)
            for name in ("rejected", "variants", "without_variants", "too_long")
        }
        return Summary(
            rows=state.rows,
            **counts,
            resumed_at=self.resumed_at,
            output=self.plan.output,
            rejects=self._files.rejects if state.rejects_bytes else None,
        )

    def _check_names(self) -> None:
        if self.plan.output.exists() and not self.plan.output.is_file():
            raise InputError(f"{self.plan.output}: is no ordinary file; choose another name")
        for path in self.plan.inputs:
            for name in self._files.names:
                if path == name or (path.exists() and name.exists() and path.samefile(name)):
                    raise InputError(f"{path}: is the input and {name} is to be written; choose another name")

    def _refuse_existing(self) -> None:
        state = self._files.state
        if self._overwrite or (state is not None and state.finished):
            return
        for path in (self.plan.output, self._files.rejects):
            if path.exists():
                raise InputError(f"{path}: is there already; --overwrite replaces it")

    def _check_same(self, state: State, fingerprint: dict[str, Any]) -> None:
        key = first_difference(state.settings, fingerprint)
        if key is None:
            self.resumed_at = state.rows_done
            return
        if key == "input":
            what = "with another input, or the file was changed since"
        else:
            what = f"with {key}={state.settings.get(key)!r}, and now {key}={fingerprint.get(key)!r}"
        raise InputError(
            f"{self.plan.output}: an earlier run of {state.rows_done:,} rows was begun {what}; "
            "give the same to go on with it, --restart to begin anew, or another --output"
        )


def _refused(row: RowError) -> InputError:
    return InputError(f"{row}; correct it, or --skip-bad lists such rows and goes on")


def _times(paths: Iterable[Path]) -> list[tuple[int, int] | None]:
    """Size and time of change of each file; None for one that is not there any more."""
    stats = [path.stat() if path.exists() else None for path in paths]
    return [None if stat is None else (stat.st_size, stat.st_mtime_ns) for stat in stats]


def _count(state: State, name: str, amount: int = 1) -> None:
    state.counts[name] = state.counts.get(name, 0) + int(amount)
