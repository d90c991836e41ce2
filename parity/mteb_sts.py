"""Compare the STS benchmark with MTEB's own: the same model, the same rows, MTEB's task and evaluator.

    python parity/mteb_sts.py DATA --peer-python PYTHON [--output runs/parity] [--case STS-B ...]

DATA holds ``sts/<set>/valid.tsv``. MTEB runs in a process of its own, with tasks built from these files and
a wrapper that asks the shipped preset for vectors (``mteb_sts_ours.py``, a third process: neither has the
other's libraries). Spearman and Pearson of the cosine must agree to 1e-4, on the scale of -1 to 1. Exit code
1 if one does not.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from common import arguments, our_versions, run, write

from roformer_sim.evaluation.sts import FIVE, Bootstrap, load_encoder, read_sts_table

PRESET = "roformer_sim_char_mini_zh"
POOLINGS = ("P1", "P3")
LIMIT = 1e-4


def main() -> int:
    """Run MTEB for each pooling, measure ourselves, compare; a line for each set and pooling."""
    asked = arguments(__doc__.splitlines()[0])
    names = [name for name in FIVE if not asked.case or name in asked.case]
    rows: list[dict[str, Any]] = []
    versions: dict[str, Any] = {"ours": our_versions()}
    with tempfile.TemporaryDirectory() as folder:
        tables = {name: read_sts_table(asked.data / "sts" / name / "valid.tsv") for name in names}
        for name, table in tables.items():
            pairs = list(zip(table.texts_a, table.texts_b, table.labels, strict=True))
            (Path(folder) / f"{name}.json").write_text(json.dumps(pairs, ensure_ascii=False))
        for pooling in POOLINGS:
            spec = f"{PRESET}@{pooling}"
            peer = json.loads(run(asked.peer_python, "mteb_sts_peer.py", sys.executable, spec, folder))
            versions["MTEB"] = peer["versions"]
            ours = load_encoder(spec).evaluate(list(tables.values()), Bootstrap(resamples=0))
            figures = next(found for variant, found in ours.figures.items() if variant.whitening == "raw")
            for name, figure in zip(tables, figures, strict=True):
                for kind, value in (("spearman", figure.spearman.value), ("pearson", figure.pearson.value)):
                    rows.append(_row(name, pooling, kind, value / 100, peer["scores"][name][kind]))
                    print(json.dumps(rows[-1], ensure_ascii=False), flush=True)
    return write(asked.output, "mteb_sts", rows, versions)


def _row(name: str, pooling: str, kind: str, ours: float, theirs: float) -> dict[str, Any]:
    return {
        "what": f"{kind} on {name} valid, {pooling}",
        "table": name,
        "pooling": pooling,
        "kind": kind,
        "ours": round(ours, 8),
        "theirs": round(theirs, 8),
        "measured": abs(ours - theirs),
        "limit": LIMIT,
        "holds": abs(ours - theirs) <= LIMIT,
    }


if __name__ == "__main__":
    sys.exit(main())
