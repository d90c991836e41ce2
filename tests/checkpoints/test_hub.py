"""Names on huggingface.co; nothing here asks the network."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import resolve_preset
from roformer_sim.checkpoints.hub import looks_like_hub_name


@pytest.mark.parametrize(
    "name", ["junnyu/roformer_chinese_char_base", "google-bert/bert-base-chinese", "a/b.c"]
)
def test_owner_and_name_are_a_hub_name(name: str) -> None:
    assert looks_like_hub_name(name)


@pytest.mark.parametrize("name", ["folder", "/a/b", "a/b/c", "../a", "./a", "a/..", "a/", "a b/c", ".a/b"])
def test_paths_are_not(name: str) -> None:
    assert not looks_like_hub_name(name)


def test_a_wrong_path_in_a_folder_that_is_there_is_a_wrong_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="neither a folder nor a shipped preset"):
        resolve_preset("models/simbret")


def test_without_the_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(InputError, match="pip install huggingface_hub"):
        resolve_preset("someone/some-model")
