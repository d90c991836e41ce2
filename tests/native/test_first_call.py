"""Who waits for the compiler at a terminal is told so."""

from __future__ import annotations

import sys
import time

import pytest
from numba import njit

from roformer_sim.native.first_call import told_if_compiled


@njit
def twice(x):  # type: ignore[no-untyped-def]
    return 2 * x


@pytest.mark.parametrize(
    ("terminal", "seconds", "told"), [(True, 0.4, True), (True, 0, False), (False, 0.4, False)]
)
def test_a_long_first_call_is_told_of_at_a_terminal(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    terminal: bool,
    seconds: float,
    told: bool,
) -> None:
    new = njit(twice.py_func)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    with told_if_compiled(new, patience=0.1):
        time.sleep(seconds)
    assert ("once an installation" in capsys.readouterr().err) == told


def test_nothing_is_said_of_what_is_compiled_or_never_will_be(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert twice(4) == 8
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    for function in (twice, len):
        with told_if_compiled(function, patience=0.05):
            time.sleep(0.2)
    assert capsys.readouterr().err == ""
