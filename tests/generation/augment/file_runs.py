"""Variants that depend on the text and its seed alone, as those of a model do, and take no time."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from corpus_builder.errors import InputError
from roformer_sim.generation import Synonym
from roformer_sim.generation.augment import Augmentation, Plan, Summary

ENDINGS = ["吗？", "呢？", "啊，请教一下。", "，谢谢", "？", "了，急"]


def generate(texts: list[str], seeds: list[int]) -> list[list[Synonym]]:
    """Nought to three variants; texts with 无效 are refused as a model refuses what it cannot read."""
    if any("无效" in text for text in texts):
        raise InputError("the text is empty; give a sentence, for example 广州和深圳哪个好？")
    return [_variants(text, random.Random(seed)) for text, seed in zip(texts, seeds, strict=True)]


def _variants(text: str, rng: random.Random) -> list[Synonym]:
    scores = sorted((rng.random() for _ in range(rng.randint(0, 3))), reverse=True)
    return [
        Synonym(text + ending, score) for ending, score in zip(rng.sample(ENDINGS, 3), scores, strict=False)
    ]


def augment(source: Path | Sequence[Path], output: Path, **options: Any) -> Summary:
    """One run; ``overwrite`` and ``restart`` apart, ``options`` are those of the plan."""
    run = {name: options.pop(name) for name in ("overwrite", "restart") if name in options}
    make = options.pop("generate", generate)
    inputs = (source,) if isinstance(source, Path) else tuple(source)
    with Augmentation(Plan(inputs, output, **options), **run) as job:
        return job.run(make)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def in_child(work: Callable[[], object]) -> int:
    """Start ``work`` in a process of its own, forked, and return its number."""
    process = os.fork()
    if process == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException as error:
            print(repr(error), file=sys.stderr)
        finally:
            os._exit(code)
    return process
