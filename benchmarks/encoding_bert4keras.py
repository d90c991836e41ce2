"""bert4keras 0.11.5 as upstream encodes: the model of [CLS] and tf-keras's ``predict`` of each padded batch.

python encoding_bert4keras.py SENTENCES
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.update(TF_KERAS="1", TF_USE_LEGACY_KERAS="1", TF_CPP_MIN_LOG_LEVEL="3")

import numpy as np
from bert4keras.backend import keras
from bert4keras.models import build_transformer_model
from encoding_worker import NETWORK, padded, read_sentences
from generation_worker import serve


def build():
    """The network of upstream's ``encoder``: the pooled [CLS] is its first output."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "bert_config.json"
        path.write_text(json.dumps({**NETWORK, "type_vocab_size": 2, "max_position_embeddings": 512}))
        model = build_transformer_model(
            str(path), model="roformer", application="unilm", with_pool="linear", with_mlm="linear"
        )
    return keras.models.Model(model.inputs, model.outputs[0])


def main():
    """Serve measurements."""
    encoder = build()
    sentences = read_sentences(sys.argv[1])

    def answer(asked):
        began = time.perf_counter()
        for batch in padded(sentences[: asked["count"]]):
            ids = np.array(batch)
            encoder.predict([ids, np.zeros_like(ids)], verbose=0)
        return {"seconds": time.perf_counter() - began}

    serve({}, answer)


if __name__ == "__main__":
    main()
