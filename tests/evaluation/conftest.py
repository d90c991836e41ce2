"""Tables written by hand, and a model of sentences that needs no network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[..., Path]

ROWS = [
    ("广州和深圳哪个好", "深圳和广州哪个好", 5),
    ("怎么开通花呗", "花呗如何开通", 4),
    ("今天下雨", "明天下雪吗", 2),
    ("苹果手机多少钱", "北京天气如何", 0),
]


@pytest.fixture
def write_table(tmp_path: Path) -> Write:
    """``write_table("ATEC/valid.tsv", rows)``: an STS table of hand-made rows."""

    def write(name: str, rows: list[tuple[str, str, float]] = ROWS) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = ["text_a\ttext_b\tlabel", *(f"{a}\t{b}\t{label}" for a, b, label in rows)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write
