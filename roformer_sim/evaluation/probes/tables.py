"""Tables of texts with a class: where they are found, what is left out of them and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from corpus_builder.errors import InputError
from corpus_builder.readers import COMPRESSED, RowError, read_objects
from roformer_sim.evaluation.sts.tables import name_and_split
from roformer_sim.evaluation.vectors.pairs import checked_text

SPLITS = ("all", "valid", "train")
"""Which file of a set is taken, the first that is there."""
_ENDINGS = (*(f"{e}{packed}" for e in (".tsv", ".jsonl", ".csv") for packed in ("", *COMPRESSED)), ".parquet")


@dataclass(frozen=True)
class ClassTable:
    """Distinct texts and their classes.

    Attributes:
        name: The folder's name, or the file's.
        split: ``"valid"``, ``"all"``, ...
        file: Where it was read from.
        texts, labels: One entry a row.
        notes: What was left out.
    """

    name: str
    split: str
    file: str
    texts: tuple[str, ...]
    labels: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(set(self.labels))

    @property
    def title(self) -> str:
        """``TNEWS valid (1,000 rows, 15 classes)``."""
        return f"{self.name} {self.split} ({len(self.texts):,} rows, {self.classes} classes)"


def find_class_files(
    places: Iterable[str | Path], split: str | None = None, names: Sequence[str] | None = None
) -> list[Path]:
    """One file of each set: ``DIR/<name>/<split>.tsv`` or ``DIR/<split>.tsv``, and files as they are.

    ``.jsonl``, ``.csv`` and ``.parquet`` count too, and compressed ones. Folders without such a file are
    passed over.

    Args:
        places: Folders and files.
        split: Which file; ``None`` for the first of :data:`SPLITS` that a set has.
        names: Only the sets of these names; ``None`` for all.

    Raises:
        InputError: A path does not exist, a folder holds no such file, a file or a set is named twice, a
            set of ``names`` is not there.
    """
    files: list[Path] = []
    for place in map(Path, places):
        if not place.exists():
            raise InputError(f"{place}: there is no such file or folder")
        if place.is_file():
            files.append(place)
            continue
        found = [_file_of(folder, split) for folder in (place, *sorted(filter(Path.is_dir, place.iterdir())))]
        if not any(found):
            wanted = split or f"{', '.join(SPLITS[:-1])} or {SPLITS[-1]}"
            raise InputError(f"{place}: holds no {wanted}.tsv with text and label, nor does a folder in it")
        files += [path for path in found if path is not None]
    titles = Counter(name_and_split_all(path)[0] for path in files)
    twice = next((name for name, count in titles.items() if count > 1), None)
    if twice is not None:
        raise InputError(f"the set {twice} is named twice")
    if names is None:
        return files
    missing = [name for name in names if name not in titles]
    if missing:
        raise InputError(f"no set {', '.join(missing)}; found: {', '.join(titles)}")
    return [path for name in names for path in files if name_and_split_all(path)[0] == name]


def _file_of(folder: Path, split: str | None) -> Path | None:
    for name in SPLITS if split is None else (split,):
        for ending in _ENDINGS:
            if (path := folder / f"{name}{ending}").is_file():
                return path
    return None


def read_class_table(
    path: str | Path, *, folds: int = 5, rows: int | None = None, seed: int = 0, skip_empty: bool = False
) -> ClassTable:
    """Read ``text`` and ``label`` (a string or an integer): TSV or CSV with a header, JSON lines, Parquet.

    A text that comes again counts once, with its first class: a fold must not be asked for what another has
    shown. Of more than ``rows`` texts a random sample is taken, then classes of fewer than ``folds`` texts
    are left out: they cannot be in every fold. All of this is said in the table's notes.

    Args:
        path: The file.
        folds: Of the cross-validation.
        rows: Most texts; ``None`` for all.
        seed: Of the sample.
        skip_empty: Pass over empty texts (counted) instead of raising.

    Raises:
        InputError: A column is missing, a text or label empty (file and line named), fewer texts than folds,
            or only one class.
    """
    path = Path(path)
    found: dict[str, str] = {}
    notes: list[str] = []
    repeated = other = empty = 0
    for text, label in _rows(path, skip_empty):
        if not text:
            empty += 1
        elif text in found:
            repeated, other = repeated + 1, other + (found[text] != label)
        else:
            found[text] = label
    if empty:
        notes.append(f"{empty:,} empty texts passed over")
    if repeated:
        notes.append(f"{repeated:,} rows repeat a text and are left out ({other:,} with another class)")
    chosen = list(found.items())
    if rows is not None and len(chosen) > rows:
        notes.append(f"a random sample of {rows:,} of {len(chosen):,} texts (seed {seed})")
        chosen = [chosen[i] for i in np.sort(np.random.default_rng(seed).choice(len(chosen), rows, False))]
    if len(chosen) < folds:
        raise InputError(f"{path}: {len(chosen)} distinct texts; {folds} folds need at least {folds}")
    if len(set(found.values())) < 2:
        raise InputError(f"{path}: all texts are of one class, {chosen[0][1]!r}; a probe needs two")
    counts = Counter(label for _, label in chosen)
    rare = {label for label, count in counts.items() if count < folds}
    if rare:
        lost = sum(counts[label] for label in rare)
        notes.append(f"{len(rare)} classes of fewer than {folds} texts left out ({lost:,} texts)")
        chosen = [(text, label) for text, label in chosen if label not in rare]
    if len(counts) - len(rare) < 2:
        raise InputError(
            f"{path}: {len(counts) - len(rare)} classes have the {folds} texts that {folds} folds need; "
            "a probe needs two: take fewer folds or more rows"
        )
    texts, labels = zip(*chosen, strict=True)
    return ClassTable(*name_and_split_all(path), str(path), texts, labels, tuple(notes))


def name_and_split_all(path: Path) -> tuple[str, str]:
    """As of STS tables; ``NAME/all.tsv`` is NAME, split all."""
    if path.name.split(".")[0] == "all":
        return path.resolve().parent.name, "all"
    return name_and_split(path)


def _rows(path: Path, skip_empty: bool) -> Iterator[tuple[str, str]]:
    """Text and label of each row; an empty text only where those are to be counted."""
    for line, row in read_objects(path):
        if skip_empty and isinstance(row.get("text"), str) and not row["text"].strip():
            yield "", ""
            continue
        try:
            text = checked_text(row, "text", path, line)
        except RowError as error:
            if error.reason.endswith("is empty"):
                raise RowError(str(path), line, f"{error.reason} (--skip-empty passes over it)") from None
            raise
        if "label" not in row:
            raise RowError(str(path), line, f'the column "label" is missing; the row has: {", ".join(row)}')
        label = row["label"]
        if isinstance(label, bool) or not isinstance(label, str | int) or not str(label).strip():
            raise RowError(str(path), line, f"the label {label!r} must be a string or an integer, not empty")
        yield text, str(label)
