"""TensorFlow only: the network as functions of a ``tf.Module``, and saving it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from roformer_sim.checkpoints import Preset, assign_weights
from roformer_sim.models import Backbone
from roformer_sim.models.decoding import projections, read_sources, token_heads
from roformer_sim.models.pooling import l2_normalize
from roformer_sim.models.rotary import rotary_angles
from roformer_sim.models.unilm_mask import MASKED

_TABLE = tf.TensorSpec((None, None), tf.int32)
Tensors = dict[str, Any]


def export(preset: Preset, folder: Path) -> None:
    """Write the signatures of :mod:`roformer_sim.conversion.saved_model`."""
    backbone = Backbone(preset.config)
    assign_weights(backbone, preset.weights, folder)
    module = tf.Module()
    module.weights = [variable.value for variable in backbone.weights]
    signatures = _signatures(backbone, module.weights)
    with tempfile.TemporaryDirectory() as place:
        vocabulary = Path(place) / "vocab.txt"
        preset.tokenizer.save(vocabulary)
        module.vocabulary = tf.saved_model.Asset(str(vocabulary))
        tf.saved_model.save(module, str(folder), signatures=signatures)


def _signatures(backbone: Backbone, weights: list[Any]) -> dict[str, Any]:
    config = backbone.config
    found = {
        "encode": _function(lambda token_ids: _encode(backbone, token_ids), token_ids=_TABLE),
        "hidden_states": _function(lambda token_ids: _hidden(backbone, token_ids), token_ids=_TABLE),
    }
    if not config.has_lm_head:
        return found

    def scores(token_ids: Any, segment_ids: Any) -> Tensors:
        return _scores(backbone, token_ids, segment_ids)

    def step(tokens: Any, keys: Any, values: Any, mask: Any) -> Tensors:
        return _step(backbone, tokens, keys, values, mask)

    past = tf.TensorSpec(
        (config.num_hidden_layers, None, config.num_attention_heads, None, config.head_size), tf.float32
    )
    found["scores"] = _function(scores, token_ids=_TABLE, segment_ids=_TABLE)
    found["begin"] = _function(lambda token_ids: _begin(backbone, token_ids), token_ids=_TABLE)
    tokens = tf.TensorSpec((None,), tf.int32)
    found["step"] = _function(step, tokens=tokens, keys=past, values=past, mask=_TABLE)
    return found


def _function(function: Callable[..., Tensors], **arguments: tf.TensorSpec) -> Any:
    specs = [tf.TensorSpec(spec.shape, spec.dtype, name=name) for name, spec in arguments.items()]
    return tf.function(function, input_signature=specs, autograph=False)


def _encode(backbone: Backbone, token_ids: Any) -> Tensors:
    states = backbone(token_ids)
    found = {pooling.value: backbone.pooled(states, pooling) for pooling in backbone.config.poolings}
    return found | {"vector": l2_normalize(found[backbone.config.pooling])}


def _hidden(backbone: Backbone, token_ids: Any) -> Tensors:
    last = backbone(token_ids).last
    return {"hidden": last} | ({"logits": backbone.lm_logits(last)} if backbone.config.has_lm_head else {})


def _scores(backbone: Backbone, token_ids: Any, segment_ids: Any) -> Tensors:
    states = backbone(token_ids, segment_ids, pattern="unilm")
    ends = tf.reduce_sum(tf.cast(states.token_mask, tf.int32), axis=1) - 1
    return {"scores": backbone.lm_logits(tf.gather(states.last, ends, batch_dims=1))}


def _begin(backbone: Backbone, token_ids: Any) -> Tensors:
    scores, sources = read_sources(backbone, token_ids)
    keys = tf.stack([tf.transpose(key, (0, 1, 3, 2)) for key in sources.keys])
    mask = tf.cast(tf.not_equal(token_ids, backbone.config.pad_token_id), tf.int32)
    return {"scores": scores, "keys": keys, "values": tf.stack(sources.values), "mask": mask}


def _step(backbone: Backbone, tokens: Any, keys: Any, values: Any, mask: Any) -> Tensors:
    """One target token a row, as :func:`~roformer_sim.models.decoding.decode_rows`, but the state grows."""
    positions = tf.reduce_sum(mask, axis=1)
    ids = tokens[:, None]
    x = backbone._embed(ids, tf.ones_like(ids), positions[:, None], training=False)[:, 0]
    rotary = None
    if backbone.config.model_type == "roformer":
        rotary = tuple(
            tf.transpose(angle, (1, 0, 2, 3)) for angle in rotary_angles(positions, backbone.config.head_size)
        )
    mask = tf.concat([mask, tf.ones_like(ids)], axis=1)
    bias = (1.0 - tf.cast(mask, tf.float32))[:, None] * MASKED
    grown: list[tuple[Any, Any]] = []
    for i, (block, projection) in enumerate(zip(backbone.blocks, projections(backbone), strict=True)):
        query, key, value = token_heads(block, projection, x, rotary)
        grown.append(
            (tf.concat([keys[i], key[:, :, None]], axis=2), tf.concat([values[i], value[:, :, None]], axis=2))
        )
        weights = tf.nn.softmax(tf.einsum("bhd,bhld->bhl", query, grown[-1][0]) + bias)
        context = tf.einsum("bhl,bhld->bhd", weights, grown[-1][1])
        attended = block.attention.output_dense(tf.reshape(context, (-1, backbone.config.hidden_size)))
        x = block.attention_norm(x + attended)
        x = block.output_norm(x + block.output_dense(block.activation(block.intermediate(x), False)))
    state = {"keys": tf.stack([key for key, _ in grown]), "values": tf.stack([value for _, value in grown])}
    return {"scores": backbone.lm_logits(x), **state, "mask": mask}
