"""Writes small models of every family with bert4keras itself; a script, run by bert4keras's Python.

    python bert4keras_families.py FOLDER

For each family ``FOLDER/<name>/checkpoint`` and ``FOLDER/<name>/hdf5`` with ``bert_config.json``,
``vocab.txt`` and the weights, written by ``save_weights_as_checkpoint`` and ``save_weights``; and
``FOLDER/<name>/outputs.npz`` with what the models in memory give for texts that bert4keras's tokenizer cut.
"""

import json
import os
import sys
from pathlib import Path

os.environ.update(TF_KERAS="1", TF_USE_LEGACY_KERAS="1", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")

import numpy as np
import tensorflow as tf

tf.compat.v1.disable_v2_behavior()  # what bert4keras writes checkpoints with

import bert4keras.models  # noqa: E402
import jieba  # noqa: E402
import tf_keras.src.backend as keras_backend  # noqa: E402
from bert4keras.backend import keras  # noqa: E402
from bert4keras.models import build_transformer_model  # noqa: E402
from bert4keras.tokenizers import Tokenizer  # noqa: E402

bert4keras.models.tf = tf.compat.v1

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CHARACTERS = [
    *SPECIALS,
    *"今天的雨下得很大我们还是去看了那场电影你觉怎么样？，。！",
    "ok",
    "##s",
    "3",
    "##0",
    "a",
]
WORDS = [*CHARACTERS, "今天", "电影", "我们", "还是", "觉得", "怎么样"]
TEXTS = ["今天的雨下得很大，我们还是去看了那场电影。", "你觉得怎么样？", "OKs 30 a！", "雨"]
WRITTEN = 4

SHAPE = {
    "attention_probs_dropout_prob": 0.1,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 32,
    "initializer_range": 0.02,
    "intermediate_size": 64,
    "max_position_embeddings": 40,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "type_vocab_size": 2,
}
GOOGLE = {
    "directionality": "bidi",
    "pooler_fc_size": 768,
    "pooler_num_attention_heads": 12,
    "pooler_num_fc_layers": 3,
    "pooler_size_per_head": 128,
    "pooler_type": "first_token_transform",
}
ONE = {"num_hidden_layers": 1}
BOTH = {"with_pool": "linear", "with_mlm": "linear"}
NSP = BOTH | {"with_nsp": True}

# Name: network, keys of its configuration beside SHAPE, parts, vocabulary.
FAMILIES = {
    "roformer-char": ("roformer", GOOGLE, {"with_mlm": "linear"}, CHARACTERS),
    "roformer-word": ("roformer", {"embedding_size": 32}, BOTH, WORDS),
    "roformer-sim": ("roformer", GOOGLE, BOTH, CHARACTERS),
    "roformer-sim-ft": ("roformer", {}, {"with_pool": "linear"}, CHARACTERS),
    "roformer-encoder": ("roformer", ONE, {}, CHARACTERS),
    "simbert": ("bert", GOOGLE, BOTH, CHARACTERS),
    "simbert-small": ("bert", {"embedding_size": 16, "directionality": "bidi"}, BOTH, CHARACTERS),
    "bert": ("bert", GOOGLE, NSP, CHARACTERS),
    "roberta-wwm": ("roberta", GOOGLE | ONE, NSP, CHARACTERS),
    "bert-encoder": ("bert", ONE | {"hidden_act": "relu"}, {}, CHARACTERS),
}
# Networks that are no RoFormer and no BERT, with the keys that they are published with.
FOREIGN = {
    "albert": ("albert", {"embedding_size": 16, "num_hidden_groups": 1, "inner_group_num": 1}, BOTH),
    "nezha": ("nezha", {"use_relative_position": True, "max_relative_position": 64}, BOTH),
    "roformer-v2": ("roformer_v2", {}, {"with_mlm": "linear"}),
    "t5": ("t5_encoder", {}, {}),
}


def randomize(model, rng):
    """Weights as large as trained ones are; no bias 0, no gain 1."""
    pairs = []
    for variable in model.weights:
        shape = tuple(map(int, variable.shape))
        values = rng.standard_normal(shape)
        if len(shape) == 2:
            values = values * (0.2 if "embeddings" in variable.name else 1.2 / np.sqrt(shape[0]))
        else:
            values = 0.1 * values + ("gamma" in variable.name)
        pairs.append((variable, values))
    keras_backend.batch_set_value(pairs)


def write(folder, network, config, vocabulary):
    """The two folders; upstream's example scripts write their weights by the same two calls."""
    for kind in ("checkpoint", "hdf5"):
        (folder / kind).mkdir(parents=True)
        (folder / kind / "bert_config.json").write_text(json.dumps(config))
        (folder / kind / "vocab.txt").write_text("".join(f"{token}\n" for token in vocabulary))
    with keras_backend.get_session().as_default():
        network.save_weights_as_checkpoint(str(folder / "checkpoint" / "bert_model.ckpt"))
    network.model.save_weights(str(folder / "hdf5" / "best_model.h5"))


def outputs(network, again, vocabulary, rng):
    """What the model in memory gives; ``again`` builds a UniLM one of its layers."""
    words = {"pre_tokenize": lambda text: jieba.lcut(text, HMM=False)} if vocabulary is WORDS else {}
    tokens = {token: row for row, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(tokens, do_lower_case=True, **words)
    rows = [tokenizer.encode(text)[0] for text in TEXTS]
    targets = rng.integers(5, len(vocabulary), (len(rows), WRITTEN))
    longest = max(map(len, rows))
    found = {"token_ids": np.zeros((len(rows), longest), int), "lengths": [len(row) for row in rows]}
    written = np.zeros((len(rows), longest + WRITTEN), int)
    segments = np.zeros_like(written)
    for i, row in enumerate(rows):
        found["token_ids"][i, : len(row)] = written[i, : len(row)] = row
        written[i, len(row) : len(row) + WRITTEN] = targets[i]
        segments[i, len(row) : len(row) + WRITTEN] = 1
    layers = network.layers
    tensors = {
        "first": "Transformer-0-FeedForward-Norm",
        "last": f"Transformer-{network.num_hidden_layers - 1}-FeedForward-Norm",
    }
    tensors |= {"pooled": "Pooler-Dense", "logits": "MLM-Activation"}
    tensors = {name: layers[layer].output for name, layer in tensors.items() if layer in layers}
    model = keras.models.Model(network.inputs, list(tensors.values()))
    given = [found["token_ids"], np.zeros_like(found["token_ids"])]
    found |= dict(zip(tensors, model.predict_on_batch(given), strict=True))
    if "logits" in found:
        unilm = again()
        model = keras.models.Model(unilm.inputs, unilm.outputs[-1])
        found["scores"] = model.predict_on_batch([written, segments])
    return found | {"targets": targets}


if __name__ == "__main__":
    place = Path(sys.argv[1])
    for number, (name, (model, keys, parts, vocabulary)) in enumerate(FAMILIES.items()):
        keras_backend.clear_session()
        rng = np.random.default_rng(number)
        config = SHAPE | keys | {"vocab_size": len(vocabulary)}

        def build(**options):
            options = {**config, **parts, **options}  # noqa: B023
            return build_transformer_model(model=model, return_keras_model=False, **options)  # noqa: B023

        network = build()
        randomize(network.model, rng)
        write(place / name, network, config, vocabulary)
        found = outputs(network, lambda: build(application="unilm", layers=network.layers), vocabulary, rng)  # noqa: B023
        np.savez(place / name / "outputs.npz", **found)
    for name, (model, keys, parts) in FOREIGN.items():
        keras_backend.clear_session()
        config = SHAPE | ONE | keys | {"vocab_size": len(CHARACTERS)}
        network = build_transformer_model(model=model, return_keras_model=False, **config, **parts)
        write(place / name, network, config, CHARACTERS)
