"""What the parity scripts share: running a peer or ourselves in a process, and the result files."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LIMIT = 1e-5


def arguments(description: str) -> argparse.Namespace:
    """``DATA --peer-python PYTHON [--output FOLDER] [--case NAME ...]``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("data", type=Path, help="folder with vocab/*/bert_config.json and vocab.txt")
    parser.add_argument("--peer-python", required=True, help="a Python with bert4keras and transformers")
    parser.add_argument("--output", type=Path, default=Path("runs/parity"))
    parser.add_argument("--case", action="append", help="only this case; may be given again")
    return parser.parse_args()


def run(python: str, script: str, *parts: object, backend: str | None = None) -> str:
    """Run a script of this folder; its standard output. A failure shows its standard error and ends us."""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([str(HERE.parent), str(HERE)]))
    if backend:
        environment["KERAS_BACKEND"] = backend
    command = [python, str(HERE / script), *map(str, parts)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stderr[-4000:])
        raise SystemExit(f"error: {script} {' '.join(map(str, parts))} failed")
    return done.stdout


def our_versions() -> dict[str, str]:
    """Versions of what our side ran on."""
    names = ("keras", "tensorflow-cpu", "tensorflow", "jax", "numpy")
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def write(folder: Path, name: str, rows: list[dict[str, Any]], versions: dict[str, Any]) -> int:
    """``<name>.json``; 1 if a row does not hold, else 0."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {"rows": rows, "versions": versions}
    (folder / f"{name}.json").write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    return int(not all(row["holds"] for row in rows))
