"""Spark against the local engine on the same documents: seconds, and what each step shuffles.

    python -m benchmarks.spark_scale docs/*.jsonl.xz --json
    python -m benchmarks.spark_scale docs/*.jsonl.xz --most-on-driver 0     # all rounds on Spark

Both outputs are compared byte for byte. The local engine runs in one process, so its seconds are those of a
core. ``docs/scale.md`` builds on the figures.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

from corpus_builder import build
from corpus_builder.engines.spark import run_on_spark, session
from corpus_builder.engines.spark.mining import Tuning
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


def measured(files: list[str], master: str, tuning: Tuning, rules: Rules, folder: Path) -> dict[str, Any]:
    """Mine the files on both engines."""
    size = sum(len(row.text.encode()) for _, _, row in read_rows(files, "documents"))
    mining = Mining(0.6, "set", rules, max_documents=5)
    runs = {name: Run("mine-documents", files, folder / f"{name}.jsonl", {}) for name in ("local", "spark")}
    log = folder / "log"
    log.mkdir()
    times = [time.perf_counter()]
    build.mine_documents(runs["local"], mining, processes=1)
    times.append(time.perf_counter())
    spark = session(
        master,
        spark__eventLog__enabled="true",
        spark__eventLog__compress="false",
        spark__eventLog__dir=log.as_uri(),
        spark__log__level="ERROR",
    )
    times.append(time.perf_counter())
    run_on_spark(runs["spark"], mining, tuning=tuning)
    times.append(time.perf_counter())
    spark.stop()
    if runs["spark"].output.read_bytes() != runs["local"].output.read_bytes():
        raise SystemExit("the engines differ")
    local, start, distributed = (after - before for before, after in pairwise(times))
    return {
        "text_mb": size / 1e6,
        "output_mb": runs["local"].output.stat().st_size / 1e6,
        "local_seconds": local,
        "spark_start_seconds": start,
        "spark_seconds": distributed,
        "counts": dict(runs["spark"].counts),
        "steps": {name: dict(done) for name, done in steps_of(log).items()},
    }


def main() -> None:
    usual = Tuning()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--master", default="local[2]")
    parser.add_argument("--partitions", type=int, default=usual.partitions)
    parser.add_argument("--most-on-driver", type=int, default=usual.most_on_driver)
    parser.add_argument("--most-broadcast", type=int, default=usual.most_broadcast)
    parser.add_argument("--max-partners", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    options = parser.parse_args()
    tuning = Tuning(
        partitions=options.partitions,
        most_broadcast=options.most_broadcast,
        most_on_driver=options.most_on_driver,
    )
    with tempfile.TemporaryDirectory() as folder:
        rules = Rules(max_partners=options.max_partners)
        found = measured(options.files, options.master, tuning, rules, Path(folder))
    if options.json:
        print(json.dumps(found, ensure_ascii=False))
        return
    print(f"{found['text_mb']:.1f} MB of text, {found['counts']['pairs']:,} pairs")
    print(f"{found['local_seconds']:8.1f} s on one machine, one process")
    print(f"{found['spark_seconds']:8.1f} s on {options.master}")
    for name, done in found["steps"].items():
        share = done["shuffle_bytes"] / found["text_mb"] / 1e6
        print(f"{name:20} {done['task_ms'] / 1000:8.1f} task s {share:9.4f} bytes shuffled a byte of text")


if __name__ == "__main__":
    main()
