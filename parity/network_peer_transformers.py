"""transformers' side of the network comparison; runs under a Python that has torch and transformers.

    python network_peer_transformers.py CASE DATA FOLDER

Writes ``config.json`` (our keys), ``weights.npz`` under transformers' names and ``peer.npz``: inputs and
bidirectional outputs of BertForPreTraining or RoFormerForMaskedLM (which hold BertModel and
RoFormerModel; the latter has no pooler).
"""

import json
import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import torch
import transformers
from network_cases import CASES, random_weight
from transformers import BertConfig, BertForPreTraining, RoFormerConfig, RoFormerForMaskedLM

NETWORKS = {"bert": (BertConfig, BertForPreTraining), "roformer": (RoFormerConfig, RoFormerForMaskedLM)}
SKIPPED = ("seq_relationship", "embed_positions", "predictions.decoder")
SHARED = (
    "vocab_size",
    "hidden_size",
    "embedding_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "hidden_act",
    "max_position_embeddings",
    "type_vocab_size",
)


def build(case, data):
    """The network with transformers' defaults (LayerNorm epsilon 1e-12), dropout off."""
    published = case.config(data)
    published["max_position_embeddings"] = max(512, *case.lengths)
    if case.model_type == "bert":
        published.pop("embedding_size", None)  # BertModel has no such thing
    values = {name: published[name] for name in SHARED if name in published}
    make_config, make_network = NETWORKS[case.model_type]
    extra = {"rotary_value": False} if case.model_type == "roformer" else {}
    config = make_config(**values, **extra, attn_implementation="eager")
    ours = {**values, "model_type": case.model_type, "layer_norm_eps": config.layer_norm_eps}
    return make_network(config).eval(), ours


def randomise(network, seed):
    """Fill every weight; returns them under their names."""
    rng = np.random.default_rng((seed, 3))
    weights = {}
    for name, parameter in network.named_parameters():
        if any(part in name for part in SKIPPED):
            continue
        turned = parameter.ndim == 2 and "embeddings." not in name  # torch keeps (outputs, inputs)
        shape = tuple(parameter.shape)[:: -1 if turned else 1]
        values = random_weight(name, shape, rng)
        weights[name] = np.ascontiguousarray(values.T if turned else values)
        parameter.data.copy_(torch.from_numpy(weights[name]))
    return weights


def outputs(network, inputs):
    """First and last hidden states, pooled vector before the tanh, logits."""
    mask = torch.from_numpy((inputs["token_ids"] != 0).astype(np.int64))
    tensors = {
        "input_ids": torch.from_numpy(inputs["token_ids"].astype(np.int64)),
        "token_type_ids": torch.from_numpy(inputs["segment_ids"].astype(np.int64)),
    }
    with torch.no_grad():
        result = network(**tensors, attention_mask=mask, output_hidden_states=True)
        states = result.hidden_states
        found = {"first": states[1], "last": states[-1]}
        if hasattr(network, "bert"):
            found |= {
                "pooled": network.bert.pooler.dense(states[-1][:, 0]),
                "logits": result.prediction_logits,
            }
        else:
            found["logits"] = result.logits
    return {f"bidirectional_{name}": value.numpy() for name, value in found.items()}


if __name__ == "__main__":
    case, data, folder = CASES[sys.argv[1]], Path(sys.argv[2]), Path(sys.argv[3])
    torch.set_num_threads(2)
    network, config = build(case, data)
    (folder / "config.json").write_text(json.dumps(config))
    np.savez(folder / "weights.npz", **randomise(network, case.seed))
    found = case.inputs(data)
    np.savez(folder / "peer.npz", **found, **outputs(network, found))
    versions = {"transformers": transformers.__version__, "torch": torch.__version__}
    (folder / "versions.json").write_text(json.dumps(versions))
