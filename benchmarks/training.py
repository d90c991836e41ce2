"""How fast stage 1 trains, ours beside bert4keras and PyTorch, all on the same pairs, by turns in one run.

    python -m benchmarks.training --peer-python PYTHON [--data CORPUS] [--json]

The step: UniLM generation loss plus in-batch softmax, AdamW, dropout 0.1 (hidden and attention), exact GELU,
RoFormer 6 x 384 with 12,000 tokens, 96 rows a batch, sentences of up to 64 tokens. Counted are useful tokens
(without padding) a second by the clock, all cores; a figure is the median of the rounds, a ratio the median
of the rounds' ratios.

- ours: ``fit`` as `roformer-sim train` calls it, with the product's batches (windows of 128 batches sorted by
  length, then shuffled) and everything that makes them, tokenizer and noise included; a round is 16 steps,
  the warm-up 64;
- bert4keras (its own process, tf-keras, float32): scores of all positions, random batches of pairs of the
  same stream, ready made, padded to the longest row;
- PyTorch, bfloat16 by autocast and float32: the same random batches, logits at target positions alone.

PYTHON is the interpreter of the peers (`make parity` describes it). CORPUS is a folder with groups.jsonl.gz,
answers.jsonl.gz and documents.jsonl.gz from scripts/01_build_corpus.sh. Without it sentences are made of
random characters, their lengths drawn from such a corpus's distribution (``QUANTILES``).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.training_worker import BATCH_ROWS, MAXLEN, NETWORK, ROUND_STEPS, step_memory
from corpus_builder.readers import read_groups, read_pairs
from roformer_sim.text.build_vocab import build_vocabulary
from roformer_sim.text.vocabulary import SPECIAL_TOKENS

_ROOT = Path(__file__).resolve().parents[1]
_SHARE = {"bert4keras": 2, "torch_bfloat16": 4, "torch_float32": 4}  # batches of a round
_PAIRS = 20_000  # of each kind, where sentences are made
# Tokens of a sentence at each twentieth of the distribution: questions, general sentences.
QUANTILES = (
    (4, 7, 8, 9, 9, 10, 10, 10, 11, 11, 12, 13, 13, 14, 15, 16, 17, 18, 21, 26, 64),
    (4, 7, 8, 8, 9, 10, 10, 11, 12, 12, 13, 14, 15, 17, 18, 19, 21, 23, 26, 30, 63),
)


def make_pool(folder: Path, corpus: Path | None, rounds: int) -> None:
    """Vocabulary, list of corpus files and the peers' rows, which are those of our side."""
    if corpus is None:
        _make_sentences(folder)
        corpus = folder
    suffix = "" if corpus == folder else ".gz"
    files = {
        "groups": [str(corpus / f"groups.jsonl{suffix}")],
        "pairs": [str(corpus / f"{name}.jsonl{suffix}") for name in ("answers", "documents")],
    }
    if corpus == folder:
        files["pairs"].pop(0)
    (folder / "files.json").write_text(json.dumps(files))
    (folder / "vocab.txt").write_text("\n".join(_vocabulary(files)) + "\n", "utf-8")
    _write_rows(folder, rounds)


def _make_sentences(folder: Path) -> None:
    """Pairs of random characters; the two sentences of a pair are of similar length, as mined ones are."""
    rng = np.random.default_rng(0)
    for name, quantiles in zip(("groups", "documents"), QUANTILES, strict=True):
        places = rng.random(_PAIRS)
        other = np.clip(places + rng.normal(0, 0.15, _PAIRS), 0, 1)
        steps = np.linspace(0, 1, len(quantiles))
        lengths = [np.interp(at, steps, quantiles).astype(int) for at in (places, other)]
        with (folder / f"{name}.jsonl").open("w", encoding="utf-8") as out:
            for a, b in zip(*lengths, strict=True):
                first, second = ("".join(map(chr, rng.integers(0x4E00, 0x7000, n))) for n in (a, b))
                row = {"text": first, "synonyms": [second]}
                if name == "documents":
                    row = {"text_a": first, "text_b": second}
                out.write(json.dumps(row, ensure_ascii=False) + "\n")


def _vocabulary(files: dict[str, list[str]]) -> list[str]:
    """The corpus's vocabulary, filled up to the network's size with characters it does not have."""
    texts = [text for path in files["groups"] for group in read_groups(path) for text in group.members]
    for path in files["pairs"]:
        texts += [text for pair in read_pairs(path) for text in (pair.text_a, pair.text_b)]
    size = NETWORK["vocab_size"]
    tokens = build_vocabulary(texts, max_size=size)
    assert tokens[0] == SPECIAL_TOKENS[0]
    unused = (chr(code) for code in range(0x4E00, 0x9FA5))
    known = set(tokens)
    while len(tokens) < size:
        character = next(unused)
        if character not in known:
            tokens.append(character)
    return tokens


def _write_rows(folder: Path, rounds: int) -> None:
    from benchmarks.training_ours import recipe
    from roformer_sim.training.sources import open_sources
    from roformer_sim.training.start import new_or_preset

    asked = recipe(folder, "float32")
    sources = open_sources(asked, new_or_preset(asked.start).tokenizer)
    pairs = sources.stream.draw(0, rounds * ROUND_STEPS * BATCH_ROWS // 2)
    rows = sources.assembler.maker.make(pairs, np.random.default_rng(0)).rows
    np.savez(
        folder / "rows.npz",
        tokens=np.concatenate([np.array(row.token_ids, np.int32) for row in rows]),
        ends=np.cumsum([len(row.token_ids) for row in rows]),
        sources=np.array([row.source for row in rows]),
    )


class Side:
    """One process, started once, that trains when asked to."""

    def __init__(self, command: list[str]) -> None:
        environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=_ROOT
        )
        self.ready = self._answer()

    def train(self, turn: int) -> dict[str, float]:
        """Train the side's share of a round."""
        assert self.process.stdin is not None
        print(turn, file=self.process.stdin, flush=True)
        return self._answer()

    def close(self) -> None:
        """End the process."""
        self.process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"error: {' '.join(map(str, self.process.args))} ended, see above")
        return json.loads(line)


def start_sides(folder: Path, peer_python: str, dtype: str) -> dict[str, Side]:
    """Ours and the peers, each warmed up."""
    peer = [peer_python, str(_ROOT / "benchmarks" / "training_bert4keras.py"), str(folder)]
    torch = [peer_python, str(_ROOT / "benchmarks" / "training_torch.py"), str(folder)]
    return {
        "ours": Side([sys.executable, "-m", "benchmarks.training_ours", str(folder), dtype]),
        "bert4keras": Side([*peer, str(_SHARE["bert4keras"])]),
        **{
            f"torch_{name}": Side([*torch, name, str(_SHARE[f"torch_{name}"])])
            for name in ("bfloat16", "float32")
        },
    }


def measure(corpus: Path | None, peer_python: str, rounds: int, dtype: str) -> dict[str, Any]:
    """The whole benchmark."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_pool(folder, corpus, rounds + 1)
        sides = start_sides(folder, peer_python, dtype)
        found: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
        for turn in range(1, rounds + 1):
            for side, process in sides.items():
                found[side].append(process.train(turn))
        for process in sides.values():
            process.close()
    speeds = {side: [one["tokens"] / one["seconds"] for one in ones] for side, ones in found.items()}
    ours = found["ours"]

    def ratio(peer: str) -> float:
        pairs = zip(speeds["ours"], speeds[peer], strict=True)
        return round(median(own / other for own, other in pairs), 2)

    peaks = {
        kind: max(sides["ours"].ready["products"][kind], sides[f"torch_{kind}"].ready["products"])
        for kind in ("float32", "bfloat16")
    }
    return {
        "pairs": "made, lengths of a real corpus" if corpus is None else "of the corpus given",
        "maxlen": MAXLEN,
        "rounds": rounds,
        "dtype": dtype,
        "ratio_vs_bert4keras": ratio("bert4keras"),
        "ratio_vs_torch": ratio("torch_bfloat16"),
        "ratio_vs_torch_float32": ratio("torch_float32"),
        "tflops": round(median(one["flop"] / one["seconds"] for one in ours) / 1e12, 4),
        "peak_tflops": peaks["float32" if dtype == "float32" else "bfloat16"],
        "peak_tflops_by_dtype": peaks,
        "tokens_s": {side: round(median(values)) for side, values in speeds.items()},
        "padded_over_useful": {
            side: round(sum(one["padded"] for one in ones) / sum(one["tokens"] for one in ones), 2)
            for side, ones in found.items()
        },
        "last_loss": {side: round(ones[-1]["loss"], 3) for side, ones in found.items()},
        "peak_gb": {side: round(ones[-1]["peak_gb"], 2) for side, ones in found.items()},
        "arithmetic_gb": step_memory(int(max(one["longest"] for one in ours))),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peer-python", required=True, help="interpreter with bert4keras 0.11.5 and torch")
    parser.add_argument("--data", type=Path, help="corpus folder; default: sentences made here")
    parser.add_argument("--dtype", default="float32", choices=["float32", "mixed_bfloat16"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = measure(arguments.data, arguments.peer_python, arguments.rounds, arguments.dtype)
    if arguments.json:
        print(json.dumps(result))
        return
    for side, speed in result["tokens_s"].items():
        memory, padding = result["peak_gb"][side], result["padded_over_useful"][side]
        print(f"{side:15} {speed:6,} useful tokens/s, {padding} computed for one, {memory} GB at most")
    print(
        f"{result['ratio_vs_bert4keras']} x bert4keras, {result['ratio_vs_torch']} x PyTorch bfloat16",
        end=", ",
    )
    print(f"{result['ratio_vs_torch_float32']} x PyTorch float32; medians of {result['rounds']} rounds")
    peaks = result["peak_tflops_by_dtype"]
    print(f"{result['tflops']} TFLOP/s; matrix products alone {peaks['float32']} (float32), ", end="")
    print(f"{peaks['bfloat16']} (bfloat16)")
    print(f"by arithmetic, GB: {result['arithmetic_gb']}")


if __name__ == "__main__":
    sys.exit(main())
