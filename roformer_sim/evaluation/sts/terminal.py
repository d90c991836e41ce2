"""The table on the terminal."""

from __future__ import annotations

from typing import IO

from roformer_sim.evaluation.sts.report import METRIC, StsReport, shown


def print_report(report: StsReport, file: IO[str] | None = None) -> None:
    """Print the table to ``file`` (standard output), the best figure of each column marked, notes below."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(title=METRIC, box=box.SIMPLE_HEAD, title_justify="left")
    grid.add_column("encoder", overflow="fold")
    grid.add_column("vectors")
    for table in report.tables:
        grid.add_column(f"{table.name}\n{table.split}\n{table.rows:,}", justify="right", no_wrap=True)
    grid.add_column("macro\naverage", justify="right")
    grid.add_column("weighted\naverage", justify="right")
    rows = list(report.rows())
    best = [
        max((row.figures[c].spearman.value for row in rows if not row.figures[c].undefined), default=None)
        for c in range(len(report.columns))
    ]
    before = ""
    for row in rows:
        cells = [
            Text(shown(f.spearman, interval=False), style="bold" if f.spearman.value == top else "")
            for f, top in zip(row.figures, best, strict=True)
        ]
        if before and before != row.encoder:
            grid.add_section()
        before = row.encoder
        grid.add_row(row.encoder, row.variant.title or "-", *cells)
    console = Console(file=file, markup=False, highlight=False)
    if not console.is_terminal:
        # A file or a pipe has no width of its own; rich's 80 columns would cut the names.
        console = Console(file=file, markup=False, highlight=False, width=1000)
    console.print(grid)
    widths = [f.spearman.high - f.spearman.low for row in rows for f in row.figures[: len(report.tables)]]
    known = [width / 2 for width in widths if width == width]
    if known:
        console.print(
            f"{report.interval_name()}: half width {min(known):.1f} to {max(known):.1f}; each in the JSON, "
            "CSV and HTML (--output).",
            soft_wrap=True,
        )
    for note in report.notes():
        console.print(note, soft_wrap=True)
