"""Compare our tokenizer with bert4keras's on real texts, random Unicode and every code point.

    python parity/tokenizer.py DATA --peer-python PYTHON [--output runs/parity] [--case "random Unicode"]

DATA is a folder with texts (JSON lines, TSV; plain, .gz or .xz) and ``vocab/*/vocab.txt``; PYTHON has
bert4keras 0.11.5 installed. A row of the result tells for a vocabulary and a kind of text how many texts
differ in anything: their ids; of the first 20,000 also ids cut to 64 tokens, ids and segments of pairs,
tokens and decoded text. The last row is the speed of batches. Exit code 1 if anything differs or the speed is
below 50 times bert4keras's.
"""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common import arguments, write
from tokenizer_peer_rows import MAXLEN, Peer, Rows, peer_rows, peer_versions
from tokenizer_texts import every_code_point, random_texts, read_texts

from roformer_sim.text import Tokenizer

WORD_VOCABULARY = 50_000
SIZES = (21_128, 13_685, 12_000, WORD_VOCABULARY)
REAL, RANDOM, EVERY, SPEED = "real texts", "random Unicode", "every code point", "speed"
TEXTS, RANDOM_TEXTS, LEAST_RATIO = 100_000, 20_000, 50
BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "tokenizer_speed.py"


def main() -> int:
    """Run every comparison asked for, print a line for each and write them all."""
    asked = arguments(__doc__.splitlines()[0])
    cases = asked.case or [REAL, RANDOM, EVERY, SPEED]
    vocabularies = _vocabularies(asked.data / "vocab")
    rows: list[dict[str, Any]] = []
    peer = Peer(asked.peer_python, ["ids", str(MAXLEN)])
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "texts.jsonl"
        for case in cases:
            texts = _texts(case, asked.data)
            source.write_text("".join(json.dumps(text) + "\n" for text in texts))
            if case == SPEED:
                rows.append(_speed(asked.peer_python, source, vocabularies[12_000]))
                continue
            for size, vocabulary in vocabularies.items():
                words = size == WORD_VOCABULARY
                theirs = peer_rows(peer, source, vocabulary, words=words)
                found = compare(Tokenizer.from_file(vocabulary, words=words), theirs, texts)
                what = f"tokenizer, {size:,} {'words' if words else 'entries'}, {len(texts):,} texts, {case}"
                rows.append({"what": what, "peer": "bert4keras"} | found)
                print(what, found["measured"], found["examples"][:3], flush=True)
    peer.close()
    packages = ("tokenizers", "jieba", "numpy")
    ours = {name: importlib.metadata.version(name) for name in packages}
    ours["unicode"] = unicodedata.unidata_version
    versions = {"ours": ours, "bert4keras": peer_versions(asked.peer_python)}
    return write(asked.output, "tokenizer", rows, versions)


def compare(tokenizer: Tokenizer, peer: dict[str, Rows], texts: Sequence[str]) -> dict[str, Any]:
    """Count the texts for which anything differs, and show the first of them."""
    different: dict[int, str] = {}
    counts = {}

    def check(name: str, ours: Sequence[Sequence[int]]) -> None:
        rows = [row for row, (a, b) in enumerate(zip(ours, peer[name], strict=True)) if list(a) != b]
        counts[name] = len(rows)
        for row in rows:
            example = f"{name}: {texts[row][:80]!r}: {list(ours[row])[:80]} / {peer[name][row][:80]}"
            different.setdefault(row, example)

    whole = [encoding.token_ids.tolist() for encoding in tokenizer.encode_batch(texts)]
    check("single", whole)
    some = texts[: len(peer["tokens"])]
    check("maxlen", [e.token_ids.tolist() for e in tokenizer.encode_batch(some, maxlen=MAXLEN)])
    pairs = tokenizer.encode_batch(some[:-1], some[1:], maxlen=2 * MAXLEN)
    check("pair", [encoding.token_ids.tolist() for encoding in pairs])
    check("segment", [encoding.segment_ids.tolist() for encoding in pairs])
    check("decoded", [list(map(ord, tokenizer.decode(ids[:MAXLEN]))) for ids in whole[: len(some)]])
    check("tokens", [list(map(ord, "\n".join(tokenizer.tokenize(text)))) for text in some])
    small, kept = tokenizer.vocabulary.simplified()
    same = [list(map(ord, token)) for token in small] == list(peer["simplified"])
    counts["simplified"] = int(not same or kept.tolist() != peer["simplified_rows"][0])
    measured = len(different) + counts["simplified"]
    return {
        "rows": len(texts),
        "measured": measured,
        "limit": 0,
        "unit": "texts that differ",
        "holds": measured == 0,
        "by_check": counts,
        "examples": list(different.values())[:20],
    }


def _texts(case: str, data: Path) -> list[str]:
    if case in (REAL, SPEED):
        return read_texts(data, TEXTS)
    if case == RANDOM:
        return random_texts(RANDOM_TEXTS)
    if case == EVERY:
        return every_code_point()
    raise SystemExit(f"error: no case {case!r}; there are {REAL!r}, {RANDOM!r}, {EVERY!r}, {SPEED!r}")


def _speed(python: str, texts: Path, vocabulary: Path) -> dict[str, Any]:
    command = [sys.executable, BENCHMARK, texts, "--vocab", vocabulary, "--peer-python", python, "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(done.stdout)
    print(SPEED, found, flush=True)
    return {
        "what": f"tokenizer, 12,000 entries, {found['rows']:,} texts, speed",
        "peer": "bert4keras",
        "measured": found["speed_ratio"],
        "limit": LEAST_RATIO,
        "unit": "times bert4keras's speed",
        "holds": found["speed_ratio"] >= LEAST_RATIO,
    } | found


def _vocabularies(folder: Path) -> dict[int, Path]:
    found: dict[int, Path] = {}
    for path in sorted(folder.glob("*/vocab.txt")):
        found.setdefault(path.read_bytes().count(b"\n"), path)
    missing = [size for size in SIZES if size not in found]
    if missing:
        raise SystemExit(f"error: {folder}: no vocab.txt of {missing[0]} lines")
    return {size: found[size] for size in SIZES}


if __name__ == "__main__":
    sys.exit(main())
