"""bert4keras's side of the network comparison; runs under a Python that has bert4keras 0.11.5.

    python network_peer_bert4keras.py CASE DATA FOLDER

Writes a checkpoint folder with random weights (bert_config.json, vocab.txt, bert_model.ckpt.*) and
``peer.npz``: the inputs and, for both attention patterns, the first and last hidden states, the
pooled vector and the logits.
"""

import json
import os
import sys
from importlib import metadata
from pathlib import Path

os.environ.update(TF_KERAS="1", TF_USE_LEGACY_KERAS="1", TF_CPP_MIN_LOG_LEVEL="3")

import numpy as np
import tensorflow as tf
from bert4keras.backend import K, keras
from bert4keras.models import build_transformer_model
from network_cases import CASES, random_weight

APPLICATIONS = {"bidirectional": "encoder", "unilm": "unilm"}


def build(folder, model_type, application, checkpoint=None, **options):
    """The peer's network with linear pooler and logits."""
    return build_transformer_model(
        config_path=str(folder / "bert_config.json"),
        checkpoint_path=checkpoint,
        model=model_type,
        application=application,
        with_pool="linear",
        return_keras_model=False,
        **{"with_mlm": "linear", "dropout_rate": 0.0, "attention_dropout_rate": 0.0, **options},
    )


def write_checkpoint(folder, model_type, seed):
    """Random weights under the names of bert4keras's own mapping.

    bert4keras's writer needs TensorFlow 1 (tf.Session); this does the same steps in its stead.
    """
    K.clear_session()
    network = build(folder, model_type, "encoder")
    rng = np.random.default_rng((seed, 2))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for layer, names in network.variable_mapping().items():
            if layer in network.layers:
                for name, weight in zip(names, network.layers[layer].trainable_weights, strict=True):
                    values = random_weight(name, tuple(weight.shape), rng)
                    tf.compat.v1.get_variable(name, initializer=values)
        session.run(tf.compat.v1.global_variables_initializer())
        saver = tf.compat.v1.train.Saver()
        saver.save(session, str(folder / "bert_model.ckpt"), write_meta_graph=False)
    versions = {name: metadata.version(name) for name in ("bert4keras", "tensorflow", "tf-keras")}
    (folder / "versions.json").write_text(json.dumps(versions))


def outputs(folder, case, pattern, inputs):
    """Hidden states, pooled vector and logits of the checkpoint, read back by bert4keras."""
    K.clear_session()
    checkpoint = str(folder / "bert_model.ckpt")
    network = build(folder, case.model_type, APPLICATIONS[pattern], checkpoint)
    layers = network.num_hidden_layers
    first, last = (network.layers[f"Transformer-{i}-FeedForward-Norm"].output for i in (0, layers - 1))
    model = keras.models.Model(network.inputs, [first, last, *network.outputs])
    names = ("first", "last", "pooled", "logits")
    values = model.predict([inputs["token_ids"], inputs["segment_ids"]], verbose=0)
    return {f"{pattern}_{name}": value for name, value in zip(names, values, strict=True)}


if __name__ == "__main__":
    case, data, folder = CASES[sys.argv[1]], Path(sys.argv[2]), Path(sys.argv[3])
    case.write_config_and_vocabulary(data, folder)
    write_checkpoint(folder, case.model_type, case.seed)
    found = case.inputs(data)
    for pattern in APPLICATIONS:
        found |= outputs(folder, case, pattern, found)
    np.savez(folder / "peer.npz", **found)
