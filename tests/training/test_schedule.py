"""The learning rate, step by step."""

from __future__ import annotations

import numpy as np
import pytest

from roformer_sim.training.schedule import WarmupSchedule


def rates(schedule, steps):
    return [float(schedule(step)) for step in range(steps)]


def test_warm_up_then_constant():
    assert rates(WarmupSchedule(0.8, 4), 7) == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8, 0.8, 0.8])


def test_no_warm_up():
    assert rates(WarmupSchedule(0.5, 0), 3) == pytest.approx([0.5, 0.5, 0.5])


def test_warm_up_then_a_line_to_zero():
    # Two steps up, then down over the six that remain; the step after the last would be 0.
    expected = [0.6, 1.2, 1.2, 1.0, 0.8, 0.6, 0.4, 0.2, 0.0, 0.0]
    assert rates(WarmupSchedule(1.2, 2, total_steps=8), 10) == pytest.approx(expected, abs=1e-6)


def test_a_warm_up_longer_than_the_run_never_goes_below_zero():
    values = rates(WarmupSchedule(1.0, 10, total_steps=5), 12)
    assert np.all(np.array(values) >= 0) and values[:5] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])


def test_its_configuration_makes_it_again():
    schedule = WarmupSchedule(1e-3, 3, total_steps=9)
    assert rates(WarmupSchedule(**schedule.get_config()), 9) == rates(schedule, 9)
