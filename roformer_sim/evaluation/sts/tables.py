"""Tables of sentence pairs with labels: where they are found and what they are called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus_builder.errors import InputError
from corpus_builder.readers import COMPRESSED, read_sts

FIVE = ("ATEC", "BQ", "LCQMC", "PAWSX", "STS-B")
"""The sets of the published Chinese tables, in their order."""

_SPLIT = re.compile(r"(?:(?P<name>.+)[._-])?(?P<split>train\w*|valid(?:ation)?|dev|test)", re.IGNORECASE)
_FORMATS = tuple(f"{form}{packed}" for form in (".tsv", ".jsonl", ".csv") for packed in ("", *COMPRESSED))
_ENDINGS = (*_FORMATS, ".parquet")


@dataclass(frozen=True)
class StsTable:
    """Pairs of sentences and what people say of them.

    Attributes:
        name: ``"ATEC"``: the folder's name, or the file's where it does not start with a split.
        split: ``"valid"``, ``"test"``, ``"train..."``; ``"unnamed"`` where the file name says none.
        file: Where it was read from.
        texts_a, texts_b, labels: One entry a row.
    """

    name: str
    split: str
    file: str
    texts_a: tuple[str, ...]
    texts_b: tuple[str, ...]
    labels: tuple[float, ...]

    @property
    def rows(self) -> int:
        """Number of pairs."""
        return len(self.labels)

    @property
    def title(self) -> str:
        """Name, split and size, as every report shows them: ``ATEC valid (20,000)``."""
        return f"{self.name} {self.split} ({self.rows:,})"


def find_sts_files(
    places: Iterable[str | Path], split: str = "valid", names: Sequence[str] | None = None
) -> list[Path]:
    """The tables of ``split`` in folders, and files as they are.

    A folder is searched for ``<split>.tsv`` itself and one level down (``DATA/ATEC/valid.tsv``); ``.jsonl``,
    ``.csv`` and ``.parquet`` count too, and compressed ones.

    Args:
        places: Folders and files.
        split: Which file of a folder.
        names: Only the sets of these names, in this order; ``None`` for all.

    Raises:
        InputError: a folder without such a table, a path that does not exist, a file named twice, none of
            ``names`` is there.
    """
    files: list[Path] = []
    for place in map(Path, places):
        if place.is_dir():
            wanted = [f"{split}{ending}" for ending in _ENDINGS]
            found = {path for name in wanted for path in (*place.glob(name), *place.glob(f"*/{name}"))}
            if not found:
                raise InputError(
                    f"{place}: holds no {split}.tsv, nor does a folder in it; name files, or a split"
                )
            files += sorted(found, key=_published_first)
        elif place.is_file():
            files.append(place)
        else:
            raise InputError(f"{place}: there is no such file or folder")
    if not files:
        raise InputError("no table to evaluate on; name a folder or files text_a<TAB>text_b<TAB>label")
    twice = next((path for path in files if files.count(path) > 1), None)
    if twice is not None:
        raise InputError(f"{twice}: named twice")
    return files if names is None else _only(files, names)


def _published_first(path: Path) -> tuple[int, str]:
    name, _ = name_and_split(path)
    return (FIVE.index(name) if name in FIVE else len(FIVE), str(path))


def _only(files: list[Path], names: Sequence[str]) -> list[Path]:
    by_name: dict[str, list[Path]] = {}
    for path in files:
        by_name.setdefault(name_and_split(path)[0], []).append(path)
    chosen = [path for name in names for path in by_name.get(name, [])]
    if not chosen:
        raise InputError(f"none of the sets {', '.join(names)} is there; found: {', '.join(by_name)}")
    return chosen


def name_and_split(path: str | Path) -> tuple[str, str]:
    """What a table is called, and its split, by its path.

    Example:
        >>> name_and_split("ATEC/valid.tsv"), name_and_split("BQ.test.tsv.gz"), name_and_split("mine.tsv")
        (('ATEC', 'valid'), ('BQ', 'test'), ('mine', 'unnamed'))
    """
    path = Path(path)
    ending = next(
        (e for e in sorted((*_ENDINGS, ".txt"), key=len, reverse=True) if path.name.endswith(e)), ""
    )
    stem = path.name.removesuffix(ending)
    match = _SPLIT.fullmatch(stem)
    if not match:
        return stem, "unnamed"
    return match["name"] or path.resolve().parent.name, match["split"]


def read_sts_table(path: str | Path) -> StsTable:
    """Read ``text_a<TAB>text_b<TAB>label``, or JSON lines with these keys; name and split come from the path.

    ``ATEC/valid.tsv`` is table ATEC, split valid; ``BQ.test.jsonl`` is BQ, test; ``mine.tsv`` has no split.

    Raises:
        InputError: the file cannot be read, a row is damaged (line named), fewer than two rows.
    """
    path = Path(path)
    rows = list(read_sts(path))
    if len(rows) < 2:
        raise InputError(f"{path}: {len(rows)} rows; a rank correlation needs at least 2")
    return StsTable(
        *name_and_split(path),
        str(path),
        tuple(row.text_a for row in rows),
        tuple(row.text_b for row in rows),
        tuple(row.label for row in rows),
    )
