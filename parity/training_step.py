"""Compare the loss terms and the gradient of one training step with bert4keras's.

    python parity/training_step.py DATA --peer-python PYTHON [--output runs/parity]

A batch as training makes it (pairs in both directions, whole-word noise on half of the sources,
padding) goes to bert4keras and to us, with the same weights and without dropout. Exit code 1 if a
value differs by more than its limit.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import LIMIT, arguments, our_versions, run, write
from network_cases import CASES, Case

from roformer_sim.text import Tokenizer
from roformer_sim.training.arrays import Assembler, BatchTask
from roformer_sim.training.pairs import SentencePair
from roformer_sim.training.rows import RowMaker

# RoFormer-Sim and SimBERT with the scales of their sentence loss.
STEPS = {"roformer-small": ("RoFormer-Sim", 20.0), "bert-small": ("SimBERT", 30.0)}
BACKENDS = ("tensorflow", "jax")
# Single entries of a gradient are sums over the batch that cancel, so that rounding shows more in them.
ENTRY_LIMIT = 5e-5
PAIRS = [
    ("广州和深圳哪个好？", "深圳和广州，你更喜欢哪一个"),
    ("怎么开通花呗", "花呗要如何才能开通呢？"),
    ("手机屏幕碎了去哪里修", "屏幕摔碎了，哪儿可以换一块"),
    ("明天会下雨吗", "天气预报说明天有没有雨"),
    ("科学技术是第一生产力。", "第一生产力就是科学技术"),
    ("iPhone 15 多少钱", "苹果15手机现在卖什么价格，打折以后便宜多少呢"),
    ("孩子发烧三十九度怎么办", "小孩高烧不退应该怎么处理"),
    ("如何学好英语口语", "英语口语怎样才能提高"),
]


def main() -> int:
    """Run both models; a line for each backend."""
    asked = arguments(__doc__.splitlines()[0])
    rows: list[dict[str, Any]] = []
    versions: dict[str, Any] = {"ours": our_versions()}
    for name in asked.case or STEPS:
        title, scale = STEPS[name]
        with tempfile.TemporaryDirectory() as folder:
            np.savez(Path(folder) / "batch.npz", **_batch(CASES[name], asked.data))
            run(asked.peer_python, "training_step_peer.py", name, asked.data, folder, scale)
            versions["bert4keras"] = json.loads((Path(folder) / "versions.json").read_text())
            for backend in BACKENDS:
                found = json.loads(
                    run(sys.executable, "training_step_ours.py", folder, scale, backend=backend)
                )
                rows += _rows(f"{title}, {CASES[name].title}", found)
                print(title, backend, json.dumps(found["measured"]), found["losses"], flush=True)
    return write(asked.output, "training_step", rows, versions)


def _batch(case: Case, data: Path) -> dict[str, np.ndarray]:
    tokenizer = Tokenizer.from_file(data / "vocab" / case.folder / "vocab.txt")
    pairs = [SentencePair(a, b) for a, b in PAIRS]
    return Assembler(RowMaker(tokenizer, maxlen=64, noise=0.5))(BatchTask(pairs, (case.seed,)))


def _rows(title: str, found: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "what": f"{title}, {quantity}, {found['backend']}",
            "network": title,
            "quantity": quantity,
            "backend": found["backend"],
            "peer": "bert4keras",
            "measured": measured,
            "limit": _limit(quantity),
            "unit": "relative",
            "holds": measured <= _limit(quantity),
        }
        for quantity, measured in found["measured"].items()
    ]


def _limit(quantity: str) -> float:
    return ENTRY_LIMIT if quantity == "worst entry of the gradient" else LIMIT


if __name__ == "__main__":
    sys.exit(main())
