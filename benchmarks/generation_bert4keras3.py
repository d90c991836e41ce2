"""bert4keras3 1.6.6: its model that keeps keys and values (``build_cache_model``), on Keras 3.6.

    python generation_bert4keras3.py

The whole loop is one Keras model; it is given all rows of a source at once, one source after another.
"""

import json
import os
import tempfile
import time
from pathlib import Path

os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3")

import keras
import numpy as np
from bert4keras3.models import build_transformer_model
from generation_worker import NETWORK, NEW_TOKENS, SOURCE_TOKENS, TOP_P, serve, source_ids

LENGTH = SOURCE_TOKENS + NEW_TOKENS
NO_END = -1  # an id that is never drawn: every row goes on until it is full


def build():
    """The UniLM network with random weights, and the model that decodes with it."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "bert_config.json"
        path.write_text(json.dumps({**NETWORK, "type_vocab_size": 2, "max_position_embeddings": 512}))
        network = build_transformer_model(
            str(path), model="roformer", application="unilm", with_mlm=True, return_keras_model=False
        )
    model = network.build_cache_model([LENGTH, LENGTH], end_token=NO_END, search_mode="topp", k=TOP_P)
    model.compile(jit_compile=False)  # as a graph it is faster here than by XLA, which Keras would choose
    return model


def main():
    """Serve measurements."""
    keras.utils.set_random_seed(0)
    model = build()

    def answer(asked):
        segments = np.repeat([[0] * SOURCE_TOKENS + [1] * NEW_TOKENS], asked["n"], axis=0)
        began, tokens = time.perf_counter(), 0
        for i in range(asked["sources"]):
            ids = np.repeat([source_ids(i) + [0] * NEW_TOKENS], asked["n"], axis=0)
            found = model.predict([ids, segments], batch_size=asked["n"], verbose=0)
            assert found.shape == (asked["n"], LENGTH) and found[:, -1].any()
            tokens += asked["n"] * NEW_TOKENS
        return {"seconds": time.perf_counter() - began, "tokens": tokens}

    serve({}, answer)


if __name__ == "__main__":
    main()
