"""How fast our batches are beside bert4keras's tokenizer on the same texts, taking turns in one run.

    python benchmarks/tokenizer_speed.py TEXTS.jsonl --vocab vocab.txt --peer-python PYTHON [--json]

TEXTS.jsonl holds one JSON string a line (``parity/tokenizer_texts.py`` makes one from a data folder); PYTHON
has bert4keras 0.11.5 installed. Both sides encode every text to at most 64 tokens. ``first pass`` is ours
with a tokenizer that has seen no text; ``ids only`` leaves the rows end to end in one array. Counted are
seconds of processor time, all threads together, so that other work on the machine weighs little.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from roformer_sim.text import Tokenizer

sys.path.insert(0, str(Path(__file__).parents[1] / "parity"))

from tokenizer_peer_rows import MAXLEN, Peer


def measure(texts: Path, vocabulary: Path, python: str, rounds: int) -> dict[str, object]:
    """Medians over ``rounds`` in which the two sides take turns, and the ratio of each round."""
    rows = [json.loads(line) for line in texts.read_text(encoding="utf-8").split("\n") if line]
    peer = Peer(python, ["serve", str(MAXLEN), texts, vocabulary])
    times: dict[str, list[float]] = {name: [] for name in ("peer", "first pass", "encode_batch", "ids only")}
    for _ in range(rounds):
        times["peer"].append(float(peer.ask()))
        # While the peer worked, our process may have lost its pages: a pass not counted brings them back.
        Tokenizer.from_file(vocabulary).encode_batch(rows, maxlen=MAXLEN)
        tokenizer = Tokenizer.from_file(vocabulary)
        for name, encode in (
            ("first pass", tokenizer.encode_batch),
            ("encode_batch", tokenizer.encode_batch),
            ("ids only", tokenizer.encode_rows),
        ):
            times[name].append(_seconds(encode, rows))
    peer.close()
    ratios = {name: median(a / b for a, b in zip(times["peer"], times[name], strict=True)) for name in times}
    return {
        "rows": len(rows),
        "characters": sum(map(len, rows)),
        "rows_per_second": {name: round(len(rows) / median(seconds)) for name, seconds in times.items()},
        "ratio": {name: round(ratio, 1) for name, ratio in ratios.items() if name != "peer"},
        "speed_ratio": round(ratios["encode_batch"], 1),
    }


def _seconds(encode: Callable[..., object], texts: list[str]) -> float:
    begin = time.process_time()
    encode(texts, maxlen=MAXLEN)
    return time.process_time() - begin


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", type=Path)
    parser.add_argument("--vocab", type=Path, required=True)
    parser.add_argument("--peer-python", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = measure(arguments.texts, arguments.vocab, arguments.peer_python, arguments.rounds)
    if arguments.json:
        print(json.dumps(result))
        return
    print(
        f"{result['rows']:,} texts, {result['characters']:,} characters, medians of {arguments.rounds} rounds"
    )
    for name, speed in result["rows_per_second"].items():
        ratio = result["ratio"].get(name, 1)
        print(
            f"{'bert4keras' if name == 'peer' else 'ours, ' + name:20} {speed:>10,} texts/s  {ratio:6.1f} x"
        )


if __name__ == "__main__":
    sys.exit(main())
