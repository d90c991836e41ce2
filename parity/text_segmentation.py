"""Compare the cutting of long texts to training length with bert4keras's ``text_segmentate``.

    python parity/text_segmentation.py DATA --peer-python PYTHON [--output runs/parity] [--case "real texts"]

DATA is a folder with texts (JSON lines, TSV; plain, .gz or .xz). bert4keras is called as RoFormer-Sim's
training calls it: ``text_segmentate(text, maxlen * 1.2, "\\n。！？!?；;，, ", "；;，, ")``. A row tells for
how many texts any piece differs at any of the lengths, or the first piece, which is what training takes.
Exit code 1 if anything differs.
"""

from __future__ import annotations

import importlib.metadata
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common import arguments, run, write
from tokenizer_texts import SPACES, read_texts

from corpus_builder.segmentation import cut_to_length

MAXLENS = (6, 16, 32, 64, 128)
REAL, RANDOM = "real texts", "random marks"
TEXTS, RANDOM_TEXTS, SHORTEST = 10_000, 20_000, 20


def main() -> int:
    """Compare every case asked for and write the rows."""
    asked = arguments(__doc__.splitlines()[0])
    rows: list[dict[str, Any]] = []
    versions: dict[str, str] = {}
    for case in asked.case or [REAL, RANDOM]:
        texts = _texts(case, asked.data)
        theirs = _peer(asked.peer_python, texts, versions)
        rows += [compare(case, texts, theirs, first_only) for first_only in (False, True)]
        for row in rows[-2:]:
            print(row["what"], row["measured"], row["examples"][:3], flush=True)
    ours = {"python": sys.version.split()[0], "numpy": importlib.metadata.version("numpy")}
    return write(asked.output, "text_segmentation", rows, {"ours": ours, "bert4keras": versions})


def compare(
    case: str, texts: Sequence[str], theirs: Sequence[Sequence[Sequence[str]]], first_only: bool
) -> dict[str, Any]:
    """Count the texts for which a piece (or the first piece) differs at any length."""
    different = []
    cut = 0
    for text, peer in zip(texts, theirs, strict=True):
        ours = [cut_to_length(text, maxlen) for maxlen in MAXLENS]
        cut += sum(len(pieces) > 1 for pieces in ours)
        for maxlen, mine, other in zip(MAXLENS, ours, peer, strict=True):
            last = 1 if first_only else None
            if mine[:last] != list(other)[:last]:
                different.append(f"{maxlen}: {text[:80]!r}: {mine[:3]} / {list(other)[:3]}")
                break
    lengths = ", ".join(map(str, MAXLENS))
    pieces = "the first piece" if first_only else "all pieces"
    return {
        "what": f"{len(texts):,} texts, {case}, maxlen {lengths}: {pieces}",
        "peer": "bert4keras",
        "rows": len(texts),
        "cut_in_pieces": cut,
        "measured": len(different),
        "limit": 0,
        "unit": "texts that differ",
        "holds": not different,
        "examples": different[:20],
    }


def _peer(python: str, texts: Sequence[str], versions: dict[str, str]) -> list[list[list[str]]]:
    with tempfile.TemporaryDirectory() as name:
        source, output = Path(name) / "texts.jsonl", Path(name) / "pieces.jsonl"
        source.write_text("".join(json.dumps(text) + "\n" for text in texts))
        said = run(python, "text_segmentation_peer.py", source, output, *MAXLENS)
        versions.update(json.loads(said.strip().splitlines()[-1]))
        return [json.loads(line) for line in output.read_text().splitlines()]


def _texts(case: str, data: Path) -> list[str]:
    if case == REAL:
        # Short texts are not cut; those of a word or two would only make the figure look better.
        found = [text for text in read_texts(data, 4 * TEXTS) if len(text) >= SHORTEST]
        if len(found) < TEXTS:
            raise SystemExit(
                f"error: {data}: {len(found)} texts of {SHORTEST} characters, {TEXTS} are needed"
            )
        return found[:TEXTS]
    if case == RANDOM:
        return _random_texts()
    raise SystemExit(f"error: no case {case!r}; there are {REAL!r}, {RANDOM!r}")


def _random_texts() -> list[str]:
    """Strings of few letters and many marks and spaces, of 0 to 300 characters."""
    state = random.Random(0)
    kinds = ["\n。！？!?；;，, ", "天地玄黄", "ab1", SPACES, "\n\n。。，，  ；；"]
    texts = []
    for _ in range(RANDOM_TEXTS):
        weights = [state.random() ** 2 for _ in kinds]
        chosen = state.choices(kinds, weights, k=state.randint(0, 300))
        texts.append("".join(map(state.choice, chosen)))
    return texts


if __name__ == "__main__":
    sys.exit(main())
