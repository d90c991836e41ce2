"""Our side of the training benchmark: the product's batches and ``fit``, its input pipeline included.

python -m benchmarks.training_ours FOLDER float32|mixed_bfloat16
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from benchmarks.training_worker import (
    BATCH_ROWS,
    CLIP_NORM,
    EPOCH_STEPS,
    LEARNING_RATE,
    MAXLEN,
    NETWORK,
    ROUND_STEPS,
    SCALE,
    WARM_UP,
    WEIGHT_DECAY,
    PaddedBatch,
    count_work,
    product_rate,
    serve,
)
from roformer_sim.models import Backbone
from roformer_sim.training.compiling import compile_model
from roformer_sim.training.feeding import Feeder
from roformer_sim.training.recipe import Recipe
from roformer_sim.training.sources import open_sources
from roformer_sim.training.start import new_or_preset


def recipe(folder: Path, dtype: str) -> Recipe:
    """Stage 1 of the benchmark's network, on the files of the pool."""
    files = json.loads((folder / "files.json").read_text())
    config = {key: value for key, value in NETWORK.items() if key != "vocab_size"}
    return Recipe(
        start={"vocab": str(folder / "vocab.txt"), "config": config},
        data={"rows": "similar", **files, "held_out": 0, "maxlen": MAXLEN, "noise": 0.5},
        train={
            "batch_rows": BATCH_ROWS,
            "steps_per_epoch": EPOCH_STEPS,
            "learning_rate": LEARNING_RATE,
            "warmup_steps": 0,
            "weight_decay": WEIGHT_DECAY,
            "clip_norm": CLIP_NORM,
            "dtype": dtype,
        },
        objectives={"generation": {}, "in_batch": {"scale": SCALE}},
    )


def main() -> None:
    """Serve rounds of training."""
    asked = recipe(Path(sys.argv[1]), sys.argv[2])
    keras.utils.set_random_seed(0)
    start = new_or_preset(asked.start)
    backbone = Backbone(start.config, dtype=asked.train.dtype, name="backbone")
    model = compile_model(backbone, asked)
    batches = open_sources(asked, start.tokenizer).training()

    def train(turn: int) -> dict[str, float]:
        # The warm-up is long, so that most widths have been met.
        begin, steps = (0, WARM_UP) if turn == 0 else (WARM_UP + (turn - 1) * ROUND_STEPS, ROUND_STEPS)
        position = divmod(begin, EPOCH_STEPS)
        with Feeder(batches) as feeder:
            fed = feeder.from_position(*position)
            began = time.perf_counter()
            history = model.fit(fed, steps_per_epoch=steps, initial_epoch=turn, epochs=turn + 1, verbose=0)
            seconds = time.perf_counter() - began
        batches.begin_epoch(position[0])
        made = [batches.make(batches.task(position[1] + i)) for i in range(steps)]
        work = count_work([PaddedBatch(batch["token_ids"], batch["segment_ids"]) for batch in made])
        return {"seconds": seconds, "loss": history.history["loss"][-1], **work}

    rates = {name: product_rate(_product(name)) for name in ("float32", "bfloat16")}
    serve({"products": rates, "parameters": backbone.count_params()}, train)


def _product(dtype: str):
    import numpy as np
    from keras import ops

    def product(m: int, k: int, n: int):
        a, b = (ops.cast(np.random.default_rng(0).random(shape), dtype) for shape in ((m, k), (k, n)))
        return lambda: ops.convert_to_numpy(ops.matmul(a, b)[:1, :1])

    return product


if __name__ == "__main__":
    main()
