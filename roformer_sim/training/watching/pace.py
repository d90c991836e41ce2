"""How fast a run goes and how long it will take, pauses between epochs counted apart."""

from __future__ import annotations

from collections import deque


class Pace:
    """Speed of the steps of this process, from the second on: the first one compiles.

    Times are seconds of any steady clock and are passed in.

    Args:
        window: Tokens a second are those of the last so many seconds.
    """

    def __init__(self, window: float = 30.0) -> None:
        self.window = window
        self._recent: deque[tuple[float, int]] = deque()
        self._steps, self._seconds = 0, 0.0
        self._pauses: list[float] = []
        self._last: float | None = None
        self._paused: float | None = None
        self._warm = False

    def step(self, now: float, steps: int, tokens: int | None) -> None:
        """``steps`` further steps are done, with so many tokens in them."""
        if self._last is not None and self._warm:
            self._steps += steps
            self._seconds += now - self._last
        if self._warm:
            self._recent.append((now, tokens if tokens is not None else -1))
        else:
            # What came before was compiled within its time.
            self._recent.append((now, 0))
        while len(self._recent) > 2 and self._recent[1][0] < now - self.window:
            self._recent.popleft()
        self._warm, self._last = True, now

    def pause(self) -> None:
        """The last step was an epoch's last; validation, checkpoints and the like have begun."""
        self._paused = self._last

    def resume(self, now: float) -> None:
        """The steps of an epoch begin."""
        if self._paused is not None:
            self._pauses.append(now - self._paused)
        self._paused = None
        self._recent.clear()
        if self._warm:
            self._recent.append((now, 0))
        self._last = now

    @property
    def tokens_per_second(self) -> float | None:
        """Useful tokens a second, recently; ``None`` until two steps are done, or if they are not counted."""
        if len(self._recent) < 2:
            return None
        counts = [tokens for _, tokens in list(self._recent)[1:]]
        elapsed = self._recent[-1][0] - self._recent[0][0]
        return None if min(counts) < 0 or elapsed <= 0 else sum(counts) / elapsed

    def seconds_left(self, steps: int, pauses: int) -> float | None:
        """Time for so many further steps and pauses; ``None`` until two steps are done."""
        if not self._steps:
            return None
        pause = sum(self._pauses) / len(self._pauses) if self._pauses else 0.0
        return steps * self._seconds / self._steps + pauses * pause


def clock(seconds: float) -> str:
    """``0:09``, ``12:40`` or ``1:02:03``.

    >>> clock(3723)
    '1:02:03'
    """
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
