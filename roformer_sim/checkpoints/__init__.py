"""Reading and writing weights: our own presets, bert4keras and Google checkpoints.

Importing this package does not load Keras.
"""

from roformer_sim.checkpoints.extend_tokens import extend_tokens
from roformer_sim.checkpoints.folders import load_any, resolve_preset, shipped_presets
from roformer_sim.checkpoints.keep_tokens import keep_tokens
from roformer_sim.checkpoints.preset import Preset, load_preset, save_preset
from roformer_sim.checkpoints.weights import assign_weights, read_weights, weight_names, weight_shapes

__all__ = [
    "Preset",
    "assign_weights",
    "extend_tokens",
    "keep_tokens",
    "load_any",
    "load_preset",
    "read_weights",
    "resolve_preset",
    "save_preset",
    "shipped_presets",
    "weight_names",
    "weight_shapes",
]
