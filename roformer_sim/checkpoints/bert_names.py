"""Our weight names and those of Google's BERT checkpoints, which bert4keras shares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

import numpy as np

from roformer_sim.checkpoints.weights import weight_shapes
from roformer_sim.models import ModelConfig

# What pre-training and fine-tuning leave in a checkpoint besides the network; read past, never in error.
SURPLUS = (
    "global_step",
    "*/adam_m",  # Adam's moments, one pair for each variable
    "*/adam_v",
    "cls/seq_relationship/output_weights",  # BERT's next-sentence head, which neither job uses
    "cls/seq_relationship/output_bias",
)

WORD_EMBEDDINGS = "bert/embeddings/word_embeddings"
POSITION_EMBEDDINGS = "bert/embeddings/position_embeddings"

_EMBEDDINGS = {
    "token_embedding/embeddings": WORD_EMBEDDINGS,
    "segment_embedding/embeddings": "bert/embeddings/token_type_embeddings",
    "embedding_norm/gamma": "bert/embeddings/LayerNorm/gamma",
    "embedding_norm/beta": "bert/embeddings/LayerNorm/beta",
}
_MAPPING = {
    "embedding_mapping/kernel": "bert/encoder/embedding_hidden_mapping_in/kernel",
    "embedding_mapping/bias": "bert/encoder/embedding_hidden_mapping_in/bias",
}
_BLOCK = {
    "attention/output/kernel": "attention/output/dense/kernel",
    "attention/output/bias": "attention/output/dense/bias",
    "attention_norm/gamma": "attention/output/LayerNorm/gamma",
    "attention_norm/beta": "attention/output/LayerNorm/beta",
    "intermediate/kernel": "intermediate/dense/kernel",
    "intermediate/bias": "intermediate/dense/bias",
    "output/kernel": "output/dense/kernel",
    "output/bias": "output/dense/bias",
    "output_norm/gamma": "output/LayerNorm/gamma",
    "output_norm/beta": "output/LayerNorm/beta",
}
_POOLER = {
    "pooler/kernel": "bert/pooler/dense/kernel",
    "pooler/bias": "bert/pooler/dense/bias",
}
_LM_HEAD = {
    "lm_transform/kernel": "cls/predictions/transform/dense/kernel",
    "lm_transform/bias": "cls/predictions/transform/dense/bias",
    "lm_norm/gamma": "cls/predictions/transform/LayerNorm/gamma",
    "lm_norm/beta": "cls/predictions/transform/LayerNorm/beta",
    "lm_bias": "cls/predictions/output_bias",
}
_PARTS = ("query", "key", "value")

HEADS = {"has_pooler": tuple(_POOLER.values()), "has_lm_head": tuple(_LM_HEAD.values())}
"""The variables of a head by the key of :class:`ModelConfig` that says whether there is one."""


def heads_among(names: Iterable[str]) -> dict[str, bool]:
    """Which heads a checkpoint of these variables has: keys of :class:`ModelConfig`.

    One variable of a head makes it present, so that a head that is there in part is told by what it lacks.
    """
    found = set(names)
    return {key: not found.isdisjoint(variables) for key, variables in HEADS.items()}


def sources(config: ModelConfig) -> dict[str, tuple[str, ...]]:
    """For each of our weights the BERT variable it is, or the three that it holds side by side.

    ``block_0/attention/qkv_kernel`` is query, key and value of layer 0, joined along the columns.
    Columns keep their order: bert4keras and we both store rotary pairs interleaved.
    """
    plain = dict(_EMBEDDINGS)
    if config.model_type == "bert":
        plain["position_embedding/embeddings"] = POSITION_EMBEDDINGS
    if config.embedding_size != config.hidden_size:
        plain.update(_MAPPING)
    names: dict[str, tuple[str, ...]] = {ours: (theirs,) for ours, theirs in plain.items()}
    for i in range(config.num_hidden_layers):
        layer = f"bert/encoder/layer_{i}/"
        for kind in ("kernel", "bias"):
            names[f"block_{i}/attention/qkv_{kind}"] = tuple(
                f"{layer}attention/self/{part}/{kind}" for part in _PARTS
            )
        names.update({f"block_{i}/{ours}": (layer + theirs,) for ours, theirs in _BLOCK.items()})
    heads = (_POOLER if config.has_pooler else {}) | (_LM_HEAD if config.has_lm_head else {})
    return names | {ours: (theirs,) for ours, theirs in heads.items()}


def bert_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Every variable a BERT checkpoint of this configuration must hold, with its shape."""
    hidden, width = config.hidden_size, int(config.embedding_size or config.hidden_size)
    exact: dict[str, tuple[int, ...]] = {
        WORD_EMBEDDINGS: (config.vocab_size, width),
        "bert/embeddings/token_type_embeddings": (config.type_vocab_size, width),
        POSITION_EMBEDDINGS: (config.max_position_embeddings, width),
        "cls/predictions/output_bias": (config.vocab_size,),
    }
    # Input and output width by the end of the layer's name; a bias or norm has the output's width.
    widths = (
        ("bert/embeddings/LayerNorm", width, width),
        ("embedding_hidden_mapping_in", width, hidden),
        ("intermediate/dense", hidden, config.intermediate_size),
        ("attention/output/dense", hidden, hidden),
        ("output/dense", config.intermediate_size, hidden),
        ("cls/predictions/transform/dense", hidden, width),
        ("cls/predictions/transform/LayerNorm", width, width),
        ("", hidden, hidden),
    )
    shapes = {}
    for name in (name for names in sources(config).values() for name in names):
        layer, _, kind = name.rpartition("/")
        inputs, outputs = next((i, o) for ending, i, o in widths if layer.endswith(ending))
        shapes[name] = exact.get(name) or ((inputs, outputs) if kind == "kernel" else (outputs,))
    return shapes


def from_bert(variables: Mapping[str, np.ndarray], config: ModelConfig) -> dict[str, np.ndarray]:
    """Our weights, float32, of a BERT checkpoint's variables (all of :func:`bert_shapes`).

    Each variable is asked for once and put into its place, so that a mapping that reads them from a file
    holds one at a time beside the weights.
    """
    shapes = weight_shapes(config)
    weights = {}
    for ours, theirs in sources(config).items():
        if len(theirs) == 1:
            weights[ours] = np.asarray(variables[theirs[0]], dtype=np.float32)
            continue
        weights[ours] = np.empty(shapes[ours], np.float32)
        for columns, name in zip(np.split(weights[ours], len(theirs), axis=-1), theirs, strict=True):
            columns[...] = variables[name]
    return weights


def to_bert(weights: Mapping[str, np.ndarray], config: ModelConfig) -> dict[str, np.ndarray]:
    """The inverse of :func:`from_bert`."""
    variables: dict[str, np.ndarray] = {}
    for ours, theirs in sources(config).items():
        parts = np.split(weights[ours], len(theirs), axis=-1)
        variables.update(zip(theirs, parts, strict=True))
    return variables


def is_surplus(name: str) -> bool:
    """Whether a variable is known not to belong to the network (:data:`SURPLUS`)."""
    return any(fnmatchcase(name, pattern) for pattern in SURPLUS)


def unexpected(names: Iterable[str], config: ModelConfig) -> list[str]:
    """Variables that neither the network nor the list of surplus ones knows, sorted."""
    known = bert_shapes(config)
    return sorted(name for name in names if name not in known and not is_surplus(name))
