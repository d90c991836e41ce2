"""Parts: whole or not there, refused for another run."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from corpus_builder.errors import InputError
from corpus_builder.jobs.parts import Part, PartsFolder

ROWS = [{"text_a": "今天下雨吗？", "score": 0.5}, {"text_a": "一\n二 三", "score": 1.0}]


def test_a_part_comes_back_as_it_was(tmp_path):
    folder = PartsFolder(tmp_path / "parts", {"command": "documents"})
    keys = np.array([[1, 2], [3, 2**64 - 1]], np.uint64)
    rejects = [{"file": "a.jsonl", "line": 3, "reason": "malformed JSON"}]
    folder.save(4, Part(ROWS, keys, Counter({"pairs": 2}), rejects))
    again = PartsFolder(tmp_path / "parts", {"command": "documents"})
    assert again.has(4) and not again.has(3)
    assert list(again.rows(4)) == [
        '{"text_a": "今天下雨吗？", "score": 0.5}',
        '{"text_a": "一\\n二 三", "score": 1.0}',
    ]
    np.testing.assert_array_equal(again.keys(4), keys)
    np.testing.assert_array_equal(again.keys(4, mapped=True), keys)
    assert again.counts(4) == Counter({"pairs": 2}) and again.rejects(4) == rejects


def test_an_empty_part_counts_as_done(tmp_path):
    folder = PartsFolder(tmp_path, {})
    folder.save(0, Part(counts=Counter({"documents": 7})))
    assert folder.has(0) and list(folder.rows(0)) == [] and len(folder.keys(0)) == 0


def test_rows_without_their_summary_are_not_a_part(tmp_path):
    folder = PartsFolder(tmp_path, {})
    folder.save(0, Part(ROWS))
    (tmp_path / "000000.json").unlink()  # killed between the two writes
    assert not folder.has(0)
    folder.save(0, Part(ROWS[:1]))
    assert len(list(folder.rows(0))) == 1


def test_work_done_with_other_settings_is_refused(tmp_path):
    PartsFolder(tmp_path, {"threshold": 0.5, "inputs": ["a"]}).save(0, Part(ROWS))
    with pytest.raises(InputError, match=r"another run \(threshold differ\).*finish that run"):
        PartsFolder(tmp_path, {"threshold": 0.6, "inputs": ["a"]})


def test_work_on_other_inputs_is_begun_anew(tmp_path):
    PartsFolder(tmp_path, {"threshold": 0.5, "inputs": ["a"]}).save(0, Part(ROWS))
    assert not PartsFolder(tmp_path, {"threshold": 0.5, "inputs": ["b"]}).has(0)


def test_settings_may_change_before_anything_is_finished(tmp_path):
    PartsFolder(tmp_path, {"threshold": 0.5, "inputs": ["a"]})
    folder = PartsFolder(tmp_path, {"threshold": 0.6, "inputs": ["a"]})
    folder.save(3, Part(ROWS))
    assert folder.numbers() == [3]


def test_a_file_in_the_folders_place_is_refused(tmp_path):
    (tmp_path / "parts").write_text("x")
    with pytest.raises(InputError, match="cannot be used"):
        PartsFolder(tmp_path / "parts", {})
