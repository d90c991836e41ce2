"""The folder of an index: whole or absent, never taken for another's, never used when damaged."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.checksums import write_checksums
from roformer_sim.search import IndexRow, SentenceIndex, TextEncoder, building


@pytest.fixture
def folder(tmp_path: Path, encoder, questions) -> Path:
    SentenceIndex.build(tmp_path / "faq", encoder, questions[:200], kind="hnsw")
    return tmp_path / "faq"


def version(folder: Path) -> Path:
    return folder / json.loads((folder / "index.json").read_text())["version"]


@pytest.mark.parametrize(
    "name", ["vectors.npy", "texts.utf8", "ids.ends.npy", "neighbours.faiss", "manifest.json"]
)
@pytest.mark.parametrize("harm", ["cut", "flip", "remove"])
def test_a_damaged_file_is_named(folder: Path, encoder, name: str, harm: str) -> None:
    path = version(folder) / name
    content = bytearray(path.read_bytes())
    if harm == "remove":
        path.unlink()
    else:
        content[-1] ^= 1
        path.write_bytes(content[:-5] if harm == "cut" else content)
    with pytest.raises(InputError, match=f"{name} (is|has)"):
        SentenceIndex.load(folder, encoder)


@pytest.mark.parametrize(
    "content", ["", "{", '{"format": "other", "version": "version-000001"}', '{"version": 3}']
)
def test_a_damaged_pointer_is_refused(folder: Path, content: str) -> None:
    (folder / "index.json").write_text(content)
    with pytest.raises(InputError, match=r"index\.json"):
        SentenceIndex.load(folder)


def test_stored_nan_is_refused_even_where_the_checksum_fits(folder: Path) -> None:
    vectors = np.load(version(folder) / "vectors.npy")
    vectors[17, 3] = np.nan
    np.save(version(folder) / "vectors.npy", vectors)
    write_checksums(version(folder))
    with pytest.raises(InputError, match="row 17 holds NaN"):
        SentenceIndex.load(folder)


def test_another_encoder_is_refused(folder: Path, encoder) -> None:
    other = TextEncoder(encoder.encode, {"model": "others"})
    with pytest.raises(InputError, match="was built with model characters, not with model others"):
        SentenceIndex.load(folder, other)


def test_an_encoder_under_another_name_is_the_same(folder: Path, encoder) -> None:
    renamed = TextEncoder(encoder.encode, encoder.about, name="moved")
    assert len(SentenceIndex.load(folder, renamed)) == 200


def test_the_same_encoder_that_gives_another_dimension_is_refused(folder: Path, encoder) -> None:
    shorter = TextEncoder(lambda texts: encoder.encode(texts)[:, :8], encoder.about)
    with pytest.raises(InputError, match=r"holds vectors of 32 numbers, found shape \(1, 8\)"):
        SentenceIndex.load(folder, shorter).search(["花呗"])


def test_no_index_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such folder"):
        SentenceIndex.load(tmp_path / "none")
    with pytest.raises(InputError, match="holds no index"):
        SentenceIndex.load(tmp_path)


def test_a_change_that_fails_leaves_the_index(folder: Path, encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    index = SentenceIndex.load(folder, encoder)
    index.add(["宠物能上飞机吗"])

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("roformer_sim.search.kinds.write_index", full)
    with pytest.raises(InputError, match="No space left"):
        index.save()
    assert len(SentenceIndex.load(folder, encoder)) == 200
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "index.json", "version-000001"]


def test_two_changes_at_once_lose_nothing(folder: Path, encoder) -> None:
    first, second = (SentenceIndex.load(folder, encoder) for _ in range(2))
    first.add(["宠物能上飞机吗"])
    first.save()
    second.add(["新出的理财产品靠谱吗"])
    with pytest.raises(InputError, match="was changed by another process since it was loaded"):
        second.save()
    assert SentenceIndex.load(folder, encoder).most_similar("宠物能上飞机吗", 1)[0][1] > 0.99


def test_an_open_index_goes_on_searching_after_another_has_saved(folder: Path, encoder, questions) -> None:
    reader, writer = (SentenceIndex.load(folder, encoder) for _ in range(2))
    writer.delete(["3"])
    writer.save()
    assert reader.search([questions[3]], 1)[0][0].text == questions[3]


def test_a_build_that_was_stopped_encodes_only_what_is_missing(
    tmp_path: Path, encoder, questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "BLOCK", 100)
    seen: list[int] = []

    def encode(texts: list[str]) -> np.ndarray:
        if len(seen) == 6:
            raise KeyboardInterrupt
        seen.append(len(texts))
        return encoder.encode(texts)

    with pytest.raises(KeyboardInterrupt):
        SentenceIndex.build(tmp_path / "faq", TextEncoder(encode, encoder.about), questions)
    with pytest.raises(InputError, match="holds no index"):
        SentenceIndex.load(tmp_path / "faq")
    again: list[int] = []

    def count(texts: list[str]) -> np.ndarray:
        again.append(len(texts))
        return encoder.encode(texts)

    index = SentenceIndex.build(tmp_path / "faq", TextEncoder(count, encoder.about), questions)
    assert (sum(seen), sum(again), len(index)) == (600, 400, 1000)
    assert index.search([questions[0]], 1)[0][0].text == questions[0]
    assert sorted(path.name for path in index.folder.iterdir()) == [".lock", "index.json", "version-000001"]


KILLED_WHILE_IT_WRITES = """
import os, signal, sys
import numpy as np
from roformer_sim.search import SentenceIndex, TextEncoder, kinds
encoder = TextEncoder(lambda texts: np.ones((len(texts), 32)), {"model": "characters"})
index = SentenceIndex.load(sys.argv[1], encoder)
index.add(["一"])
kinds.write_index = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
index.save()
"""


def test_killed_while_it_writes_the_index_is_the_one_before(folder: Path, encoder) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED_WHILE_IT_WRITES, folder], check=False)
    assert done.returncode == -signal.SIGKILL
    index = SentenceIndex.load(folder, encoder)
    assert len(index) == 200
    index.delete(["0"])
    index.save()
    assert [path.name for path in folder.iterdir() if path.name.endswith(".partial")] == []


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no sentence was given"),
        ("一句话", "rows is one string"),
        (["花呗", ""], r"text 1 \(from 0\): is empty"),
        (["花呗", None], "is no string but NoneType"),
        ([IndexRow("花呗", "1"), IndexRow("借呗", "1")], r"rows 0 and 1 \(from 0\) have the same id '1'"),
        (
            [IndexRow("花呗", "1"), IndexRow("借呗", None, "a.csv, line 3")],
            "a.csv, line 3: has no id, unlike",
        ),
    ],
)
def test_rows_that_make_no_index_are_refused(tmp_path: Path, encoder, rows, message: str) -> None:
    with pytest.raises(InputError, match=message):
        SentenceIndex.build(tmp_path / "faq", encoder, rows)
    with pytest.raises(InputError, match="holds no index"):
        SentenceIndex.load(tmp_path / "faq")


def test_vectors_with_nan_make_no_index(tmp_path: Path, questions) -> None:
    def encode(texts: list[str]) -> np.ndarray:
        vectors = np.ones((len(texts), 4))
        vectors[2, 1] = np.nan
        return vectors

    with pytest.raises(InputError, match=f"of '{questions[2]}' holds NaN"):
        SentenceIndex.build(tmp_path / "faq", TextEncoder(encode, {"model": "bad"}), questions)


def test_a_place_with_other_things_is_refused(tmp_path: Path, folder: Path, encoder) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letters.txt").write_text("亲爱的")
    with pytest.raises(InputError, match=r"holds letters\.txt and no index"):
        SentenceIndex.build(tmp_path / "mine", encoder, ["花呗"])
    with pytest.raises(InputError, match="holds an index; --overwrite"):
        SentenceIndex.build(folder, encoder, ["花呗"])
    assert len(SentenceIndex.build(folder, encoder, ["花呗"], overwrite=True)) == 1


def test_without_faiss_the_extra_is_named(tmp_path: Path, encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(InputError, match=r"pip install 'roformer-sim\[search\]'"):
        SentenceIndex.build(tmp_path / "faq", encoder, ["花呗"])
