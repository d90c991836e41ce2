"""``random_sample`` of bert4keras 0.11.5 as upstream's ``gen_synonyms`` calls it.

    python generation_bert4keras.py

One source at a time, and the whole prefix again for each token.
"""

import json
import os
import tempfile
import time
from pathlib import Path

os.environ.update(TF_KERAS="1", TF_USE_LEGACY_KERAS="1", TF_CPP_MIN_LOG_LEVEL="3")

import numpy as np
from bert4keras.backend import keras
from bert4keras.models import build_transformer_model
from bert4keras.snippets import AutoRegressiveDecoder
from generation_worker import NETWORK, NEW_TOKENS, SEP, SOURCE_TOKENS, TOP_P, serve, source_ids


def build():
    """The UniLM network with random weights."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "bert_config.json"
        path.write_text(json.dumps({**NETWORK, "type_vocab_size": 2, "max_position_embeddings": 512}))
        return build_transformer_model(str(path), model="roformer", application="unilm", with_mlm="linear")


class Synonyms(AutoRegressiveDecoder):
    """Goes on until it is full: the end is never likely."""

    model = None

    @AutoRegressiveDecoder.wraps(default_rtype="logits")
    def predict(self, inputs, output_ids, states):
        token_ids, segment_ids = inputs
        token_ids = np.concatenate([token_ids, output_ids], 1)
        segment_ids = np.concatenate([segment_ids, np.ones_like(output_ids)], 1)
        logits = np.array(self.last_token(self.model).predict([token_ids, segment_ids], verbose=0))
        logits[:, SEP] = -1e9
        return logits


def main():
    """Serve measurements."""
    keras.utils.set_random_seed(0)
    decoder = Synonyms(start_id=None, end_id=SEP, maxlen=NEW_TOKENS)
    decoder.model = build()

    def answer(asked):
        began, tokens = time.perf_counter(), 0
        for i in range(asked["sources"]):
            ids = source_ids(i)
            found = decoder.random_sample([ids, [0] * SOURCE_TOKENS], asked["n"], topp=TOP_P)
            tokens += sum(len(row) for row in found)
        return {"seconds": time.perf_counter() - began, "tokens": tokens}

    serve({}, answer)


if __name__ == "__main__":
    main()
