"""The matrix of docs/interop.md from what the tests of other tools measured.

    INTEROP_RESULTS=results.jsonl make test-interop
    python parity/interop.py results.jsonl docs/interop.md

Each line of the file is what one test recorded (tests/interop/recording.py). The table replaces what stands in
the document between its two marks; of several tests of one cell the largest difference counts.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

BEGIN, END = "<!-- matrix: begin -->", "<!-- matrix: end -->"
VECTORS = ("P1", "P2", "P3", "P4", "vector", "similarity", "tanh(P2)")
COLUMNS = ("hidden", "vectors", "logits", "scores")


def table(lines: list[str]) -> str:
    """Markdown: a row for each format, direction and family."""
    cells: dict[tuple[str, str, str], dict[str, float]] = defaultdict(dict)
    for line in lines:
        row = json.loads(line)
        cell = cells[row["format"], row["direction"], row["family"]]
        for kind, difference in row["differences"].items():
            column = "vectors" if kind in VECTORS else kind if kind in COLUMNS else "scores"
            cell[column] = max(cell.get(column, 0.0), difference)
    rows = [
        f"| {' | '.join(key)} | {' | '.join(shown(cell.get(column)) for column in COLUMNS)} |"
        for key, cell in sorted(cells.items())
    ]
    head = (
        f"| format | direction | family | {' | '.join(COLUMNS)} |",
        "|---|---|---|" + "---:|" * len(COLUMNS),
    )
    return "\n".join([*head, *rows])


def shown(difference: float | None) -> str:
    """``3.1e-07``, ``0``, or ``-`` where the other tool gives no such thing."""
    if difference is None:
        return "-"
    return f"{difference:.1e}" if difference else "0"


def main() -> None:
    """Put the table into the document."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("document", type=Path)
    arguments = parser.parse_args()
    lines = arguments.results.read_text(encoding="utf-8").splitlines()
    before, _, rest = arguments.document.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    content = f"{before}{BEGIN}\n\n{table(lines)}\n\n{END}{after}"
    arguments.document.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
