"""``scripts/01_build_corpus.sh`` from end to end, on a small folder laid out like the real one."""

from __future__ import annotations

import gzip
import json
import lzma
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from corpus_builder.readers import find_inputs, read_groups

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "01_build_corpus.sh"
BENCHMARK_SENTENCE = "这本书讲的是一个修表匠的一生。"


def build(data: Path, out: Path, python: Path | str = sys.executable) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHON": str(python), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["bash", str(SCRIPT), str(data), str(out)],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every file that the script names, filled with the examples."""
    folder = tmp_path_factory.mktemp("data")
    text = SCRIPT.read_text("utf-8")
    sources = re.findall(r"^([a-z0-9_]+) 0\.\d+ \d+ \d+$", text, re.MULTILINE)
    names = {
        name.replace("$docs", "text/docs")
        for name in re.findall(r'"(?:\$data/)?([^"\s]+\.[jt]s[^"\s]*)"', text)
    }
    names = {name for name in names if "$" not in name and "*" not in name}
    names |= {f"text/docs/{source}.jsonl.xz" for source in sources}
    assert len(names) > 20
    for name in names:
        example = "qa" if "qa.jsonl" in name or "DuReader" in name else "documents"
        example = "groups" if "groups/" in name or "simbert" in name else example
        content = (ROOT / "examples" / f"{example}.jsonl").read_bytes()
        if name.endswith(".tsv"):
            content = "text_a\ttext_b\tlabel\n天气真冷啊\t天气很冷啊\t5\n".encode()
        pack = {".gz": gzip.compress, ".xz": lzma.compress}.get(Path(name).suffix, bytes)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(pack(content))
    (folder / "sts/STS-B/valid.tsv").write_text(
        f"text_a\ttext_b\tlabel\n{BENCHMARK_SENTENCE}\t另一句话\t0\n", "utf-8"
    )
    return folder


def test_from_raw_text_to_training_files_and_again_without_work(
    data: Path, forking_python: Path, tmp_path: Path
) -> None:
    out = tmp_path / "corpus"
    first = build(data, out, forking_python)
    assert first.returncode == 0, first.stderr
    total = json.loads(first.stdout.splitlines()[-1])
    assert total == json.loads((out / "report.json").read_text("utf-8"))["total"]
    assert min(total.values()) > 0
    groups = gzip.decompress((out / "groups.jsonl.gz").read_bytes()).decode()
    assert {"text", "synonyms", "source"} <= set(json.loads(groups.splitlines()[0]))
    for kind in ("answers", "documents"):
        pairs = gzip.decompress((out / f"{kind}.jsonl.gz").read_bytes()).decode().splitlines()
        assert set(json.loads(pairs[0])) == {"text_a", "text_b", "score", "source", "origin"}
    texts = gzip.decompress((out / "texts.txt.gz").read_bytes()).decode().splitlines()
    assert len(texts) == len(set(texts)) == total["texts"]
    assert "全书讲的就是一个修表匠的一生。" not in texts  # its only partner is in the benchmark
    assert BENCHMARK_SENTENCE not in texts
    kinds = [group.kind for file in find_inputs([out / "mixed"]) for group in read_groups(file)]
    assert kinds.count("question") == kinds.count("general") > 0
    assert "<svg" in (out / "report.html").read_text("utf-8")
    outputs = {
        name: (out / name).read_bytes() for name in ("groups.jsonl.gz", "documents.jsonl.gz", "texts.txt.gz")
    }

    second = build(data, out)
    assert second.returncode == 0, second.stderr
    steps = [line for line in second.stderr.splitlines() if line.startswith("== ")]
    assert len(steps) > 20
    assert all(step.endswith(": done before") for step in steps)
    assert {name: (out / name).read_bytes() for name in outputs} == outputs


def test_a_missing_folder_or_argument_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    result = build(tmp_path / "nowhere", tmp_path / "out")
    assert result.returncode == 2
    assert result.stderr == f"error: {tmp_path}/nowhere/text/docs: there is no such folder\n"
    usage = subprocess.run(["bash", str(SCRIPT)], check=False, capture_output=True, text=True)
    assert usage.returncode == 2
    assert usage.stderr.startswith("usage: ")
