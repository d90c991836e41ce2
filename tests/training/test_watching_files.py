"""Names of figures, metrics.csv, speed and time left, TensorBoard's curves: no network involved."""

from __future__ import annotations

import math

import numpy as np
import pytest

from corpus_builder.errors import InputError
from roformer_sim.training.watching.metric_names import (
    check_metric,
    higher_is_better,
    metric_names,
)
from roformer_sim.training.watching.metrics_file import MetricsFile, read_metrics
from roformer_sim.training.watching.pace import Pace, clock
from roformer_sim.training.watching.tensorboard_events import TensorBoardEvents
from roformer_sim.training.watching.tokens import TokenCounts


@pytest.mark.parametrize("name", ["token_accuracy", "val_partner_accuracy", "sts_ATEC", "sts_mean"])
def test_accuracies_and_sts_rise(name):
    assert higher_is_better(name)


@pytest.mark.parametrize("name", ["loss", "val_similarity_loss", "alignment", "uniformity", "cosent"])
def test_losses_and_geometry_fall(name):
    assert not higher_is_better(name)


def test_speed_is_no_measure_of_a_model():
    with pytest.raises(InputError, match="tokens_per_second does not say"):
        higher_is_better("tokens_per_second")


def test_a_metric_the_run_does_not_have_is_refused_with_those_it_has():
    names = metric_names(["loss", "generation_loss"], held_out=True, sts_tables=["sts_BQ"])
    assert check_metric("val_generation_loss", names) == "val_generation_loss"
    with pytest.raises(InputError, match=r"watch\.best 'sts_ATEC'.* loss, .*val_loss.* sts_BQ, sts_mean"):
        check_metric("sts_ATEC", names)
    with pytest.raises(InputError, match="no such figure"):
        check_metric("val_loss", metric_names(["loss"], held_out=False))


def rows_of(path):
    return [(row["step"], row.get("loss")) for row in read_metrics(path)]


def test_a_resumed_run_neither_loses_nor_doubles_a_line(tmp_path):
    path = tmp_path / "metrics.csv"
    first = MetricsFile(path)
    for step in (10, 20, 30, 35):
        first.append({"step": step, "epoch": 1, "loss": 1 / step})
    # Killed at step 35; the checkpoint is that of step 20.
    resumed = MetricsFile(path, resume_step=20)
    for step in (30, 40):
        resumed.append({"step": step, "epoch": 2, "loss": 2 / step})
    assert rows_of(path) == [(10, 0.1), (20, 0.05), (30, pytest.approx(2 / 30)), (40, 0.05)]
    assert [row["step"] for row in resumed.rows] == [10, 20, 30, 40]


def test_a_new_run_begins_a_new_file(tmp_path):
    path = tmp_path / "metrics.csv"
    MetricsFile(path).append({"step": 10, "loss": 1.0})
    MetricsFile(path).append({"step": 10, "loss": 2.0})
    assert rows_of(path) == [(10, 2.0)]


def test_a_new_column_is_added_to_the_header_and_left_empty_before(tmp_path):
    path = tmp_path / "metrics.csv"
    file = MetricsFile(path)
    file.append({"step": 10, "loss": 1.0})
    file.append({"step": 20, "loss": 0.5, "sts_ATEC": 21.5})
    file.append({"step": 30, "loss": 0.25})
    lines = path.read_text(encoding="utf-8").splitlines()
    head = "step,epoch,seconds,tokens,tokens_per_second,learning_rate,loss,sts_ATEC"
    assert lines == [head, "10,,,,,,1,", "20,,,,,,0.5,21.5", "30,,,,,,0.25,"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_line_cut_short_by_a_kill_is_dropped_and_written_again(tmp_path, cut):
    path = tmp_path / "metrics.csv"
    file = MetricsFile(path)
    for step in (10, 20):
        file.append({"step": step, "loss": 0.25})
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    resumed = MetricsFile(path, resume_step=10)
    resumed.append({"step": 20, "loss": 0.25})
    assert path.read_bytes() == whole


def test_a_damaged_file_is_named_with_its_line(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("step,loss\n10,1.0\n20,abc\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"metrics.csv: line 3: .*abc"):
        MetricsFile(path, resume_step=20)
    path.write_text("step,loss\n10,1.0,3\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"line 2: 3 cells under 2 columns"):
        read_metrics(path)
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 1"):
        read_metrics(path)


def test_nan_is_written_and_read_as_such(tmp_path):
    file = MetricsFile(tmp_path / "metrics.csv")
    file.append({"step": 1, "loss": math.nan, "sts_BQ": math.inf})
    (row,) = read_metrics(file.path)
    assert math.isnan(row["loss"]) and row["sts_BQ"] == math.inf


def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        MetricsFile(tmp_path / "file" / "metrics.csv")


def test_tokens_are_those_that_are_no_padding():
    counts = TokenCounts(pad_id=0)
    batch = {
        "token_ids": np.array([[2, 7, 3, 0], [2, 3, 0, 0]]),
        "hard_token_ids": np.array([[2, 9, 9, 3]]),
        "segment_ids": np.ones((2, 4)),
    }
    counts.record(5, batch)
    assert counts(5) == 3 + 2 + 4
    assert counts(6) is None


def test_pace_leaves_the_first_step_out_and_counts_pauses_apart():
    pace = Pace()
    pace.resume(0.0)
    pace.step(60.0, 1, 1000)  # compiles
    assert pace.tokens_per_second is None and pace.seconds_left(10, 0) is None
    pace.step(62.0, 1, 1000)
    pace.step(64.0, 1, 2000)
    assert pace.tokens_per_second == 3000 / 4
    pace.pause()
    pace.resume(74.0)
    # Ten steps of 2 s, and two pauses of 10 s as the one seen.
    assert pace.seconds_left(10, 2) == 40
    pace.step(75.0, 2, 4000)
    assert pace.tokens_per_second == 4000
    assert pace.seconds_left(12, 0) == pytest.approx(12 * 5 / 4)


def test_speed_is_that_of_the_last_seconds():
    pace = Pace(window=30)
    pace.resume(0.0)
    for second in range(1, 101):
        pace.step(float(second), 1, 100 if second < 60 else 300)
    assert pace.tokens_per_second == pytest.approx(300)


def test_tokens_that_are_not_known_are_not_guessed():
    pace = Pace()
    pace.resume(0.0)
    for second in (1.0, 2.0, 3.0):
        pace.step(second, 1, None)
    assert pace.tokens_per_second is None and pace.seconds_left(5, 0) == 5


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (69, "1:09"), (3599.6, "1:00:00")])
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_a_resumed_run_goes_on_with_the_same_tensorboard_curves(tmp_path):
    event_accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="TensorBoard is not installed"
    )
    first = TensorBoardEvents(tmp_path)
    for step in (10, 20, 30):
        first.append({"step": step, "epoch": 1, "seconds": 5.0, "loss": 1.0, "sts_ATEC": 20.0})
    resumed = TensorBoardEvents(tmp_path, resume_step=20)
    for step in (30, 40):
        resumed.append({"step": step, "val_loss": 0.5, "loss": 0.25})
    curves = event_accumulator.EventAccumulator(str(tmp_path))
    curves.Reload()
    assert set(curves.Tags()["scalars"]) == {"train/loss", "validation/loss", "sts/ATEC"}
    points = [(point.step, point.value) for point in curves.Scalars("train/loss")]
    assert points == [(10, 1.0), (20, 1.0), (30, 0.25), (40, 0.25)]
