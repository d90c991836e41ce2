"""Parts: whole or not there, refused for another run."""

from __future__ import annotations

import errno
import os
from collections import Counter

import numpy as np
import pytest

from corpus_builder.errors import InputError
from corpus_builder.jobs.parts import Part, PartsFolder

ARRAYS = {"keys": np.array([[1, 2], [3, 2**64 - 1]], np.uint64), "scores": np.array([0.5, 1.0])}


def test_a_part_comes_back_as_it_was(tmp_path):
    folder = PartsFolder(tmp_path / "parts", {"command": "documents"})
    values = np.array([3, 5, 2**64 - 1], np.uint64)
    folder.save(4, Part(ARRAYS, values, Counter({"pairs": 2, "甲": 0})))
    again = PartsFolder(tmp_path / "parts", {"command": "documents"})
    assert again.has(4) and not again.has(3)
    part = again.load(4)
    assert part.arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(part.arrays[name], array)
        assert part.arrays[name].dtype == array.dtype
    np.testing.assert_array_equal(part.values, values)
    np.testing.assert_array_equal(again.values(4), values)
    assert dict(part.counts) == {"pairs": 2, "甲": 0}


def test_an_empty_part_counts_as_done(tmp_path):
    folder = PartsFolder(tmp_path, {})
    folder.save(0, Part(counts=Counter({"documents": 7})))
    assert folder.has(0)
    part = folder.load(0)
    assert part.arrays == {} and len(part.values) == 0 and part.counts == {"documents": 7}


def test_values_without_their_arrays_are_not_a_part(tmp_path):
    folder = PartsFolder(tmp_path, {})
    folder.save(0, Part(ARRAYS, np.array([1], np.uint64)))
    (tmp_path / "000000.npz").unlink()  # killed between the two writes
    assert not folder.has(0)
    folder.save(0, Part({"scores": np.zeros(1)}))
    assert list(folder.load(0).arrays) == ["scores"]


def test_a_full_disk_is_one_clear_error(tmp_path, monkeypatch):
    folder = PartsFolder(tmp_path, {})

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="disk is full"):
        folder.save(0, Part(ARRAYS))
    assert not folder.has(0) and not list(tmp_path.glob("*.part"))


def test_work_done_with_other_settings_is_refused(tmp_path):
    PartsFolder(tmp_path, {"threshold": 0.5, "inputs": ["a"]}).save(0, Part(ARRAYS))
    with pytest.raises(InputError, match=r"another run \(threshold differ\).*finish that run"):
        PartsFolder(tmp_path, {"threshold": 0.6, "inputs": ["a"]})


def test_work_on_other_inputs_is_begun_anew(tmp_path):
    PartsFolder(tmp_path, {"threshold": 0.5, "inputs": ["a"]}).save(0, Part(ARRAYS))
    assert not PartsFolder(tmp_path, {"threshold": 0.5, "inputs": ["b"]}).has(0)


def test_settings_may_change_before_anything_is_finished(tmp_path):
    PartsFolder(tmp_path, {"threshold": 0.5, "inputs": ["a"]})
    folder = PartsFolder(tmp_path, {"threshold": 0.6, "inputs": ["a"]})
    folder.save(3, Part(ARRAYS))
    assert folder.numbers() == [3]


def test_a_file_in_the_folders_place_is_refused(tmp_path):
    (tmp_path / "parts").write_text("x")
    with pytest.raises(InputError, match="cannot be used"):
        PartsFolder(tmp_path / "parts", {})
