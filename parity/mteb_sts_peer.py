"""MTEB's side: its STS task on local rows, with a model that another process runs.

    python mteb_sts_peer.py OUR_PYTHON PRESET@P1 FOLDER

FOLDER holds ``<set>.json``, lists of [text, text, label]. Prints one JSON object: MTEB's Spearman and Pearson
of the cosine for each set, and versions.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import mteb
import numpy as np
from datasets import Dataset, DatasetDict
from mteb.abstasks import AbsTaskSTS
from mteb.abstasks.task_metadata import TaskMetadata
from mteb.models.abs_encoder import AbsEncoder
from mteb.models.model_meta import ModelMeta


class Ours(AbsEncoder):
    """Sends what MTEB gives it to the preset, in MTEB's order and batches."""

    def __init__(self, python: str, spec: str) -> None:
        self.mteb_model_meta = ModelMeta.create_empty({"name": f"ours/{spec}", "revision": "1"})
        script = str(Path(__file__).with_name("mteb_sts_ours.py"))
        self.process = subprocess.Popen([python, script, spec], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def encode(self, inputs, **_):
        texts = [text for batch in inputs for text in batch["text"]]
        self.process.stdin.write(json.dumps(texts).encode() + b"\n")
        self.process.stdin.flush()
        (size,) = struct.unpack("<q", self.process.stdout.read(8))
        return np.load(io.BytesIO(self.process.stdout.read(size)), allow_pickle=False)


def task(name: str, rows: list[list]) -> AbsTaskSTS:
    """MTEB's STS task over these rows."""
    labels = [row[2] for row in rows]

    class Local(AbsTaskSTS):
        metadata = TaskMetadata(
            name=name,
            description="Rows of a local file.",
            dataset={"path": "local/none", "revision": "1"},
            type="STS",
            category="t2t",
            modalities=["text"],
            eval_splits=["validation"],
            eval_langs=["cmn-Hans"],
            main_score="cosine_spearman",
        )
        min_score, max_score = min(labels), max(labels)

        def load_data(self, num_proc=None, **_):
            columns = dict(zip(("sentence1", "sentence2", "score"), zip(*rows, strict=True), strict=True))
            self.dataset = DatasetDict(
                {"validation": Dataset.from_dict({k: list(v) for k, v in columns.items()})}
            )
            self.data_loaded = True

    return Local()


def main() -> None:
    """Every set of the folder through ``mteb.evaluate``."""
    python, spec, folder = sys.argv[1:]
    printed, sys.stdout = sys.stdout, sys.stderr
    model, scores = Ours(python, spec), {}
    for path in sorted(Path(folder).glob("*.json")):
        local = task(path.stem, json.loads(path.read_text()))
        result = mteb.evaluate(model, local, cache=None, co2_tracker=False, show_progress_bar=False)
        found = result.task_results[0].scores["validation"][0]
        scores[path.stem] = {kind: found[f"cosine_{kind}"] for kind in ("spearman", "pearson")}
    model.process.stdin.close()
    model.process.wait()
    versions = {name: importlib.metadata.version(name) for name in ("mteb", "scipy", "scikit-learn")}
    print(json.dumps({"scores": scores, "versions": versions}), file=printed)


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
