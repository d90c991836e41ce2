"""Spark against the local engine on the same documents: seconds, and what each step shuffles.

    python -m benchmarks.spark_scale docs/*.jsonl.xz --json
    python -m benchmarks.spark_scale docs/*.jsonl.xz --most-on-driver 0     # all rounds on Spark

Both outputs are compared. The local engine runs in one process; Spark's processor seconds are those of its
Java machine and all workers. ``docs/scale.md`` builds on the figures. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from corpus_builder import build
from corpus_builder.engines.spark import Tuning, mine_documents, read_documents, run_on_spark, session
from corpus_builder.engines.spark.sessions import step
from corpus_builder.miners.run import Mining
from corpus_builder.readers import read_rows
from corpus_builder.rules import Rules
from corpus_builder.run import Run

METRICS = {
    "shuffle_bytes": "internal.metrics.shuffle.write.bytesWritten",
    "shuffle_rows": "internal.metrics.shuffle.write.recordsWritten",
    "task_ms": "internal.metrics.executorRunTime",
    "spilled_bytes": "internal.metrics.diskBytesSpilled",
}


def steps_of(log: Path) -> dict[str, Counter[str]]:
    """What each step of a run did, from Spark's event log."""
    steps: defaultdict[str, Counter[str]] = defaultdict(Counter)
    names: dict[int, str] = {}
    for file in sorted(log.rglob("events_*")):
        for line in file.read_text("utf-8").splitlines():
            event = json.loads(line)
            if event["Event"] == "SparkListenerJobStart":
                name = event["Properties"].get("spark.job.description") or "other"
                steps[name]["jobs"] += 1
                for stage in event["Stage IDs"]:
                    names.setdefault(stage, name)
            elif event["Event"] == "SparkListenerStageCompleted":
                info = event["Stage Info"]
                done = {one["Name"]: one["Value"] for one in info["Accumulables"]}
                for ours, theirs in METRICS.items():
                    steps[names[info["Stage ID"]]][ours] += int(done.get(theirs, 0))
    return dict(steps)


def cpu_seconds() -> float:
    """Processor seconds of all processes below this one, those that have ended too (Linux)."""
    parents, used = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text("utf-8", "replace").rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(words[1])
        used[int(stat.parent.name)] = sum(map(int, words[11:15])) / os.sysconf("SC_CLK_TCK")
    below = {os.getpid()}
    while more := {child for child, parent in parents.items() if parent in below} - below:
        below |= more
    return sum(used[process] for process in below - {os.getpid()})


def distributed(spark: SparkSession, run: Run, mining: Mining, tuning: Tuning, parquet: Path | None) -> None:
    """Mine on Spark: the files as they are, or as Parquet in and Parquet out."""
    if parquet is None:
        run_on_spark(run, mining, tuning=tuning)
        return
    documents = spark.read.parquet(str(parquet))
    pairs = mine_documents(documents, mining, counts=run.counts, tuning=tuning)
    with step(spark, "texts of the pairs"):
        pairs.write.parquet(str(parquet.with_name("pairs")))


def check(spark: SparkSession, runs: dict[str, Run], parquet: Path | None) -> None:
    """Stop unless both engines gave the same."""
    if parquet is None:
        same = runs["spark"].output.read_bytes() == runs["local"].output.read_bytes()
    else:
        rows = spark.read.parquet(str(parquet.with_name("pairs"))).collect()
        lines = map(json.loads, runs["local"].output.read_text("utf-8").splitlines())
        same = sorted(map(tuple, rows)) == sorted(tuple(line.values()) for line in lines)
    if not same:
        raise SystemExit("the engines differ")


def measured(options: argparse.Namespace, tuning: Tuning, folder: Path) -> dict[str, Any]:
    """Mine the files on both engines."""
    size = sum(len(row.text.encode()) for _, _, row in read_rows(options.files, "documents"))
    mining = Mining(0.7, "set", Rules(max_partners=options.max_partners), max_documents=5)
    runs = {
        name: Run("mine-documents", options.files, folder / f"{name}.jsonl", {})
        for name in ("local", "spark")
    }
    (folder / "log").mkdir()
    start, used = time.perf_counter(), time.process_time()
    build.mine_documents(runs["local"], mining, processes=1)
    found: dict[str, Any] = {"text_mb": size / 1e6, "output_mb": runs["local"].output.stat().st_size / 1e6}
    found |= {"local_seconds": time.perf_counter() - start, "local_cpu_seconds": time.process_time() - used}
    spark = session(
        options.master,
        spark__eventLog__enabled="true",
        spark__eventLog__compress="false",
        spark__eventLog__dir=(folder / "log").as_uri(),
        spark__log__level="ERROR",
        spark__ui__showConsoleProgress="false",
    )
    parquet = folder / "documents" if options.parquet else None
    if parquet:
        with step(spark, "to Parquet"):
            read_documents(spark, options.files).write.parquet(str(parquet))
    start, used = time.perf_counter(), cpu_seconds()
    distributed(spark, runs["spark"], mining, tuning, parquet)
    found |= {"spark_seconds": time.perf_counter() - start, "spark_cpu_seconds": cpu_seconds() - used}
    check(spark, runs, parquet)
    spark.stop()
    found["counts"] = dict(runs["spark"].counts)
    found["steps"] = {name: dict(done) for name, done in steps_of(folder / "log").items()}
    return found


def main() -> None:
    usual = Tuning()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--master", default="local[2]")
    parser.add_argument("--partitions", type=int, default=usual.partitions)
    parser.add_argument("--most-on-driver", type=int, default=usual.most_on_driver)
    parser.add_argument("--max-partners", type=int, default=3)
    parser.add_argument(
        "--parquet", action="store_true", help="Spark reads and writes Parquet, as on a cluster"
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    options = parser.parse_args()
    tuning = Tuning(
        partitions=options.partitions,
        most_on_driver=options.most_on_driver,
    )
    with tempfile.TemporaryDirectory() as folder:
        found = measured(options, tuning, Path(folder))
    if options.json:
        print(json.dumps(found, ensure_ascii=False))
        return
    print(f"{found['text_mb']:.1f} MB of text, {found['counts']['pairs']:,} pairs")
    for engine in ("local", "spark"):
        print(
            f"{engine}: {found[f'{engine}_seconds']:.1f} s, {found[f'{engine}_cpu_seconds']:.1f} s of a core"
        )
    for name, done in found["steps"].items():
        share = done["shuffle_bytes"] / found["text_mb"] / 1e6
        print(f"{name:20} {done['task_ms'] / 1000:8.1f} task s {share:9.4f} bytes shuffled a byte of text")


if __name__ == "__main__":
    main()
