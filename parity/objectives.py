"""Compare the objectives and their gradients with sentence-transformers, transformers and torch.

    python parity/objectives.py DATA --peer-python PYTHON [--output runs/parity] [--case NAME ...]

Random vectors whose neighbours are similar, labels and logits go to both sides in float32; see
``objectives_peer.py`` for what each loss is compared with. DATA is not read. Exit code 1 if a value or a
gradient differs by more than its limit.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import LIMIT, arguments, our_versions, run, write

BACKENDS = ("tensorflow", "jax")
ROWS, DIMENSION, POSITIONS, VOCABULARY = 192, 384, 150, 12_000


def main() -> int:
    """Run the peer, then both backends; a line for each loss and backend."""
    asked = arguments(__doc__.splitlines()[0])
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "inputs.npz", **_inputs(np.random.default_rng(11)))
        run(asked.peer_python, "objectives_peer.py", folder)
        peers = json.loads((folder / "peers.json").read_text())
        versions = {"ours": our_versions()} | json.loads((folder / "versions.json").read_text())
        for backend in BACKENDS:
            found = json.loads(run(sys.executable, "objectives_ours.py", folder, backend=backend))
            for title, measured in found.items():
                if asked.case and title not in asked.case:
                    continue
                rows += [
                    _row(title, quantity, value, peers[title], backend)
                    for quantity, value in measured.items()
                ]
                print(title, backend, json.dumps(measured), flush=True)
    return write(asked.output, "objectives", rows, versions)


def _inputs(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """A batch of the supervised recipe's size; pairs and triples share a topic, so that cosines vary."""

    def vectors(group: int, dimension: int) -> np.ndarray:
        topics = np.repeat(0.6 * rng.standard_normal((ROWS // group, dimension)), group, axis=0)
        return 0.3 + topics + rng.uniform(0.3, 1.5, (ROWS, 1)) * rng.standard_normal((ROWS, dimension))

    logits = 3 * rng.standard_normal((POSITIONS, VOCABULARY))
    arrays = {
        "pairs": vectors(2, DIMENSION),
        "triples": vectors(3, DIMENSION),
        "teacher": vectors(2, 2 * DIMENSION),
        "head": 0.05 * rng.standard_normal((3 * DIMENSION, 5)),
        "logits": logits,
        "other_logits": logits + 0.5 * rng.standard_normal(logits.shape),
        "weights": np.arange(POSITIONS) < POSITIONS - 20,
    }
    groups = rng.integers(0, ROWS // 8, ROWS // 2).repeat(2)
    integers = {
        "targets": rng.integers(0, VOCABULARY, POSITIONS),
        "grades": rng.integers(0, 6, ROWS // 2),
        "classes": rng.integers(0, 5, ROWS // 2),
    }
    return (
        {name: array.astype(np.float32) for name, array in arrays.items()}
        | {name: array.astype(np.int32) for name, array in integers.items()}
        | {"same": groups[:, None] == groups[None, :]}
    )


def _row(title: str, quantity: str, measured: float, peer: str, backend: str) -> dict[str, Any]:
    return {
        "what": f"{title}, {quantity}, {backend}",
        "objective": title,
        "quantity": quantity,
        "backend": backend,
        "peer": peer,
        "measured": measured,
        "limit": LIMIT,
        "unit": "relative",
        "holds": measured <= LIMIT,
    }


if __name__ == "__main__":
    sys.exit(main())
