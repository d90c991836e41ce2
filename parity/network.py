"""Compare hidden states, pooled vectors and logits with bert4keras's and transformers'.

    python parity/network.py DATA --peer-python PYTHON [--output runs/parity]

For every case and peer: the peer makes weights and outputs in a process of its own, then we load
those weights (bert4keras's checkpoint through the product's reader) under TensorFlow and under JAX.
Exit code 1 if an output differs by more than the limit.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from common import LIMIT, arguments, our_versions, run, write
from network_cases import CASES, Case

BACKENDS = ("tensorflow", "jax")
PEERS = {"bert4keras": "network_peer_bert4keras.py", "transformers": "network_peer_transformers.py"}


def main() -> int:
    """Run all cases; a line for each."""
    asked = arguments(__doc__.splitlines()[0])
    rows: list[dict[str, Any]] = []
    versions: dict[str, Any] = {"ours": our_versions()}
    for name in asked.case or CASES:
        for peer, script in PEERS.items():
            with tempfile.TemporaryDirectory() as folder:
                run(asked.peer_python, script, name, asked.data, folder)
                versions[peer] = json.loads((Path(folder) / "versions.json").read_text())
                for backend in BACKENDS:
                    found = json.loads(run(sys.executable, "network_ours.py", folder, peer, backend=backend))
                    rows += _rows(CASES[name], peer, found)
                    print(name, peer, backend, max(found["measured"].values()), flush=True)
    return write(asked.output, "network", rows, versions)


def _rows(case: Case, peer: str, found: dict[str, Any]) -> list[dict[str, Any]]:
    if found["backend"] not in BACKENDS or found["model_type"] != case.model_type:
        raise SystemExit(f"error: {case.name}: read as {found['model_type']} on {found['backend']}")
    rows = []
    # transformers' BertModel cannot have narrower embeddings; its peer script leaves them out.
    title = case.title if peer == "bert4keras" else case.title.replace(", embedding 128", "")
    for key, measured in found["measured"].items():
        pattern, output = key.split("_")
        rows.append(
            {
                "what": f"{title}, {pattern}, {output}, {found['backend']}",
                "network": title,
                "pattern": pattern,
                "output": output,
                "backend": found["backend"],
                "peer": peer,
                "measured": measured,
                "limit": LIMIT,
                "unit": "of the largest absolute value",
                "holds": measured <= LIMIT,
            }
        )
    return rows


if __name__ == "__main__":
    sys.exit(main())
