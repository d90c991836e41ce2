"""The same training step by bert4keras 0.11.5, as its UniLM and SimBERT examples write it.

    python training_bert4keras.py FOLDER STEPS

tf-keras in float32: a UniLM RoFormer with pooler, a loss layer over the scores of all positions, Adam with
weight decay, random batches padded to the batch's longest row, ``train_on_batch`` (a compiled graph).
"""

import json
import os
import sys
import time
from pathlib import Path

os.environ.update(TF_KERAS="1", TF_USE_LEGACY_KERAS="1", TF_CPP_MIN_LOG_LEVEL="3")

import tensorflow as tf
from bert4keras.backend import K, keras
from bert4keras.layers import Loss
from bert4keras.models import build_transformer_model
from training_worker import LEARNING_RATE, NETWORK, SCALE, WEIGHT_DECAY, count_work, padded_batches, serve

# bert4keras's optimisers are written for the base class of Keras 2.10 and earlier.
keras.optimizers.Optimizer = keras.optimizers.legacy.Optimizer
from bert4keras.optimizers import Adam, extend_with_weight_decay_v2  # noqa: E402


class TotalLoss(Loss):
    """Generation loss of the segment 1 tokens plus the in-batch softmax."""

    def compute_loss(self, inputs, mask=None):
        token_ids, segment_ids, vectors, scores = inputs
        weights = K.cast(segment_ids[:, 1:], K.floatx())
        losses = K.sparse_categorical_crossentropy(token_ids[:, 1:], scores[:, :-1], from_logits=True)
        generation = K.sum(losses * weights) / K.sum(weights)
        unit = K.l2_normalize(vectors, axis=1)
        rows = tf.range(tf.shape(unit)[0])
        cosines = tf.matmul(unit, unit, transpose_b=True) * SCALE - tf.eye(tf.shape(unit)[0]) * 1e12
        labels = rows + 1 - 2 * (rows % 2)
        return generation + K.mean(K.sparse_categorical_crossentropy(labels, cosines, from_logits=True))


def build(folder):
    """Network, losses and optimiser."""
    path = folder / "bert_config.json"
    path.write_text(json.dumps({**NETWORK, "type_vocab_size": 2, "max_position_embeddings": 512}))
    network = build_transformer_model(
        str(path), model="roformer", application="unilm", with_pool="linear", with_mlm="linear"
    )
    output = TotalLoss([2])(network.inputs + network.outputs)
    model = keras.models.Model(network.inputs, output)
    optimizer = extend_with_weight_decay_v2(Adam)(
        learning_rate=LEARNING_RATE,
        weight_decay_rate=WEIGHT_DECAY,
        exclude_from_weight_decay=["Norm", "bias"],
    )
    model.compile(optimizer=optimizer)
    return model


def main():
    """Serve rounds of training."""
    folder, steps = Path(sys.argv[1]), int(sys.argv[2])
    keras.utils.set_random_seed(0)
    model = build(folder)

    def train(turn):
        batches = padded_batches(folder, turn, steps)
        began = time.perf_counter()
        for batch in batches:
            loss = model.train_on_batch([batch.token_ids, batch.segment_ids])
        return {"seconds": time.perf_counter() - began, "loss": float(loss)} | count_work(batches)

    serve({"parameters": model.count_params()}, train)


if __name__ == "__main__":
    main()
