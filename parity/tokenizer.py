"""Compare our tokenizer with bert4keras's on real texts, random Unicode and every code point.

    python parity/tokenizer.py DATA --peer-python PYTHON [--output tokenizer.json]

DATA is a folder with texts (JSON lines, TSV; plain, .gz or .xz) and ``vocab/*/vocab.txt``; PYTHON has
bert4keras 0.11.5 installed. Writes a list of results, one for each vocabulary and kind of text, each with the
number of rows, of differing rows and the first few of those. Exit code 1 if anything differs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tokenizer_peer_rows import MAXLEN, Rows, peer_rows
from tokenizer_texts import every_code_point, random_texts, read_texts

from roformer_sim.text import Tokenizer

WORD_VOCABULARY = 50_000
SIZES = (21_128, 13_685, 12_000, WORD_VOCABULARY)
HERE = Path(__file__).parent


def main() -> int:
    """Run every comparison, print a line for each and write them all."""
    arguments = _arguments()
    kinds = {
        "real texts": read_texts(arguments.data, arguments.texts),
        "random Unicode": random_texts(arguments.random),
        "every code point": every_code_point(),
    }
    vocabularies = _vocabularies(arguments.data / "vocab")
    results = []
    with tempfile.TemporaryDirectory() as name:
        for kind, texts in kinds.items():
            source = Path(name) / "texts.jsonl"
            source.write_text("".join(json.dumps(text) + "\n" for text in texts))
            for size, vocabulary in vocabularies.items():
                words = size == WORD_VOCABULARY
                peer = peer_rows(arguments.peer_python, source, vocabulary, words=words)
                result = compare(Tokenizer.from_file(vocabulary, words=words), peer, texts)
                results.append({"name": f"tokenizer, {size:,} entries, {kind}"} | result)
                print(
                    json.dumps(results[-1] | {"examples": result["examples"][:3]}, ensure_ascii=False),
                    flush=True,
                )
        results += _speed(arguments, kinds["real texts"], Path(name), vocabularies)
    arguments.output.write_text(json.dumps(results, ensure_ascii=False, indent=1) + "\n")
    return int(any(result.get("different") for result in results))


def compare(tokenizer: Tokenizer, peer: dict[str, Rows], texts: Sequence[str]) -> dict[str, object]:
    """Count the rows that differ in ids, truncated ids, pairs, segments, tokens or decoded text."""
    different: dict[int, str] = {}
    counts = {}

    def check(name: str, ours: Sequence[Sequence[int]]) -> None:
        rows = [row for row, (a, b) in enumerate(zip(ours, peer[name], strict=True)) if list(a) != list(b)]
        counts[name] = len(rows)
        for row in rows:
            different.setdefault(
                row, f"{name}: {texts[row][:80]!r}: {list(ours[row])} / {list(peer[name][row])}"
            )

    whole = [encoding.token_ids.tolist() for encoding in tokenizer.encode_batch(texts)]
    check("single", whole)
    check("maxlen", [e.token_ids.tolist() for e in tokenizer.encode_batch(texts, maxlen=MAXLEN)])
    pairs = tokenizer.encode_batch(texts[:-1], texts[1:], maxlen=2 * MAXLEN)
    check("pair", [encoding.token_ids.tolist() for encoding in pairs])
    check("segment", [encoding.segment_ids.tolist() for encoding in pairs])
    check("decoded", [list(map(ord, tokenizer.decode(ids[:MAXLEN]))) for ids in whole])
    tokenized = ["\n".join(tokenizer.tokenize(text)) for text in texts[: len(peer["tokens"])]]
    check("tokens", [list(map(ord, text)) for text in tokenized])
    small, kept = tokenizer.vocabulary.simplified()
    same = [list(map(ord, token)) for token in small] == [list(row) for row in peer["simplified"]]
    counts["simplified"] = int(not same or kept.tolist() != list(peer["simplified_rows"][0]))
    return {
        "rows": len(texts),
        "different": len(different) + counts["simplified"],
        "by_check": counts,
        "examples": list(different.values())[:20],
    }


def _speed(
    arguments: argparse.Namespace, texts: list[str], folder: Path, vocabularies: dict[int, Path]
) -> list:
    source = folder / "speed.jsonl"
    source.write_text("".join(json.dumps(text) + "\n" for text in texts))
    script = HERE.parent / "benchmarks" / "tokenizer_speed.py"
    command = [sys.executable, script, source, "--vocab", vocabularies[12_000], "--json"]
    command += ["--peer-python", arguments.peer_python]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return [{"name": "tokenizer, speed"} | json.loads(done.stdout)]


def _vocabularies(folder: Path) -> dict[int, Path]:
    found = {}
    for path in sorted(folder.glob("*/vocab.txt")):
        found.setdefault(path.read_bytes().count(b"\n"), path)
    missing = [size for size in SIZES if size not in found]
    if missing:
        raise SystemExit(f"error: {folder}: no vocab.txt of {missing[0]} lines")
    return {size: found[size] for size in SIZES}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--peer-python", required=True)
    parser.add_argument("--output", type=Path, default=Path("tokenizer.json"))
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--random", type=int, default=20_000)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
