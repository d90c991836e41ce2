"""The public sets from the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from corpus_builder.errors import InputError
from roformer_sim.evaluation.sts.prepare import Source, split_of

REPOSITORIES = {
    "ATEC": "C-MTEB/ATEC",
    "BQ": "C-MTEB/BQ",
    "LCQMC": "C-MTEB/LCQMC",
    "PAWSX": "C-MTEB/PAWSX",
    "STS-B": "C-MTEB/STSB",
    "AFQMC": "C-MTEB/AFQMC",
    "QBQTC": "C-MTEB/QBQTC",
}
"""Set to the data set on the hub that holds its splits, in Parquet files with sentence1, sentence2, score."""


def download(name: str, splits: Sequence[str]) -> list[Source]:
    """The files of a set on the hub, fetched into the hub's own cache; what is there is not fetched again.

    Raises:
        InputError: The set is none of :data:`REPOSITORIES`, or the hub cannot be reached.
    """
    if name not in REPOSITORIES:
        raise InputError(f"--hub {name}: must be one of {', '.join(REPOSITORIES)}")
    from huggingface_hub import snapshot_download

    try:
        folder = snapshot_download(
            REPOSITORIES[name],
            repo_type="dataset",
            allow_patterns=["*.parquet", "*.jsonl", "*.json", "*.tsv"],
        )
    except Exception as error:  # it raises a dozen kinds, its own and those of what it is built on
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(
            f"--hub {name}: {REPOSITORIES[name]} cannot be had from the Hugging Face hub ({reason}); without "
            "a network download the files elsewhere and name them"
        ) from error
    files = [path for path in sorted(Path(folder).rglob("*")) if path.is_file()]
    found = [(file, split_of(file)) for file in files]
    return [Source(file, name, split) for file, split in found if split and split in splits]
