"""``roformer-sim encode``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from roformer_sim import RoFormerSim

TEXTS = ["广州和深圳哪个好", "今天下雨", "怎么开通花呗"]


@pytest.fixture(scope="module")
def model(tiny_preset: Path) -> RoFormerSim:
    """Loaded anew, as the program loads it: where others have used the Keras model, it encodes."""
    return RoFormerSim.from_preset(tiny_preset)


def test_the_array_file_holds_the_library_s_vectors_in_order(cli, tiny_preset, model, tmp_path: Path) -> None:
    output = tmp_path / "new" / "vectors.npy"
    result = cli("encode", *TEXTS, "-m", tiny_preset, "-o", output)
    assert (result.code, result.err) == (0, "")
    assert result.out == f"3 vectors of 32 numbers written to {output}\n"
    vectors = np.load(output, allow_pickle=False)
    assert (vectors.dtype, vectors.shape) == (np.float32, (3, 32))
    np.testing.assert_array_equal(vectors, model.encode(TEXTS))
    assert [path.name for path in output.parent.iterdir()] == ["vectors.npy"]


@pytest.mark.parametrize("pooling", ["P1", "P2", "P3", "P4"])
def test_json_lines_hold_the_vectors_to_the_last_bit(cli, tiny_preset, model, pooling: str) -> None:
    stdin = "\n".join(TEXTS).encode()
    result = cli("encode", "--json", "-m", tiny_preset, "--pooling", pooling, "--no-normalize", stdin=stdin)
    rows = [json.loads(line) for line in result.out.splitlines()]
    assert [row["text"] for row in rows] == TEXTS
    expected = model.encode(TEXTS, pooling=pooling, normalize=False)
    np.testing.assert_array_equal(np.array([row["vector"] for row in rows], np.float32), expected)


def test_plain_output_is_a_line_of_numbers_for_each_text(cli, tiny_preset, model) -> None:
    lines = cli("encode", *TEXTS, "-m", tiny_preset).out.splitlines()
    numbers = np.array([line.split() for line in lines], np.float32)
    np.testing.assert_array_equal(numbers, model.encode(TEXTS))


def test_json_with_an_output_file_tells_its_shape(cli, tiny_preset, tmp_path: Path) -> None:
    output = tmp_path / "vectors.npy"
    result = cli("encode", *TEXTS, "-m", tiny_preset, "-o", output, "--json")
    assert json.loads(result.out) == {"file": str(output), "rows": 3, "dimensions": 32, "dtype": "float32"}


def test_an_empty_line_keeps_its_row_and_is_warned_of(cli, tiny_preset, model, tmp_path: Path) -> None:
    output = tmp_path / "vectors.npy"
    result = cli("encode", "-m", tiny_preset, "-o", output, stdin="广州\n\n深圳\n".encode())
    assert result.code == 0
    assert result.err == (
        "warning: 1 empty of 3 sentences, first: standard input, line 2; encoded as [CLS] [SEP]\n"
    )
    np.testing.assert_array_equal(np.load(output), model.encode(["广州", "", "深圳"]))


def test_a_sentence_that_is_cut_is_warned_of(cli, tiny_preset) -> None:
    result = cli("encode", "广州", "深圳" * 20, "-m", tiny_preset, "--maxlen", 16)
    assert (result.code, result.err) == (0, "warning: 1 of 2 texts cut to 16 tokens, first: row 1\n")


def test_a_place_that_cannot_be_written_is_refused_before_the_work(refused, tmp_path: Path) -> None:
    # The model does not exist either: the output is complained of first, before anything is loaded.
    (tmp_path / "file").write_text("")
    for output, reason in [
        (tmp_path / "file" / "vectors.npy", "cannot be written"),
        (tmp_path / "vectors.txt", "ends in .npy"),
    ]:
        message = refused("encode", "广州", "-m", tmp_path / "no model", "-o", output)
        assert str(output) in message and reason in message
    (tmp_path / "folder.npy").mkdir()
    assert "is a folder" in refused("encode", "广州", "-o", tmp_path / "folder.npy")


def test_an_old_file_stays_when_the_command_fails(refused, tmp_path: Path) -> None:
    output = tmp_path / "vectors.npy"
    output.write_bytes(b"old")
    refused("encode", "广州", "-m", tmp_path / "no model", "-o", output)
    assert output.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "binary"])
def test_a_file_becomes_a_file_in_blocks(cli, tiny_preset, model, tmp_path: Path, dtype: str) -> None:
    source, output = tmp_path / "faq.csv", tmp_path / "vectors.npy"
    source.write_text("id,question\n" + "".join(f"{i},{text}\n" for i, text in enumerate(TEXTS * 3)))
    command = ["encode", "-i", source, "--field", "question", "-o", output, "-m", tiny_preset]
    result = cli(*command, "--dtype", dtype, "--block-size", 2, "--json")
    assert (result.code, result.err) == (0, "")
    expected = {"file": str(output), "rows": 9, "dimensions": 32, "dtype": dtype}
    assert json.loads(result.out) == expected
    np.testing.assert_array_equal(np.load(output), model.encode(TEXTS * 3, output_dtype=dtype))


def test_sentences_of_a_file_that_are_empty_or_cut_are_counted(cli, tiny_preset, tmp_path: Path) -> None:
    source = tmp_path / "a.txt"
    source.write_text("广州\n\n" + "深圳" * 20 + "\n")
    command = ["encode", "-i", source, "-o", tmp_path / "v.npy", "-m", tiny_preset, "--maxlen", 16]
    result = cli(*command)
    assert result.code == 0 and result.out.startswith(f"3 vectors of 32 numbers written to {tmp_path}")
    assert result.err.splitlines() == [
        f"warning: 1 empty of 3 sentences, first: {source}, line 2; encoded as [CLS] [SEP]",
        "warning: 1 of 3 texts cut to 16 tokens (--maxlen)",
    ]


def test_an_output_that_is_there_is_replaced_only_when_told(
    cli, refused, tiny_preset, tmp_path: Path
) -> None:
    output = tmp_path / "v.npy"
    output.write_bytes(b"old")
    (tmp_path / "a.txt").write_text("广州\n")
    for command in (["encode", "广州"], ["encode", "-i", tmp_path / "a.txt"]):
        message = refused(*command, "-o", output, "-m", tiny_preset)
        assert "is there already; --overwrite" in message
        assert output.read_bytes() == b"old"
    assert cli("encode", "-i", tmp_path / "a.txt", "-o", output, "-m", tiny_preset, "--overwrite").code == 0
    assert np.load(output).shape == (1, 32)


def test_a_file_is_printed_with_its_field(cli, tiny_preset, tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("q\tn\n广州\t1\n")
    result = cli("encode", "-i", tmp_path / "a.tsv", "--field", "q", "--json", "-m", tiny_preset)
    assert json.loads(result.out)["text"] == "广州"
