"""Showing how far the work is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol


class Track(Protocol):
    """Yields the items one by one and may show how far it is."""

    def __call__(self, items: Sequence[Any], what: str) -> Iterable[Any]: ...


def untracked(items: Sequence[Any], what: str) -> Iterable[Any]:
    """The items, and nothing shown."""
    return items


def progress_bar(items: Sequence[Any], what: str) -> Iterable[Any]:
    """The items, with a bar on stderr that shows what is being done, how far it is and the time left."""
    from rich.console import Console
    from rich.progress import track

    return track(items, what, console=Console(stderr=True))
