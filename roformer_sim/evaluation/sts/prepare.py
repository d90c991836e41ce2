"""Public files of sentence pairs, as they are downloaded, to the folder that the benchmark reads."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from corpus_builder.errors import InputError
from corpus_builder.readers import read_jsonl, read_lines, read_objects
from corpus_builder.writers import AtomicWriter

Pair = tuple[str, str, str]
"""Two texts and the label as it is written; empty where a test set hides it."""

_COLUMNS = (
    (("text_a", "text_b"), ("label", "score")),
    (("sentence1", "sentence2"), ("label", "score", "similarity")),
    (("source", "target"), ("labelA", "labelB", "label")),  # SOHU 2021
    (("query", "title"), ("label",)),  # QBQTC
    (("query1", "query2"), ("label",)),
    (("question1", "question2"), ("label",)),
)
_SETS = {
    "ATEC": r"\batec",
    "BQ": r"\bbq(?![a-z])",
    "LCQMC": r"lcqmc",
    "PAWSX": r"paws-?x",
    "STS-B": r"sts-?b\b|cnsd-sts",
    "AFQMC": r"afqmc",
    "QBQTC": r"qbqtc",
}
_SPLITS = {"valid": r"valid\w*|dev", "test": r"test", "train": r"train"}
_LENGTHS = {"短短": "SS", "短长": "SL", "长长": "LL"}  # of SOHU 2021: short and long texts
_NAMED = re.compile(r"(?P<set>[\w.-]+):(?P<split>[\w.-]+)=(?P<file>.+)")
_BREAKS = re.compile(r"[\t\r\n\v\f\x85\u2028\u2029]+")
_ENDINGS = re.compile(r"\.(data|tsv|csv|txt|json|jsonl|parquet)(\.gz|\.xz|\.zst)?$", re.IGNORECASE)


@dataclass(frozen=True)
class Source:
    """A downloaded file, the set and split that it is."""

    file: Path
    set: str
    split: str


@dataclass
class Prepared:
    """What became of the sources of one table."""

    path: Path
    rows: int = 0
    without_label: int = 0
    labels: dict[str, int] = field(default_factory=dict)


def find_sources(places: Iterable[str]) -> tuple[list[Source], list[Path]]:
    """The files that are meant: ``SET:SPLIT=FILE``, or files and folders whose paths name set and split.

    Recognised in paths: ATEC, BQ, LCQMC, PAWSX, STS-B, AFQMC, QBQTC and SOHU21 (``短短匹配A类``), with train,
    valid (dev, validation) or test in the file's name.

    Returns:
        The sources, and files of folders that no set or split was recognised in.

    Raises:
        InputError: A path does not exist, or names no set and split though it is a file; nothing was found.

    Example:
        >>> find_sources(["ATEC:valid=dev.csv"])  # doctest: +SKIP
    """
    found: list[Source] = []
    passed: list[Path] = []
    for place in places:
        named = _NAMED.fullmatch(place)
        path = Path(named["file"] if named else place)
        if not path.exists():
            raise InputError(f"{path}: there is no such file or folder")
        if named:
            found.append(Source(path, named["set"], named["split"]))
            continue
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if not file.is_file() or not _ENDINGS.search(file.name):
                continue
            source = _recognised(file, path)
            if source:
                found.append(source)
            elif path.is_dir():
                passed.append(file)
            else:
                raise InputError(f"{file}: its path names no known set and split; write SET:SPLIT={file}")
    if not found:
        raise InputError(f"{', '.join(map(str, places))}: no set was recognised; write SET:SPLIT=FILE")
    return found, passed


def _recognised(file: Path, place: Path) -> Source | None:
    parts = [place.name, *file.relative_to(place).parts] if place.is_dir() else [file.parent.name, file.name]
    words = "/".join(parts)
    split = split_of(file)
    sohu = re.search(r"(短短|短长|长长)匹配([AB])类", words)
    name = f"SOHU21-{_LENGTHS[sohu[1]]}{sohu[2]}" if sohu else None
    # The last part that names a set counts: a file of one set may stand in a folder of another.
    for part in reversed(parts):
        name = name or next((s for s, p in _SETS.items() if re.search(p, part.lower())), None)
    return Source(file, name, split) if name and split else None


def split_of(file: Path) -> str | None:
    """Which of train, valid and test a file's name says it is."""
    name = file.name.lower()
    return next((s for s, p in _SPLITS.items() if re.search(rf"(?<![a-z])(?:{p})(?![a-z])", name)), None)


def prepare_sts(sources: Iterable[Source], folder: str | Path, *, replace: bool = False) -> list[Prepared]:
    """Write ``folder/SET/SPLIT.tsv`` with the columns text_a, text_b, label.

    Texts stay as they are, but a tab or line end in one becomes a space. Rows without a label (hidden tests)
    are left out and counted; a file of such rows alone gives no table. Several files of one set and split are
    put together in their order.

    Args:
        sources: See :func:`find_sources`.
        folder: Receives the tables.
        replace: Overwrite tables that are there.

    Raises:
        InputError: A table is there already, a file is no table of pairs (line named), a label is no number.
    """
    folder = Path(folder)
    tables: dict[Path, list[Source]] = {}
    for source in sources:
        tables.setdefault(folder / source.set / f"{source.split}.tsv", []).append(source)
    there = [path for path in tables if path.exists()]
    if there and not replace:
        raise InputError(f"{there[0]}: is there already; --replace writes it anew")
    return [_prepare(path, files) for path, files in tables.items()]


def _prepare(path: Path, sources: list[Source]) -> Prepared:
    done = Prepared(path)
    rows: list[str] = []
    for source in sources:
        for number, (a, b, label) in read_pairs_of_any_layout(source.file):
            if not label.strip():
                done.without_label += 1
                continue
            try:
                value = f"{float(label):g}"
            except ValueError:
                raise InputError(
                    f"{source.file}, line {number}: the label {label!r} is not a number"
                ) from None
            done.labels[value] = done.labels.get(value, 0) + 1
            rows.append("\t".join((_BREAKS.sub(" ", a), _BREAKS.sub(" ", b), value)))
    done.rows = len(rows)
    if rows:
        with AtomicWriter(path) as out:
            out.write_line("text_a\ttext_b\tlabel")
            for row in rows:
                out.write_line(row)
    return done


def read_pairs_of_any_layout(path: Path) -> Iterator[tuple[int, Pair]]:
    """Yield ``(line, pair)`` of a file in one of the layouts in which these sets are published.

    JSON lines, Parquet, tables with a header (columns such as sentence1, sentence2, label); without one:
    ``text<TAB>text<TAB>label`` (LCQMC, senteval_cn), ``number<TAB>text<TAB>text<TAB>label`` (ATEC),
    ``id||text||text||label`` (CNSD), the same with commas.

    Raises:
        InputError: It is none of them; the line is named.
    """
    if path.suffix == ".parquet":
        yield from _of_objects(path, read_objects(path))
        return
    _, first = next((row for row in read_lines(path) if row[1].strip()), (0, ""))
    if first.lstrip().startswith("{"):
        yield from _of_objects(path, read_jsonl(path))
        return
    if first.count("||") >= 2:
        rows = ((number, line.split("||")) for number, line in read_lines(path))
    elif "\t" in first:
        rows = ((number, line.split("\t")) for number, line in read_lines(path))
    else:
        lines = (line for _, line in read_lines(path))
        rows = ((number, cells) for number, cells in enumerate(csv.reader(lines), start=1))
    yield from _of_cells(path, rows)


def _of_objects(path: Path, rows: Iterable[tuple[int, dict[str, object]]]) -> Iterator[tuple[int, Pair]]:
    for number, row in rows:
        columns = _columns(list(row))
        if columns is None:
            raise InputError(f"{path}, line {number}: found no two texts among: {', '.join(map(str, row))}")
        left, right, label = columns
        value = row.get(label) if label else None
        yield number, (str(row[left]), str(row[right]), "" if value is None else str(value))


def _columns(names: list[str]) -> tuple[str, str, str | None] | None:
    """Which columns hold the texts and the label (None: there is no label)."""
    for (left, right), labels in _COLUMNS:
        if left in names and right in names:
            return left, right, next((label for label in labels if label in names), None)
    return None


def _of_cells(path: Path, rows: Iterable[tuple[int, list[str]]]) -> Iterator[tuple[int, Pair]]:
    header: list[str] | None = None
    begun = False
    for number, cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        if not begun:
            begun = True
            if _columns([cell.strip() for cell in cells]):
                header = [cell.strip() for cell in cells]
                continue
        if header is not None:
            if len(cells) != len(header):
                raise InputError(f"{path}, line {number}: expected {len(header)} cells, found {len(cells)}")
            yield from _of_objects(path, [(number, dict(zip(header, cells, strict=True)))])
        elif len(cells) in (3, 4):
            yield number, (cells[-3], cells[-2], cells[-1])
        else:
            raise InputError(
                f"{path}, line {number}: expected 3 or 4 cells (id, text, text, label), found {len(cells)}"
            )
