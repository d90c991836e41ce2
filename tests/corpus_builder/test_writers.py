"""Files that appear whole or not at all."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from corpus_builder.errors import InputError
from corpus_builder.writers import AtomicWriter


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_rows_come_out_as_they_went_in(tmp_path: Path, name: str) -> None:
    path = tmp_path / "neu" / name
    with AtomicWriter(path) as out:
        out.write_row({"text": "你好😀"})
        out.write_line("第二行")
    data = path.read_bytes()
    data = gzip.decompress(data) if name.endswith(".gz") else data
    assert data.decode() == '{"text": "你好😀"}\n第二行\n'
    assert out.rows == 2
    assert [p.name for p in path.parent.iterdir()] == [name]


def test_equal_content_is_equal_bytes(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        with AtomicWriter(tmp_path / name) as out:
            out.write_line("同样的内容")
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_an_interrupted_write_leaves_the_old_file(
    tmp_path: Path, error: type[BaseException], name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(b"old")
    with pytest.raises(error), AtomicWriter(path) as out:
        out.write_line("新")
        raise error
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_nothing_stands_under_the_name_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with AtomicWriter(path) as out:
        out.write_line("一")
        assert not path.exists()
    assert path.exists()


def test_a_folder_that_cannot_be_made_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be written"), AtomicWriter(tmp_path / "file" / "a.jsonl"):
        pass


def test_what_is_no_ordinary_file_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="no ordinary file"), AtomicWriter(tmp_path / "folder"):
        pass
    assert (tmp_path / "folder").is_dir()


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="this system has no /dev/full")
def test_a_full_disk_is_an_input_error_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    writer = AtomicWriter(path)
    # The temporary file is a link to the device that is always full.
    writer._temporary.symlink_to("/dev/full")
    with pytest.raises(InputError, match="the disk is full"), writer as out:
        out.write_line("字" * 10_000_000)
    assert list(tmp_path.iterdir()) == []
