"""The whole of it: read, plan, shuffle, write."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from corpus_builder.errors import InputError
from corpus_builder.exclusion import Exclusion
from corpus_builder.mixing.plan import Kind, Mixing, Shortage, Take, plan
from corpus_builder.mixing.reading import InputReader, OnProgress, RowFile, stamp
from corpus_builder.mixing.shuffle import Shuffle, keyed_lines
from corpus_builder.readers import find_inputs
from corpus_builder.readers.lines import Encoding
from corpus_builder.run import ROWS_PER_SHARD, OnError, Progress, Run
from corpus_builder.writers import ShardedWriter
from corpus_builder.writers.part_file import complaint

MEMORY_MB, LEAST_MEMORY_MB = 256, 16

_TELL_EVERY = 4096

Files = Iterable[str | Path]


def mix(
    questions: Files,
    general: Files,
    output: str | Path,
    mixing: Mixing | None = None,
    *,
    exclude: Files = (),
    rows_per_shard: int = ROWS_PER_SHARD,
    memory_mb: int = MEMORY_MB,
    on_error: OnError = OnError.RAISE,
    encoding: Encoding = "utf-8",
    fields: Mapping[str, str] | None = None,
    dry_run: bool = False,
) -> Run:
    """Write questions and general sentences in a given proportion, all rows in one random order.

    The output depends on the inputs, the seed and the options but ``memory_mb``, and on nothing else. Killed
    at any point and called again, it goes on; the output equals that of a run never stopped.

    Args:
        questions, general: Files, folders and globs with groups ``{"text", "synonyms"}`` or pairs
            ``{"text_a", "text_b"}``, both on either side.
        output: A file ``.jsonl`` (also ``.gz``, ``.zst``, ``.xz``), or a folder for shards and a manifest.
            Its rows are groups ``{"text", "synonyms", "kind", "score", "source", "origin"}``: ``kind`` is
            ``question`` or ``general``; ``score`` and ``origin`` are there if the input had them.
        mixing: Proportion, what becomes of too few rows, seed.
        exclude: Benchmark files; rows with one of their texts are dropped.
        rows_per_shard: Most rows of a shard.
        memory_mb: Million bytes the rows may take besides the program itself.
        on_error: Stop at a row that cannot be used, or skip and list it.
        encoding, fields: Of all inputs; see :func:`corpus_builder.readers.read_rows`.
        dry_run: Read and count, and write nothing.

    Returns:
        The run; its ``counts`` say what each step read, dropped, repeated and wrote.

    Raises:
        InputError: a file cannot be read or written, a row cannot be used, a kind has no rows, a file is on
            both sides, or an option makes no sense.

    Example:
        >>> run = mix(["groups.jsonl.gz"], ["answers.jsonl.gz", "新闻/"], "corpus", Mixing(ratio=1.0, seed=7))
        >>> run.counts["rows written: question"] == run.counts["rows written: general"]
        True
    """
    mixing = mixing or Mixing()
    for name, value, least in (
        ("rows_per_shard", rows_per_shard, 1),
        ("memory_mb", memory_mb, LEAST_MEMORY_MB),
    ):
        if value < least:
            raise InputError(f"{name} {value}: must be at least {least}")
    sides = {Kind.QUESTION: find_inputs(questions), Kind.GENERAL: find_inputs(general)}
    exclude = list(exclude)
    excluded = find_inputs(exclude) if exclude else []
    settings = {
        "ratio": float(mixing.ratio),
        "shortage": mixing.shortage.value,
        **{f"{kind} files": list(map(str, paths)) for kind, paths in sides.items()},
        "exclude": _described(excluded),
        "rows_per_shard": rows_per_shard,
    }
    run = Run(
        "mix",
        [path for paths in sides.values() for path in paths],
        Path(output),
        settings,
        on_error=OnError(on_error),
        encoding=encoding,
        fields=fields or {},
        seed=mixing.seed,
        rows_per_shard=rows_per_shard,
        dry_run=dry_run,
    )
    _check_places(run, sides)
    with Progress("mix", "rows") as progress:
        reader = InputReader(run, Exclusion.from_files(excluded), progress.advance)
        if dry_run:
            files = {kind: [reader.read(path, kind, None, None) for path in sides[kind]] for kind in sides}
            _plan(run, files, mixing)
        else:
            _mix(run, sides, mixing, reader, memory_mb * 10**6, progress.advance)
    return run


def _mix(
    run: Run,
    sides: dict[Kind, list[Path]],
    mixing: Mixing,
    reader: InputReader,
    memory: int,
    on_progress: OnProgress,
) -> None:
    """All steps. What is finished stays for the next run if this one is killed or interrupted."""
    folder = run.work_folder
    with _alone(run):
        try:
            identities = {path: _identity(run, path, kind) for kind, paths in sides.items() for path in paths}
            files: dict[Kind, list[RowFile]] = {kind: [] for kind in sides}
            for number, (path, identity) in enumerate(identities.items()):
                kind = Kind.QUESTION if number < len(sides[Kind.QUESTION]) else Kind.GENERAL
                files[kind].append(reader.read(path, kind, folder / f"{number:06d}.rows", identity))
            takes = _plan(run, files, mixing)
            shuffle = _shuffle(folder, files, takes, memory)
            known = [*identities.values(), mixing.seed, {kind: take.total for kind, take in takes.items()}]
            for done in shuffle.scatter(
                keyed_lines(files, takes, mixing.seed), None if None in known else known
            ):
                on_progress("shuffling", done, shuffle.rows)
            run.write(_lines(shuffle, identities, on_progress))
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise complaint(folder, error) from error
        except InputError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            # Nothing finished, nothing to go on from.
            if not any(folder.glob("*.json")):
                shutil.rmtree(folder, ignore_errors=True)


def _plan(run: Run, files: dict[Kind, list[RowFile]], mixing: Mixing) -> dict[Kind, Take]:
    """What is taken of each kind, and the counts that say so."""
    found = {kind: sum(file.rows for file in some) for kind, some in files.items()}
    for kind, rows in found.items():
        if not rows:
            names = ", ".join(map(str, run.settings[f"{kind} files"]))
            raise InputError(
                f"{names}: no {kind} row is left of {run.counts[f'{kind} rows read']:,}; give others"
            )
    takes = plan(found[Kind.QUESTION], found[Kind.GENERAL], mixing)
    for kind, take in takes.items():
        if mixing.shortage is Shortage.DROP:
            run.counts[f"{kind} rows dropped: too many for the ratio"] = max(0, take.rows - take.total)
        else:
            run.counts[f"repeated {kind} rows: too few for the ratio"] = max(0, take.total - take.rows)
        run.counts[f"rows written: {kind}"] = take.total
    return takes


def _shuffle(folder: Path, files: dict[Kind, list[RowFile]], takes: dict[Kind, Take], memory: int) -> Shuffle:
    size = 0
    for kind, take in takes.items():
        size += sum(file.size for file in files[kind]) * take.total // take.rows
    return Shuffle(folder / "runs", memory, size, sum(take.total for take in takes.values()))


def _lines(shuffle: Shuffle, identities: Mapping[Path, Any], on_progress: OnProgress) -> Iterator[str]:
    done = 0
    for done, line in enumerate(shuffle.gather(), 1):
        yield line.decode()
        if done % _TELL_EVERY == 0:
            on_progress("writing", _TELL_EVERY, shuffle.rows)
    on_progress("writing", done % _TELL_EVERY, shuffle.rows)
    for path, identity in identities.items():
        if identity is not None and stamp(path) != identity["input"]:
            raise InputError(f"{path}: was changed while it was read; start again")


def _identity(run: Run, path: Path, kind: Kind) -> dict[str, Any] | None:
    """What the rows of an input depend on; None if that cannot be known."""
    excluded = run.settings["exclude"]
    input_stamp = stamp(path)
    if input_stamp is None or any(file["sha256"] is None for file in excluded):
        return None
    return {
        "input": input_stamp,
        "kind": kind.value,
        "exclude": excluded,
        "on_error": run.on_error.value,
        "encoding": run.encoding,
        "fields": dict(run.fields),
    }


def _described(paths: Sequence[Path]) -> list[dict[str, Any]]:
    from corpus_builder.manifest import describe_inputs

    return [file.model_dump() for file in describe_inputs(paths)]


def _check_places(run: Run, sides: Mapping[Kind, Sequence[Path]]) -> None:
    """Refuse a file on both sides, and an output that cannot be written or is an input.

    Raises:
        InputError: one of these.
    """
    questions = {_file_number(path) for path in sides[Kind.QUESTION]}
    if both := [path for path in sides[Kind.GENERAL] if _file_number(path) in questions]:
        raise InputError(f"{both[0]}: is given as questions and as general sentences; give it once")
    output = run.output.resolve()
    for path in run.paths:
        if path.resolve() == output or (run.is_folder and output in path.resolve().parents):
            raise InputError(f"{path}: is an input, and would be overwritten by the output {run.output}")
    if run.output.exists() and run.output.is_dir() != run.is_folder:
        wanted = "a folder" if run.is_folder else "an ordinary file"
        raise InputError(f"{run.output}: is not {wanted}; choose another output")
    if run.is_folder:
        ShardedWriter(run.output, run.command).refuse_another_corpus()


def _file_number(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


@contextlib.contextmanager
def _alone(run: Run) -> Iterator[None]:
    """Make the folder for temporary files, and let no other process use it.

    Raises:
        InputError: another process writes the same output, or the folder cannot be made.
    """
    try:
        run.work_folder.mkdir(parents=True, exist_ok=True)
        lock = (run.work_folder / "lock").open("w")
    except OSError as error:
        raise complaint(run.work_folder, error) from error
    with lock:
        with contextlib.suppress(ImportError):  # Windows has none
            import fcntl

            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(
                    f"{run.output}: another run is writing it; wait, or choose another output"
                ) from None
        yield
