"""bert4keras's side of the training-step comparison; runs under a Python that has bert4keras 0.11.5.

    python training_step_peer.py CASE DATA FOLDER SCALE

FOLDER holds ``batch.npz`` with ``token_ids`` and ``segment_ids``. Writes a checkpoint with random
weights and ``peer.npz``: both losses by upstream's formulas on the softmax output and the pooled
vectors of bert4keras's UniLM network, and the gradient of their sum for every variable, under the
checkpoint's names.
"""

import sys
from pathlib import Path

import numpy as np
from network_cases import CASES
from network_peer_bert4keras import build, write_checkpoint

# After network_peer_bert4keras, which sets the environment they need.
import tensorflow as tf  # isort: skip
from bert4keras.backend import K  # isort: skip


def generation_loss(token_ids, segment_ids, probabilities):
    """Cross-entropy of the next token, averaged over the tokens of segment 1."""
    weights = tf.cast(segment_ids[:, 1:], tf.float32)
    losses = K.sparse_categorical_crossentropy(token_ids[:, 1:], probabilities[:, :-1])
    return tf.reduce_sum(losses * weights) / tf.reduce_sum(weights)


def similarity_loss(vectors, scale):
    """Softmax over the cosines of the batch, the row itself masked, the partner next door as label."""
    unit = tf.math.l2_normalize(vectors, axis=1)
    rows = tf.range(tf.shape(unit)[0])
    scores = tf.matmul(unit, unit, transpose_b=True) * scale
    scores = scores - tf.eye(tf.shape(unit)[0]) * 1e12
    labels = rows + 1 - 2 * (rows % 2)
    return tf.reduce_mean(K.sparse_categorical_crossentropy(labels, scores, from_logits=True))


def step(network, token_ids, segment_ids, scale):
    """Losses and gradients by variable name."""
    names = {}
    for layer, variables in network.variable_mapping().items():
        if layer in network.layers:
            weights = network.layers[layer].trainable_weights
            names.update({weight.ref(): name for name, weight in zip(variables, weights, strict=True)})
    model = network.model
    with tf.GradientTape() as tape:
        vectors, probabilities = model([token_ids, segment_ids], training=True)
        generation = generation_loss(token_ids, segment_ids, probabilities)
        similarity = similarity_loss(vectors, scale)
        total = generation + similarity
    weights = model.trainable_weights
    gradients = [tf.convert_to_tensor(gradient) for gradient in tape.gradient(total, weights)]
    found = {f"gradient:{names[w.ref()]}": g.numpy() for w, g in zip(weights, gradients, strict=True)}
    return {"generation": generation.numpy(), "similarity": similarity.numpy()} | found


if __name__ == "__main__":
    case, data, folder, scale = CASES[sys.argv[1]], Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4])
    case.write_config_and_vocabulary(data, folder)
    write_checkpoint(folder, case.model_type, case.seed)
    K.clear_session()
    checkpoint = str(folder / "bert_model.ckpt")
    network = build(folder, case.model_type, "unilm", checkpoint, with_mlm=True)
    with np.load(folder / "batch.npz") as batch:
        found = step(network, batch["token_ids"], batch["segment_ids"], scale)
    np.savez(folder / "peer.npz", **found)
