"""A report's folder: JSON, CSV, Markdown and what else belongs to it, each file whole or absent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from roformer_sim.training.watching.replaced_file import replace_file


class Report(Protocol):
    """What every report can be turned into."""

    def to_dict(self) -> dict[str, Any]: ...
    def to_csv(self) -> str: ...
    def to_markdown(self) -> str: ...


def write_report_folder(report: Report, name: str, folder: Path, others: Mapping[str, bytes]) -> list[Path]:
    """Write ``name.json``, ``name.csv``, ``name.md`` and the other files.

    Args:
        others: Contents by file name: plots, pages.

    Returns:
        The files.

    Raises:
        InputError: The folder cannot be written.
    """
    files = {
        f"{name}.json": json.dumps(report.to_dict(), ensure_ascii=False, indent=2).encode() + b"\n",
        f"{name}.csv": report.to_csv().encode(),
        f"{name}.md": report.to_markdown().encode(),
        **others,
    }
    for file, content in files.items():
        replace_file(folder / file, content)
    return [folder / file for file in files]
