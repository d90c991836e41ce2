"""Bar charts as numbers for inline SVG: no script, no image files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from corpus_builder.report.histograms import Bin

WIDTH, HEIGHT = 640, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 8, 10, 26


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar in SVG units, and the words that describe it."""

    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis."""

    position: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A histogram ready to be drawn in a view box of ``WIDTH`` x ``HEIGHT``."""

    bars: list[Bar]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    left: float = _LEFT
    bottom: float = HEIGHT - _BOTTOM
    right: float = WIDTH - _RIGHT


def bar_chart(bins: Sequence[Bin], describe: Callable[[Bin], str], axis: Callable[[Bin], str]) -> Chart:
    """The bins side by side, the fullest as high as the chart.

    Args:
        bins: neighbouring bins, in order.
        describe: the name of a bin in its tooltip and table.
        axis: the label under a bin; about eight of them are shown.
    """
    inner_width, inner_height = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
    step = inner_width / max(len(bins), 1)
    most = max((bin.count for bin in bins), default=0) or 1
    bars, x_ticks = [], []
    every = -(-len(bins) // 10) or 1
    for n, bin in enumerate(bins):
        x = _LEFT + n * step
        height = inner_height * bin.count / most
        y = _TOP + inner_height - height
        label = f"{describe(bin)}: {bin.count:,}"
        bars.append(
            Bar(round(x + step * 0.05, 2), round(y, 2), round(step * 0.9, 2), round(height, 2), label)
        )
        if n % every == 0:
            x_ticks.append(Tick(round(x + step / 2, 2), axis(bin)))
    y_ticks = [Tick(round(_TOP + inner_height * (1 - part / most), 2), f"{part:,}") for part in _parts(most)]
    return Chart(bars, x_ticks, y_ticks)


def _parts(most: int) -> list[int]:
    """Round numbers from 0 up to ``most``, three to six of them where ``most`` has room for so many."""
    magnitude = 10 ** (len(str(most)) - 1)
    steps = (magnitude // 5, magnitude // 2, magnitude, 2 * magnitude)
    step = next(size for size in steps if size and most // size <= 5)
    return list(range(0, most + 1, step))
