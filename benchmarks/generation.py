"""How fast sentences are generated, ours beside bert4keras and transformers, by turns in one run.

    python -m benchmarks.generation --peer-python PYTHON [--peer3-python PYTHON3]
        [--engines keras,native-int8] [--json]

RoFormer 12 x 768 with 12,000 tokens and random weights, sources of 14 tokens, nucleus 0.95, 24 new tokens
a sentence (no end). A case is a number of sources and of sentences for each: 1 x 100, 1 x 20, 64 x 20;
bert4keras takes sources one after another, so 64 x 20 is 1 x 20 for it. bert4keras3 is measured at 1 x 100
alone. Figures are generated tokens a second
by the clock, medians of the rounds; a ratio is the median of the rounds' ratios, of the fastest engine unless
it says float32.
``share_of_bound`` is the float32 engine's rate at 1 x 100 over that of a step's matrix products alone
(TensorFlow, 100 rows). ``mini_ms`` is a warm ``gen_synonyms(n=100, k=20)`` on the shipped model.

PYTHON is the interpreter of the peers (`make parity` describes it). PYTHON3 is that of another environment:
`pip install keras==3.6.* tensorflow-cpu==2.18.*`, then `pip install --no-deps bert4keras3==1.6.6`, on Python
3.11 (it imports distutils); without it ``ratio_vs_bert4keras3`` is null.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from roformer_sim.generation.engines.choose import ENGINES

_ROOT = Path(__file__).resolve().parents[1]
CASES = {
    "1x100": {"sources": 1, "n": 100},
    "1x20": {"sources": 1, "n": 20},
    "64x20": {"sources": 64, "n": 20},
}
FLOAT32 = ("keras", "native-float32")
COMPILED = (*ENGINES, "bert4keras3")
"""Sides that meet each case once before they are measured; for the others a single sentence will do."""


class Side:
    """A process that generates when asked to."""

    def __init__(self, *command: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=_ROOT
        )
        self._answer()

    def ask(self, **question: Any) -> dict[str, Any]:
        """One measurement."""
        assert self.process.stdin is not None
        print(json.dumps(question), file=self.process.stdin, flush=True)
        return self._answer()

    def rate(self, case: str) -> float:
        """Generated tokens a second."""
        found = self.ask(**CASES[case])
        return found["tokens"] / found["seconds"]

    def close(self) -> None:
        """End the process."""
        self.process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"error: {self.process.args} ended, see above")
        return json.loads(line)


def measure(pythons: dict[str, str], engines: list[str], rounds: int) -> dict[str, Any]:
    """The whole benchmark; ``pythons`` is each peer's interpreter."""
    ours = {name: Side(sys.executable, "-m", "benchmarks.generation_ours", name) for name in engines}
    peers = {
        name: Side(python, str(_ROOT / "benchmarks" / f"generation_{name}.py"))
        for name, python in pythons.items()
    }
    for name, side in [*ours.items(), *peers.items()]:  # shapes met for the first time are compiled
        if name in COMPILED:
            for case in _cases_of(name):
                side.rate(case)
        else:
            side.ask(sources=1, n=1)
    rates: dict[str, dict[str, list[float]]] = {
        name: {case: [] for case in _cases_of(name)} for name in [*ours, *peers]
    }
    for _ in range(rounds):
        for case in CASES:
            for name, side in [*ours.items(), *peers.items()]:
                if name == "bert4keras" and case == "64x20":
                    rates[name][case].append(rates[name]["1x20"][-1])
                elif case in rates[name]:
                    rates[name][case].append(side.rate(case))
    memory = {name: ours[name].ask(sources=1, n=1000)["peak_gb"] for name in engines}
    bound = next(iter(ours.values())).ask(bound=True, rows=100)["bound"]  # imports TensorFlow
    for side in [*ours.values(), *peers.values()]:
        side.close()
    return _figures(rates, engines, bound) | {"peak_gb_n1000": memory, "rounds": rounds}


def _cases_of(name: str) -> list[str]:
    return ["1x100"] if name == "bert4keras3" else list(CASES)


def _figures(rates: dict[str, dict[str, list[float]]], engines: list[str], bound: float) -> dict[str, Any]:
    best = {case: max(engines, key=lambda name: median(rates[name][case])) for case in CASES}
    in_float32 = [name for name in engines if name in FLOAT32]

    def ratio(name: str, case: str, peer: str = "bert4keras") -> float:
        pairs = zip(rates[name][case], rates[peer][case], strict=True)
        return round(median(own / other for own, other in pairs), 1)

    exact = max(in_float32, key=lambda name: median(rates[name]["1x100"]))
    return {
        "ratio_vs_bert4keras": ratio(best["1x100"], "1x100"),
        "ratio_vs_bert4keras_fp32": ratio(exact, "1x100"),
        "ratio_vs_bert4keras_n20": ratio(best["1x20"], "1x20"),
        "ratio_vs_bert4keras_batch": ratio(best["64x20"], "64x20"),
        "ratio_vs_bert4keras3": ratio(best["1x100"], "1x100", "bert4keras3")
        if "bert4keras3" in rates
        else None,
        "ratio_vs_transformers": {case: ratio(best[case], case, "transformers") for case in CASES},
        "fastest": best,
        "tokens_s": {
            name: {case: round(median(one)) for case, one in found.items()} for name, found in rates.items()
        },
        "bound_tokens_s": round(bound),
        "share_of_bound": round(median(rates[exact]["1x100"]) / bound, 2),
    }


def measure_mini(runs: int = 9) -> float:
    """Milliseconds of a warm call on the shipped model."""
    from roformer_sim import RoFormerSim

    model, seconds = RoFormerSim.from_preset(), []
    for seed in range(runs + 3):
        began = time.perf_counter()
        model.gen_synonyms("广州和深圳哪个好？", n=100, k=20, seed=seed)
        seconds.append(time.perf_counter() - began)
    return round(1000 * median(seconds[3:]), 1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peer-python", required=True, help="interpreter with bert4keras 0.11.5 and torch")
    parser.add_argument("--peer3-python", help="interpreter with bert4keras3 1.6.6 and Keras 3.6")
    parser.add_argument("--engines", default="keras,native-float32,native-int8", help=", ".join(ENGINES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = {"mini_ms": measure_mini()}
    pythons = dict.fromkeys(("bert4keras", "transformers"), arguments.peer_python)
    if arguments.peer3_python:
        pythons["bert4keras3"] = arguments.peer3_python
    result |= measure(pythons, arguments.engines.split(","), arguments.rounds)
    if arguments.json:
        print(json.dumps(result))
        return
    for name, found in result["tokens_s"].items():
        print(f"{name:18}", *(f"{case} {rate:6,} tokens/s" for case, rate in found.items()))
    print({key: value for key, value in result.items() if key != "tokens_s"})


if __name__ == "__main__":
    sys.exit(main())
