"""Questions and general sentences become one corpus."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_builder.manifest import read_manifest
from corpus_builder.mixing import Mixing, Shortage, mix
from corpus_builder.mixing.plan import Kind, plan
from corpus_builder.readers import read_groups
from corpus_builder.report.page import write_report

ROOT = Path(__file__).resolve().parents[3]
Rows = list[dict[str, Any]]
Write = Callable[[str, Rows], Path]
Read = Callable[[Path], Rows]
Make = Callable[[int], Rows]


def texts(row: dict[str, Any]) -> tuple[str, ...]:
    return (row["text"], *row["synonyms"]) if "text" in row else (row["text_a"], row["text_b"])


def test_groups_and_pairs_leave_as_groups_with_all_they_had(tmp_path: Path, write: Write, read: Read) -> None:
    questions = write(
        "问.jsonl",
        [
            {"text": "几点了？", "synonyms": ["现在几点？", "几点钟了？"], "source": "论坛", "score": 0.6},
            {"text_a": "吃了吗？", "text_b": "吃过了吗？", "score": 1, "origin": 12},
        ],
    )
    general = write(
        "句.jsonl",
        [
            {
                "text_a": "下雨了。",
                "text_b": "外面下雨了。",
                "score": 0.5,
                "source": "日记",
                "origin": "三月/1",
            },
            {"text": "天黑了。", "synonyms": ["天色黑了。"], "other": "passed over", "origin": None},
        ],
    )
    mix([questions], [general], tmp_path / "out.jsonl")
    expected: Rows = [
        {"text": "几点了？", "synonyms": ["现在几点？", "几点钟了？"], "kind": "question", "score": 0.6}
        | {"source": "论坛"},
        {"text": "吃了吗？", "synonyms": ["吃过了吗？"], "kind": "question", "score": 1, "source": "问"}
        | {"origin": 12},
        {"text": "下雨了。", "synonyms": ["外面下雨了。"], "kind": "general", "score": 0.5, "source": "日记"}
        | {"origin": "三月/1"},
        {"text": "天黑了。", "synonyms": ["天色黑了。"], "kind": "general", "source": "句"},
    ]
    found = read(tmp_path / "out.jsonl")
    assert sorted(found, key=str) == sorted(expected, key=str)
    assert {tuple(row) for row in found if "origin" in row and "score" in row} == {
        ("text", "synonyms", "kind", "score", "source", "origin")
    }
    # Whoever reads groups reads the mix.
    assert {row.members for row in read_groups(tmp_path / "out.jsonl")} == set(map(texts, expected))


def test_a_table_and_a_parquet_file_of_both_shapes(tmp_path: Path, write: Write, read: Read) -> None:
    (tmp_path / "q.csv").write_text('text,synonyms\n早上好,"[""早安"", ""早""]"\n', "utf-8")
    columns = {
        "text_a": ["出门了。", None],
        "text_b": ["他出门了。", None],
        "text": [None, "到家了。"],
        "synonyms": [None, ["他到家了。"]],
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "g.parquet")
    mix([tmp_path / "q.csv"], [tmp_path / "g.parquet"], tmp_path / "out.jsonl", Mixing(2.0))
    assert set(map(texts, read(tmp_path / "out.jsonl"))) == {
        ("早上好", "早安", "早"),
        ("出门了。", "他出门了。"),
        ("到家了。", "他到家了。"),
    }


@settings(deadline=None, max_examples=60)
@given(
    questions=st.integers(1, 40),
    general=st.integers(1, 40),
    ratio=st.sampled_from([0.1, 0.25, 0.5, 1.0, 1.5, 3.0, 7.0]),
    shortage=st.sampled_from(Shortage),
    seed=st.integers(),
)
def test_counts_are_exact_and_every_row_is_there_as_often_as_planned(
    tmp_path_factory: pytest.TempPathFactory,
    groups: Make,
    pairs: Make,
    read: Read,
    questions: int,
    general: int,
    ratio: float,
    shortage: Shortage,
    seed: int,
) -> None:
    folder = tmp_path_factory.mktemp("mix")
    made = {Kind.QUESTION: groups(questions), Kind.GENERAL: pairs(general)}
    for kind, rows in made.items():
        (folder / f"{kind}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    mixing = Mixing(ratio, shortage, seed)
    try:
        takes = plan(questions, general, mixing)
    except ValueError:  # a ratio that leaves nothing: see the tests of the plan
        return
    run = mix([folder / "question.jsonl"], [folder / "general.jsonl"], folder / "out.jsonl.gz", mixing)
    found = read(folder / "out.jsonl.gz")
    assert len(found) == run.counts["rows written"]
    for kind, take in takes.items():
        counts = Counter(texts(row) for row in found if row["kind"] == kind)
        assert counts.total() == take.total == run.counts[f"rows written: {kind}"]
        often = Counter(counts[texts(row)] for row in made[kind])
        assert often == Counter({take.passes: take.rows - take.rest}) + Counter({take.passes + 1: take.rest})
        if shortage is Shortage.DROP:
            assert run.counts[f"{kind} rows dropped: too many for the ratio"] == take.rows - take.total
        else:
            assert run.counts[f"repeated {kind} rows: too few for the ratio"] == take.total - take.rows


def test_all_orders_of_a_small_mix_are_equally_likely(
    tmp_path: Path, write: Write, read: Read, groups: Make, pairs: Make
) -> None:
    questions, general = write("q.jsonl", groups(1)), write("g.jsonl", pairs(2))
    orders: Counter[tuple[str, ...]] = Counter()
    for seed in range(90):
        mix([questions], [general], tmp_path / "out.jsonl", Mixing(2.0, seed=seed))
        orders[tuple(row["text"] for row in read(tmp_path / "out.jsonl"))] += 1
    # Six orders, 15 each: a chi-square of 5 degrees of freedom exceeds 30 once in 70,000 times.
    assert len(orders) == 6
    assert sum((count - 15) ** 2 / 15 for count in orders.values()) < 30


def test_the_kinds_and_the_input_order_are_mixed_all_over(
    tmp_path: Path, write: Write, read: Read, groups: Make, pairs: Make
) -> None:
    mix([write("q.jsonl", groups(3000))], [write("g.jsonl", pairs(3000))], tmp_path / "out", Mixing(seed=4))
    rows = read(tmp_path / "out")
    kinds = np.array([row["kind"] == "question" for row in rows])
    changes = int((kinds[1:] != kinds[:-1]).sum())
    assert abs(changes - 3000) < 5 * (6000 / 4) ** 0.5
    for kind in (True, False):
        places = np.flatnonzero(kinds == kind)
        numbers = [int("".join(filter(str.isdigit, rows[i]["text"]))) for i in places]
        assert abs(np.corrcoef(places, numbers)[0, 1]) < 5 / 3000**0.5


def test_a_sample_takes_other_rows_with_another_seed(
    tmp_path: Path, write: Write, read: Read, groups: Make, pairs: Make
) -> None:
    questions, general = write("q.jsonl", groups(50)), write("g.jsonl", pairs(500))
    samples = []
    for seed in (1, 2):
        mix([questions], [general], tmp_path / "out.jsonl", Mixing(seed=seed))
        samples.append({row["text"] for row in read(tmp_path / "out.jsonl") if row["kind"] == "general"})
    assert [len(sample) for sample in samples] == [50, 50]
    assert len(samples[0] & samples[1]) < 20


def test_another_process_with_other_hashes_and_memory_writes_the_same_bytes(
    tmp_path: Path, write: Write, groups: Make, pairs: Make
) -> None:
    questions, general = write("q.jsonl", groups(700)), write("g.jsonl", pairs(900))
    mix([questions], [general], tmp_path / "a", Mixing(0.7, Shortage.REPEAT, 5), rows_per_shard=400)
    code = (
        "import sys; from corpus_builder.mixing import *; q, g, out = sys.argv[1:]\n"
        "mix([q], [g], out, Mixing(0.7, Shortage.REPEAT, 5), rows_per_shard=400, memory_mb=16)"
    )
    subprocess.run(
        [sys.executable, "-c", code, questions, general, tmp_path / "b"],
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "123"},
    )
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["manifest.json", *(f"mix-0000{i}-of-00006.jsonl.zst" for i in range(6))]
    assert names == sorted(path.name for path in (tmp_path / "b").iterdir())
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_shards_and_manifest_agree(
    tmp_path: Path, write: Write, read: Read, groups: Make, pairs: Make
) -> None:
    questions, general = write("q.jsonl", groups(60)), write("g.jsonl", pairs(200))
    benchmark = write("valid.jsonl", [{"text": "他跑了5米"}])
    run = mix(
        [questions], [general], tmp_path / "out", Mixing(2.0, seed=9), exclude=[benchmark], rows_per_shard=50
    )
    manifest = read_manifest(tmp_path / "out")
    assert [shard.rows for shard in manifest.shards] == [50, 50, 50, 30]
    for shard in manifest.shards:
        data = (tmp_path / "out" / shard.file).read_bytes()
        assert (shard.bytes, shard.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert manifest.seed == 9
    assert (manifest.settings["ratio"], manifest.settings["shortage"]) == (2.0, "drop")
    assert [file.sha256 for file in manifest.inputs] == [
        hashlib.sha256(path.read_bytes()).hexdigest() for path in (questions, general)
    ]
    excluded = hashlib.sha256(benchmark.read_bytes()).hexdigest()
    assert manifest.settings["exclude"] == [
        {"path": str(benchmark), "bytes": benchmark.stat().st_size, "sha256": excluded}
    ]
    assert {step.name: step.count for step in manifest.counts} == dict(run.counts)
    assert run.counts["general rows dropped: in a benchmark"] == 1
    assert run.counts["general rows dropped: too many for the ratio"] == 79
    assert run.counts["rows written"] == manifest.rows == len(read(tmp_path / "out")) == 180


def test_rows_with_a_text_of_a_benchmark_are_in_no_mix(
    tmp_path: Path, write: Write, read: Read, groups: Make, pairs: Make
) -> None:
    (tmp_path / "valid.tsv").write_text("text_a\ttext_b\tlabel\n3路首班车是几点\t他跑了８米\t0\n", "utf-8")
    run = mix(
        [write("q.jsonl", groups(10))],
        [write("g.jsonl", pairs(10))],
        tmp_path / "out.jsonl",
        exclude=[tmp_path / "*.tsv"],
    )
    found = {text for row in read(tmp_path / "out.jsonl") for text in texts(row)}
    assert len(found) == 9 * 5
    assert not {"3路车几点开？", "3路首班车是几点？", "他跑了8米。", "他一共跑了8米。"} & found
    assert run.counts["question rows dropped: in a benchmark"] == 1


def test_rows_that_cannot_train_anything_are_dropped_and_counted(
    tmp_path: Path, write: Write, read: Read, pairs: Make
) -> None:
    rows = [
        {"text": "一个人。", "synonyms": []},
        {"text": "一个人。", "synonyms": ["　"]},
        {"text": "", "synonyms": ["一个。", "一人。"]},
        {"text": "好的。", "synonyms": ["好。"]},
    ]
    run = mix([write("q.jsonl", rows)], [write("g.jsonl", pairs(1))], tmp_path / "out.jsonl")
    assert run.counts["question rows read"] == 4
    assert run.counts["question rows dropped: a blank text, or no second one"] == 3
    assert sorted(row["text"] for row in read(tmp_path / "out.jsonl")) == ["他跑了0米。", "好的。"]


def test_skipped_rows_are_counted_and_listed(
    tmp_path: Path, write: Write, read: Read, groups: Make, pairs: Make
) -> None:
    questions = write("q.jsonl", [*groups(2), {"text": "没有", "synonym": []}])
    run = mix([questions], [write("g.jsonl", pairs(3))], tmp_path / "out.jsonl.zst", on_error="skip")
    assert (run.counts["rows rejected"], run.counts["rows written"]) == (1, 4)
    rejects = read(tmp_path / "out.rejects.jsonl")
    assert [(row["file"], row["line"]) for row in rejects] == [(str(questions), 3)]
    assert 'the field "synonyms" is missing' in rejects[0]["reason"]


def test_a_dry_run_counts_the_same_and_writes_nothing(
    tmp_path: Path, write: Write, groups: Make, pairs: Make
) -> None:
    questions, general = write("q.jsonl", groups(20)), write("g.jsonl", pairs(33))
    before = sorted(tmp_path.iterdir())
    dry = mix([questions], [general], tmp_path / "out", Mixing(0.5), dry_run=True)
    assert sorted(tmp_path.iterdir()) == before
    wet = mix([questions], [general], tmp_path / "out", Mixing(0.5))
    assert dict(dry.counts).items() <= dict(wet.counts).items()
    assert dry.counts["rows written: general"] == 10


def test_a_pipe_is_read_once(tmp_path: Path, write: Write, read: Read, groups: Make, pairs: Make) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    content = "".join(json.dumps(row) + "\n" for row in groups(5))
    thread = threading.Thread(target=(tmp_path / "pipe.jsonl").write_text, args=(content,))
    thread.start()
    mix([tmp_path / "pipe.jsonl"], [write("g.jsonl", pairs(5))], tmp_path / "out.jsonl")
    thread.join()
    assert len(read(tmp_path / "out.jsonl")) == 10


def test_a_report_can_be_made_of_a_mix(tmp_path: Path, write: Write, groups: Make, pairs: Make) -> None:
    mix([write("q.jsonl", groups(20))], [write("g.jsonl", pairs(30))], tmp_path / "out")
    write_report(tmp_path / "out", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "general rows" in page
    assert "too many for the ratio" in page
