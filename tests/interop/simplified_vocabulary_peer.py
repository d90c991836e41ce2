"""bert4keras's side: a checkpoint with random weights, and what it gives with fewer or more tokens.

python simplified_vocabulary_peer.py FOLDER {write,simplified,mapped}
"""

import json
import os
import sys
from pathlib import Path

os.environ.update(TF_KERAS="1", TF_USE_LEGACY_KERAS="1", TF_CPP_MIN_LOG_LEVEL="3")

import numpy as np
import tensorflow as tf
from bert4keras.backend import K, keras
from bert4keras.models import build_transformer_model
from bert4keras.snippets import sequence_padding
from bert4keras.tokenizers import Tokenizer, load_vocab

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def build(folder, checkpoint=None, **options):
    return build_transformer_model(
        str(folder / "bert_config.json"),
        checkpoint,
        model="roformer",
        with_pool="linear",
        with_mlm="linear",
        return_keras_model=False,
        **options,
    )


def write(folder):
    """Random weights as large as trained ones, under the names of bert4keras's own mapping."""
    network, rng = build(folder), np.random.default_rng(7)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for layer, names in network.variable_mapping().items():
            if layer in network.layers:
                for name, weight in zip(names, network.layers[layer].trainable_weights, strict=True):
                    centre = 1.0 if name.endswith("gamma") else 0.0
                    values = (centre + 0.2 * rng.standard_normal(tuple(weight.shape))).astype(np.float32)
                    tf.compat.v1.get_variable(name, initializer=values)
        session.run(tf.compat.v1.global_variables_initializer())
        saver = tf.compat.v1.train.Saver()
        saver.save(session, str(folder / "bert_model.ckpt"), write_meta_graph=False)


def outputs(folder, ids, **options):
    K.clear_session()
    network = build(folder, str(folder / "bert_model.ckpt"), **options)
    last = network.layers[f"Transformer-{network.num_hidden_layers - 1}-FeedForward-Norm"].output
    model = keras.models.Model(network.inputs, [last, network.outputs[-1]])
    hidden, logits = model.predict([ids, np.zeros_like(ids)], verbose=0)
    return {"hidden": hidden, "logits": logits}


def simplified(folder):
    vocabulary, rows = load_vocab(str(folder / "vocab.txt"), simplified=True, startswith=SPECIALS)
    tokenizer = Tokenizer(vocabulary, do_lower_case=True)
    texts = json.loads((folder / "texts.json").read_text())
    ids = sequence_padding([tokenizer.encode(text)[0] for text in texts])
    found = outputs(folder, ids, keep_tokens=rows)
    np.savez(folder / "simplified.npz", token_ids=ids, keep_tokens=rows, tokens=list(vocabulary), **found)


def mapped(folder):
    arguments = json.loads((folder / "kept_tokens.json").read_text())
    np.savez(folder / "mapped.npz", **outputs(folder, np.load(folder / "ids.npy"), **arguments))


if __name__ == "__main__":
    {"write": write, "simplified": simplified, "mapped": mapped}[sys.argv[2]](Path(sys.argv[1]))
