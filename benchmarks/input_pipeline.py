"""How much sooner stage 1's batches are made than a model takes them, in one run.

    python -m benchmarks.input_pipeline --data FOLDER [--json]

FOLDER holds groups.jsonl.gz and, where there are any, answers.jsonl.gz and documents.jsonl.gz. Batches of
96 rows of up to 64 tokens a sentence, half of the sources with whole-word noise, are made from these texts
with jieba and with rjieba, in a thread of this process and by worker processes. Beside them two networks take
their steps: one of 6 x 384 with a vocabulary of 12,000 tokens, and that of the recipe stage1_mini with the
recipe's own batches. All take turns and medians are reported. ``input_over_model`` is rows made over rows
taken by the 6 x 384 network with jieba and no workers, the default; tokens are those that are no padding.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

SEGMENTERS = ("jieba", "rjieba")
STEPS_AN_EPOCH = 200


class Speed(NamedTuple):
    """Rows and tokens (no padding) a second."""

    rows: float
    tokens: float


class Setting(NamedTuple):
    """Batches and network of one kind of training."""

    batch_rows: int
    maxlen: int
    recipe: str | None = None


SETTINGS = {"6x384": Setting(96, 64), "stage1_mini": Setting(64, 48, "stage1_mini")}


def measure(data: Path, workers: list[int], rounds: int, batches: int, steps: int) -> dict[str, Any]:
    """Medians over ``rounds`` in which every way of input and every network take turns."""
    made: dict[tuple[str, str, int], list[Speed]] = {}
    taken: dict[str, list[Speed]] = {}
    models = {name: _model(setting) for name, setting in SETTINGS.items()}
    streams = {name: _stream(data, setting) for name, setting in SETTINGS.items()}
    start_up: dict[int, float] = {}
    for turn in range(rounds):
        for name, setting in SETTINGS.items():
            for segmenter in SEGMENTERS:
                for count in workers:
                    speed, seconds = _input(streams[name], setting, segmenter, count, batches, turn)
                    made.setdefault((name, segmenter, count), []).append(speed)
                    start_up.setdefault(count, seconds)
            taken.setdefault(name, []).append(_steps(models[name], streams[name], setting, steps, turn))
    input_speed = {key: _median(speeds) for key, speeds in made.items()}
    model_speed = {name: _median(speeds) for name, speeds in taken.items()}
    ratios = {
        name: {
            f"{segmenter}, {count} workers": round(speed.rows / model_speed[name].rows, 1)
            for (setting, segmenter, count), speed in input_speed.items()
            if setting == name
        }
        for name in SETTINGS
    }
    return {
        "input_over_model": ratios["6x384"][f"jieba, {workers[0]} workers"],
        "ratios": ratios,
        "input": {
            f"{name}, {segmenter}, {count} workers": speed._asdict()
            for (name, segmenter, count), speed in input_speed.items()
        },
        "model": {name: speed._asdict() for name, speed in model_speed.items()},
        "seconds_to_first_batch": {str(count): round(seconds, 2) for count, seconds in start_up.items()},
        "cores": os.cpu_count(),
        "rounds": rounds,
    }


def _stream(data: Path, setting: Setting) -> Any:
    from roformer_sim.training.pairs import PairStream

    groups = data / "groups.jsonl.gz"
    if not groups.exists():
        sys.exit(f"error: --data {data}: has no groups.jsonl.gz")
    pairs = [str(p) for p in (data / "answers.jsonl.gz", data / "documents.jsonl.gz") if p.exists()]
    return PairStream([str(groups)], pairs, maxlen=setting.maxlen, held_out=0, seed=0)


def _source(stream: Any, setting: Setting, segmenter: Any) -> Any:
    from roformer_sim.training.arrays import Assembler
    from roformer_sim.training.batches import Batches
    from roformer_sim.training.rows import RowMaker

    maker = RowMaker(_tokenizer(), maxlen=setting.maxlen, noise=0.5, segmenter=segmenter)
    return Batches(stream, Assembler(maker), items=setting.batch_rows // 2, steps=STEPS_AN_EPOCH, seed=0)


def _tokenizer() -> Any:
    from roformer_sim.checkpoints import resolve_preset
    from roformer_sim.text import Tokenizer

    return Tokenizer.from_file(Path(resolve_preset("roformer_sim_char_mini_zh")) / "vocab.txt")


def _input(
    stream: Any, setting: Setting, segmenter: str, workers: int, batches: int, turn: int
) -> tuple[Speed, float]:
    """How fast batches come out of a feeder, and the seconds from nothing to the first."""
    from roformer_sim.training.feeding import BATCHES_AHEAD, Feeder

    begin = time.perf_counter()
    with Feeder(_source(stream, setting, segmenter), workers) as feeder:
        fed = feeder.batches(turn)
        next(fed)
        first = time.perf_counter() - begin
        for _ in islice(fed, BATCHES_AHEAD + 4 * workers):  # those made before the clock starts
            pass
        return _speed(islice(fed, batches)), first


def _speed(batches: Iterator[dict[str, Any]]) -> Speed:
    begin, rows, tokens = time.perf_counter(), 0, 0
    for batch in batches:
        rows += len(batch["token_ids"])
        tokens += int((batch["token_ids"] != 0).sum())
    seconds = time.perf_counter() - begin
    return Speed(rows / seconds, tokens / seconds)


def _model(setting: Setting) -> Any:
    from roformer_sim.models import Backbone, ModelConfig
    from roformer_sim.training.compiling import compile_model
    from roformer_sim.training.recipe import Recipe

    folder = Path(__file__).parents[1] / "roformer_sim" / "training" / "recipes"
    recipe = Recipe.from_file(folder / f"{setting.recipe or 'stage1'}.toml", ["train.dtype=float32"])
    if setting.recipe is not None:
        config = ModelConfig.from_dict(
            {**(recipe.start.config or {}), "vocab_size": _tokenizer().vocab_size}, where=setting.recipe
        )
    else:
        config = ModelConfig(
            vocab_size=12_000,
            hidden_size=384,
            num_hidden_layers=6,
            num_attention_heads=6,
            intermediate_size=1536,
        )
    return compile_model(Backbone(config, dtype="float32"), recipe)


def _steps(model: Any, stream: Any, setting: Setting, steps: int, turn: int) -> Speed:
    """Training steps on batches that lie ready, each shape compiled before."""
    source = _source(stream, setting, "rjieba")
    source.begin_epoch(100)  # the same batches in every turn, so that no shape is new
    batches = [source.make(source.task(i)) for i in range(steps)]
    if turn == 0:
        for batch in batches:
            model.train_on_batch(batch)
    return _speed(batch for batch in batches if model.train_on_batch(batch) is not None)


def _median(speeds: list[Speed]) -> Speed:
    return Speed(*(round(median(column), 1) for column in zip(*speeds, strict=True)))


def _show(result: dict[str, Any]) -> None:
    for name, speed in result["model"].items():
        print(f"{name}: the model takes {speed['rows']:,.0f} rows/s, {speed['tokens']:,.0f} tokens/s")
        for way, ratio in result["ratios"][name].items():
            made = result["input"][f"{name}, {way}"]
            print(f"  {way:18} {made['rows']:>9,.0f} rows/s {made['tokens']:>11,.0f} tokens/s {ratio:8.1f} x")
    print(f"seconds to the first batch, by workers: {result['seconds_to_first_batch']}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, default=150, help="batches of each measurement of the input")
    parser.add_argument("--steps", type=int, default=8, help="steps of each measurement of a model")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = measure(arguments.data, arguments.workers, arguments.rounds, arguments.batches, arguments.steps)
    print(json.dumps(result)) if arguments.json else _show(result)


if __name__ == "__main__":
    main()
