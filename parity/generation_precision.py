"""What int8 and bfloat16 change of what the float32 engine generates, on the shipped model.

    python -m parity.generation_precision --data DIR [--sentences 500] [--n 20]

DIR holds ``sts/LCQMC/valid.tsv``; its first distinct sentences are the sources. The float32 engine decodes
each greedily and draws ``n`` sentences (nucleus 0.95); every engine then reads the same tokens one by one:

* greedy tokens, greedy sentences: share of the tokens of float32's greedy sentences that the engine finds
  most likely there, too; share of the sentences that it decodes to the same end by itself
* difference, bias: mean absolute and mean difference of a drawn token's natural log-probability
* ranking: correlation of the log-probabilities of drawn sentences with those in float32, Pearson's and
  Spearman's, over all of them and (mean over sources) among the distinct ones of one source
* drawn alike: share of the ``n`` sentences that the engine itself draws with the same random numbers

``gen_synonyms`` ranks by cosine, not by probability, of vectors that ``encode`` gives: the generating engine
decides which candidates there are and nothing of their order.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats import pearsonr, spearmanr

from roformer_sim import RoFormerSim
from roformer_sim.evaluation import read_sts_table
from roformer_sim.generation.decoding import ROWS_AT_ONCE, Source, Target, sample_targets
from roformer_sim.generation.engines import Engine, SamplingRule
from roformer_sim.generation.options import GenerationOptions
from roformer_sim.text import Tokenizer

ENGINES = ("native-float32", "native-int8")
MAXLEN = 64


class Read(NamedTuple):
    """An engine's log-probability of each token of a given sentence, and its own most likely token there."""

    logs: np.ndarray
    likeliest: np.ndarray


class Sentences(NamedTuple):
    """What an engine generates by itself."""

    greedy: list[Target]
    drawn: list[list[Target]]


def generate(engine: Engine, sources: list[list[int]], n: int, rules: tuple[SamplingRule, ...]) -> Sentences:
    """Greedily, and drawn by seeds that are the sources' numbers."""
    once = [Source(ids, 1) for ids in sources]
    many = [Source(ids, n, seed) for seed, ids in enumerate(sources)]
    greedy = [found[0] for found in sample_targets(engine, once, rules[0], maxlen=MAXLEN)]
    return Sentences(greedy, sample_targets(engine, many, rules[1], maxlen=MAXLEN))


def tokens_of(target: Target, end_id: int) -> list[int]:
    """With the end, where there is one."""
    return [*target.token_ids, *[end_id] * target.ended]


def read(
    engine: Engine, sources: Sequence[list[int]], targets: Sequence[list[list[int]]], rule: SamplingRule
) -> list[list[Read]]:
    """Feed every target of every source token by token, some sources at a time."""
    at_once = max(1, ROWS_AT_ONCE // max(map(len, targets)))
    result = []
    for first in range(0, len(sources), at_once):
        part = slice(first, first + at_once)
        result += _read(engine, sources[part], targets[part], rule)
    return result


def _read(
    engine: Engine, sources: Sequence[list[int]], targets: Sequence[list[list[int]]], rule: SamplingRule
) -> list[list[Read]]:
    counts = [len(of_source) for of_source in targets]
    rows = [target for of_source in targets for target in of_source]
    decoding, first = engine.begin(sources, counts)
    scores = np.repeat(first, counts, axis=0)
    found: list[list[tuple[float, int]]] = [[] for _ in rows]
    for step in range(max(map(len, rows))):
        going = [row for row in range(len(rows)) if step < len(rows[row])]
        given = np.array([rows[row][step] for row in going])
        for row, *one in zip(going, *_logs_and_best(scores[going], given, rule), strict=True):
            found[row].append((float(one[0]), int(one[1])))
        newest = [target[min(step, len(target) - 1)] for target in rows]  # rows that ended are fed on, unread
        if step + 1 < max(map(len, rows)):
            scores = decoding.step(np.array(newest, np.int32))
    reads = iter(Read(*map(np.array, zip(*one, strict=True))) for one in found)
    return [[next(reads) for _ in of_source] for of_source in targets]


def _logs_and_best(
    scores: np.ndarray, tokens: np.ndarray, rule: SamplingRule
) -> tuple[np.ndarray, np.ndarray]:
    scores = scores.astype(np.float64)
    scores -= scores.max(axis=1, keepdims=True)
    logs = scores[np.arange(len(tokens)), tokens] - np.log(np.exp(scores).sum(axis=1))
    scores[:, list(rule.banned_ids)] = -np.inf
    return logs, scores.argmax(axis=1)


class Comparison:
    """Engines beside the exact one.

    Args:
        sources: Token ids of each.
        n: Sentences drawn for each.
    """

    def __init__(self, exact: Engine, tokenizer: Tokenizer, sources: list[list[int]], n: int) -> None:
        self.sources, self.n = sources, n
        self.rules = GenerationOptions(greedy=True).rule(tokenizer), GenerationOptions().rule(tokenizer)
        end = self.rules[0].end_id
        self.wanted = generate(exact, sources, n, self.rules)
        self.greedy = [[tokens_of(target, end)] for target in self.wanted.greedy]
        self.distinct = [
            [list(tokens) for tokens in dict.fromkeys(tuple(tokens_of(target, end)) for target in found)]
            for found in self.wanted.drawn
        ]
        self.exact = read(exact, sources, self.distinct, self.rules[1])

    def row(self, engine: Engine) -> list[str]:
        """The table's row of an engine."""
        own = generate(engine, self.sources, self.n, self.rules)
        along = read(engine, self.sources, self.greedy, self.rules[0])
        likeliest = [one.likeliest == tokens for [one], [tokens] in zip(along, self.greedy, strict=True)]
        found = read(engine, self.sources, self.distinct, self.rules[1])
        pairs = [pair for both in zip(self.exact, found, strict=True) for pair in zip(*both, strict=True)]
        differences = np.concatenate([other.logs - exact.logs for exact, other in pairs])
        return [
            engine.name,
            f"{np.concatenate(likeliest).mean():.2%}",
            f"{_alike([self.wanted.greedy], [own.greedy]):.1%}",
            f"{np.abs(differences).mean():.4f}",
            f"{differences.mean():+.5f}",
            *_correlations(_sums(self.exact), _sums(found)),
            f"{_alike(self.wanted.drawn, own.drawn):.1%}",
        ]


def _sums(reads: list[list[Read]]) -> list[np.ndarray]:
    return [np.array([one.logs.sum() for one in of_source]) for of_source in reads]


def _correlations(exact: list[np.ndarray], other: list[np.ndarray]) -> list[str]:
    """Over all sentences, and the mean over sources that have at least three distinct ones."""
    everything = np.concatenate(exact), np.concatenate(other)
    several = [pair for pair in zip(exact, other, strict=True) if len(pair[0]) >= 3]
    result = []
    for measure in (pearsonr, spearmanr):
        within = np.mean([measure(*pair).statistic for pair in several])
        result.append(f"{measure(*everything).statistic:.5f} / {within:.5f}")
    return result


def _alike(wanted: list[list[Target]], own: list[list[Target]]) -> float:
    pairs = [pair for found in zip(wanted, own, strict=True) for pair in zip(*found, strict=True)]
    return float(np.mean([a.token_ids == b.token_ids for a, b in pairs]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with sts/LCQMC/valid.tsv")
    parser.add_argument("--sentences", type=int, default=500)
    parser.add_argument("--n", type=int, default=20, help="sentences drawn for each")
    asked = parser.parse_args()
    model = RoFormerSim.from_preset()
    table = read_sts_table(asked.data / "sts" / "LCQMC" / "valid.tsv")
    texts = list(dict.fromkeys(table.texts_a))[: asked.sentences]
    sources = [model.tokenizer.encode(text, maxlen=MAXLEN).token_ids.tolist() for text in texts]
    print(f"{len(sources)} sentences, {asked.n} drawn for each")
    header = ["engine", "greedy tokens", "greedy sentences", "difference", "bias"]
    header += ["Pearson, all / of a source", "Spearman, all / of a source", "drawn alike"]
    print(f"| {' | '.join(header)} |\n|{'---|' * len(header)}")
    comparison = Comparison(model.generator.engine(ENGINES[0]), model.tokenizer, sources, asked.n)
    for name in ENGINES:
        print(f"| {' | '.join(comparison.row(model.generator.engine(name)))} |", flush=True)


if __name__ == "__main__":
    main()
