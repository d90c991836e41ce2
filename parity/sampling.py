"""Compare the distributions that tokens are drawn from with bert4keras's ``random_sample``.

    python parity/sampling.py DATA --peer-python PYTHON [--output runs/parity]

Random rows of probabilities, flat and peaked ones, under top-k, nucleus, both, and a temperature. The
sets of tokens kept must be the same in every row and the probabilities within the limit. DATA is not
read. Exit code 1 if anything differs.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import LIMIT, arguments, our_versions, run, write

from roformer_sim.generation.engines import SamplingRule
from roformer_sim.generation.sampling import next_token_probabilities

# bert4keras's names and ours.
SETTINGS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "top-k 5 (SimBERT)": ({"topk": 5}, {"top_k": 5}),
    "nucleus 0.95 (RoFormer-Sim)": ({"topp": 0.95}, {"top_p": 0.95}),
    "top-k 50, then nucleus 0.9": ({"topk": 50, "topp": 0.9}, {"top_k": 50, "top_p": 0.9}),
    "nucleus 0.95, temperature 0.8": (
        {"topp": 0.95, "temperature": 0.8},
        {"top_p": 0.95, "temperature": 0.8},
    ),
    "top-k 1": ({"topk": 1}, {"top_k": 1}),
    "nucleus 1e-6": ({"topp": 1e-6}, {"top_p": 1e-6}),
}
ROWS, VOCABULARY = 300, 400


def main() -> int:
    """Run all settings; a line for each."""
    asked = arguments(__doc__.splitlines()[0])
    rng = np.random.default_rng(7)
    logits = rng.standard_normal((ROWS, VOCABULARY)) * rng.uniform(0.2, 6.0, (ROWS, 1))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "rows.npz", probabilities=next_token_probabilities(logits, SamplingRule(0)))
        lines = [json.dumps(theirs) + "\n" for theirs, _ in SETTINGS.values()]
        (folder / "settings.jsonl").write_text("".join(lines))
        run(asked.peer_python, "sampling_peer.py", folder)
        versions = {"ours": our_versions()} | json.loads((folder / "versions.json").read_text())
        with np.load(folder / "peer.npz") as file:
            peer = [file[str(i)] for i in range(len(SETTINGS))]
    rows = [
        _row(title, next_token_probabilities(logits, SamplingRule(0, **ours)), theirs)
        for (title, (_, ours)), theirs in zip(SETTINGS.items(), peer, strict=True)
    ]
    return write(asked.output, "sampling", rows, versions)


def _row(title: str, ours: np.ndarray, theirs: np.ndarray) -> dict[str, Any]:
    other_sets = int(((ours > 0) != (theirs > 0)).any(axis=1).sum())
    difference = float(np.abs(ours - theirs).max())
    print(title, other_sets, difference, f"{(theirs > 0).sum(axis=1).mean():.1f} kept", flush=True)
    return {
        "what": f"sampling, {title}",
        "setting": title,
        "rows": len(ours),
        "kept": float((theirs > 0).sum(axis=1).mean()),
        "different_sets": other_sets,
        "peer": "bert4keras",
        "measured": difference,
        "limit": LIMIT,
        "unit": "probability",
        "holds": not other_sets and difference <= LIMIT,
    }


if __name__ == "__main__":
    sys.exit(main())
