"""How batches are divided, and what does not go with several devices."""

from __future__ import annotations

import numpy as np
import pytest

from roformer_sim import InputError
from roformer_sim.training.arrays import make_batch
from roformer_sim.training.devices import chosen_of, open_devices
from roformer_sim.training.devices_parts import process_part, replica_parts
from roformer_sim.training.rows import Row

ROWS = [Row([2, 7, 3, 8 + i, 9, 3], 3) for i in range(6)] + [Row([2, 7, 8, 3], 4), Row([2, 7, 3, 5, 3], 3)]


@pytest.fixture
def batch():
    made = make_batch(ROWS, 0)
    return made | {"same": np.eye(8, dtype=bool), "partners": np.arange(8, dtype=np.int32) ^ 1}


def targets(batch):
    """(row's tokens, place, target) of all targets of a batch."""
    length = batch["token_ids"].shape[1]
    for position, target, weight in zip(batch["positions"], batch["targets"], batch["weights"], strict=True):
        if weight:
            row, place = divmod(int(position), length)
            yield tuple(batch["token_ids"][row]), place, int(target)


def test_replicas_have_their_rows_and_the_targets_in_them(batch):
    parts = replica_parts(batch, 2)
    assert [part["token_ids"].shape[0] for part in parts] == [4, 4]
    np.testing.assert_array_equal(np.concatenate([p["token_ids"] for p in parts]), batch["token_ids"])
    assert [target for part in parts for target in targets(part)] == list(targets(batch))
    assert len({part["positions"].shape for part in parts}) == 1
    assert all(part["same"].shape == (8, 8) and part["partners"].shape == (8,) for part in parts)


def test_the_two_passes_of_a_target_stay_half_a_list_apart():
    twice = make_batch([row for row in ROWS[:4] for _ in range(2)], 0, copies=2)
    for part in replica_parts(twice, 2):
        found, half = list(targets(part)), len(part["positions"]) // 2
        assert found[: len(found) // 2] == found[len(found) // 2 :]
        np.testing.assert_array_equal(part["targets"][:half], part["targets"][half:])


@pytest.mark.parametrize("devices", [2, 6])
def test_the_parts_of_processes_are_the_batch_one_behind_the_other(batch, devices):
    batch = {key: np.concatenate([array] * 3) if devices == 6 else array for key, array in batch.items()}
    parts = [process_part(batch, devices, process, 2) for process in range(2)]
    joined = {key: np.concatenate([part[key] for part in parts]) for key in batch}
    assert all(len(joined[key]) % devices == 0 for key in joined)
    assert list(targets(joined)) == list(targets(batch))
    for key in ("token_ids", "same", "partners"):
        np.testing.assert_array_equal(joined[key], batch[key])


def test_more_devices_than_there_are_is_refused():
    with pytest.raises(InputError, match=r"train\.devices 3: JAX finds 2 \(cpu:0, cpu:1\)"):
        chosen_of(["cpu:0", "cpu:1"], 3, "JAX")


def test_several_processes_need_all_devices(tiny_recipe, monkeypatch):
    monkeypatch.setenv("KERAS_DISTRIBUTION_JOB_ADDRESSES", "127.0.0.1:9911")
    with pytest.raises(InputError, match=r'train\.devices = "all"'):
        open_devices(tiny_recipe())
