"""However a run ends, the same call goes on, and the output is that of a run which was never stopped.

``ROFORMER_SIM_KILLS=10`` kills it so often, otherwise three times; ``ROFORMER_SIM_KILL_SEED`` repeats the
moments.
"""

from __future__ import annotations

import errno
import json
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from file_runs import augment, files, generate, in_child

from corpus_builder.errors import InputError

KILLS = int(os.environ.get("ROFORMER_SIM_KILLS", "3"))
ROWS = 400
OUTPUTS = ["out.jsonl", "out.csv.gz"]


@pytest.fixture
def source(write) -> Path:
    """Rows of which every fiftieth is bad; some for the reader, some for the model."""
    rows = [json.dumps({"id": i, "text": f"第{i}个问题怎么办"}, ensure_ascii=False) for i in range(ROWS)]
    rows[::50] = ['{"id": 0}'] * len(rows[::50])
    rows[3::50] = ['{"id": 3, "text": "无效"}'] * len(rows[3::50])
    return write("q.jsonl", "\n".join(rows))


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """What a full disk does: writing stops in the middle of a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)


def slowly(texts, seeds):
    time.sleep(0.003)
    return generate(texts, seeds)


@pytest.mark.parametrize("name", OUTPUTS)
def test_killed_at_random_moments_it_ends_with_the_same_bytes(source, tmp_path: Path, name: str) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    started = time.monotonic()
    augment(source, whole / name, skip_bad=True, block_size=16, generate=slowly)
    seconds = time.monotonic() - started
    rng = random.Random(os.environ.get("ROFORMER_SIM_KILL_SEED", "0"))
    for _ in range(KILLS):
        process = in_child(
            lambda: augment(
                source, broken / name, skip_bad=True, block_size=16, generate=slowly, overwrite=True
            )
        )
        time.sleep(rng.uniform(0, 0.8 * seconds))
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    augment(source, broken / name, skip_bad=True, block_size=16, overwrite=True)
    assert files(broken) == files(whole)


def die_at(event_number: int) -> None:
    """``kill -9`` of this process when it opens, renames or removes a file for the so-manieth time."""
    left = event_number

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event in ("open", "os.rename", "os.remove"):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def test_killed_at_each_access_of_a_file_it_ends_with_the_same_bytes(source, tmp_path: Path) -> None:
    name, options = "out.jsonl", {"skip_bad": True, "block_size": 200}
    summary = augment(source, tmp_path / "whole" / name, **options)
    moment, killed = 0, True
    while killed:
        moment += 1
        folder = tmp_path / str(moment)

        def run(folder: Path = folder, moment: int = moment) -> None:
            die_at(moment)
            augment(source, folder / name, **options)

        killed = os.waitpid(in_child(run), 0)[1] == signal.SIGKILL
        output = folder / name
        unfinished = not output.exists() or output.with_name(f"{name}.partial.state").exists()
        if unfinished:
            again = augment(source, output, **options)
            assert (again.rows, again.rejected, again.variants) == (
                summary.rows,
                summary.rejected,
                summary.variants,
            )
        assert files(folder) == files(tmp_path / "whole")
    assert moment > 12  # the run was stopped at every step of it


def test_what_was_half_written_is_cut_off(source, tmp_path: Path) -> None:
    augment(source, tmp_path / "whole" / "out.jsonl", skip_bad=True)
    output = tmp_path / "broken" / "out.jsonl"
    stop_after(3, source, output)
    for ending in ("partial", "partial.rejects"):
        with output.with_name(f"out.jsonl.{ending}").open("ab") as file:
            file.write(b'{"text": "half a li')
    assert augment(source, output, skip_bad=True).resumed_at == 3 * 64
    assert files(output.parent) == files(tmp_path / "whole")


def stop_after(blocks: int, source: Path, output: Path, **options: object) -> None:
    """Ctrl-C while the block behind so many is generated."""
    state = output.with_name(f"{output.name}.partial.state")

    def interrupted(texts, seeds):
        if json.loads(state.read_bytes())["rows_done"] == blocks * options.get("block_size", 64):
            raise KeyboardInterrupt
        return generate(texts, seeds)

    with pytest.raises(KeyboardInterrupt):
        augment(source, output, generate=interrupted, skip_bad=True, **options)


def test_ctrl_c_keeps_the_blocks_before_it(source, tmp_path: Path) -> None:
    augment(source, tmp_path / "whole" / "out.csv", skip_bad=True)
    output = tmp_path / "broken" / "out.csv"
    stop_after(2, source, output)
    assert not output.exists()
    lines = output.with_name("out.csv.partial").read_bytes()
    assert lines and (tmp_path / "whole" / "out.csv").read_bytes().startswith(lines)
    augment(source, output, skip_bad=True)
    assert files(output.parent) == files(tmp_path / "whole")


@pytest.mark.parametrize("size", [700, 5_000, 20_000])
def test_a_full_disk_is_one_error_and_takes_nothing_away(source, tmp_path: Path, size: int) -> None:
    augment(source, tmp_path / "whole" / "out.jsonl", skip_bad=True)
    output = tmp_path / "broken" / "out.jsonl"
    with (
        files_of_at_most(size),
        pytest.raises(InputError, match=r"out\.jsonl: cannot be written \(File too large"),
    ):
        augment(source, output, skip_bad=True)
    augment(source, output, skip_bad=True)
    assert files(output.parent) == files(tmp_path / "whole")


def test_a_disk_without_space_says_so(source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    output = tmp_path / "broken" / "out.jsonl"
    stop_after(2, source, output)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(
            InputError, match=r"the disk is full; .*; 128 rows are kept in out\.jsonl\.partial"
        ):
            augment(source, output, skip_bad=True)
    augment(source, tmp_path / "whole" / "out.jsonl", skip_bad=True)
    augment(source, output, skip_bad=True)
    assert files(output.parent) == files(tmp_path / "whole")


def test_a_run_that_met_a_bad_row_goes_on_when_told_to_skip_it(write, tmp_path: Path) -> None:
    source = write("q.txt", "".join(f"第{i}个\n" for i in range(100)) + "无效\n你好\n")
    output = tmp_path / "out.jsonl"
    with pytest.raises(InputError, match=r"q\.txt, line 101: the text is empty.*--skip-bad"):
        augment(source, output, block_size=10)
    summary = augment(source, output, block_size=10, skip_bad=True)
    assert (summary.rows, summary.rejected, summary.resumed_at) == (102, 1, 100)


def test_another_run_of_the_same_output_is_refused_while_one_is_going_on(source, tmp_path: Path) -> None:
    def nosy(texts, seeds):
        with pytest.raises(InputError, match="another run is writing it now"):
            augment(source, tmp_path / "a" / "out.jsonl", skip_bad=True, restart=True)
        return generate(texts, seeds)

    augment(source, tmp_path / "a" / "out.jsonl", skip_bad=True, generate=nosy)
    augment(source, tmp_path / "b" / "out.jsonl", skip_bad=True)
    assert files(tmp_path / "a") == files(tmp_path / "b")
