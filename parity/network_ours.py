"""Our side of the network comparison, in the backend that KERAS_BACKEND names.

    KERAS_BACKEND=jax python network_ours.py FOLDER {bert4keras,transformers}

FOLDER is what the peer wrote. Prints one JSON object: for each output the largest absolute difference
over the tokens that are not padding, divided by the largest absolute value of the peer's.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from network_transformers_names import load_transformers

from roformer_sim.checkpoints import assign_weights, load_any
from roformer_sim.models import Backbone, Pooling


def main() -> None:
    """Load, run both patterns where the peer has them, compare."""
    folder, peer_kind = Path(sys.argv[1]), sys.argv[2]
    if peer_kind == "bert4keras":
        preset = load_any(folder)
        config, weights = preset.config, preset.weights
    else:
        config, weights = load_transformers(folder)
    backbone = Backbone(config)
    assign_weights(backbone, weights, folder)
    with np.load(folder / "peer.npz") as peer:
        found = compare(backbone, {name: peer[name] for name in peer.files})
    print(json.dumps({"backend": keras.config.backend(), "model_type": config.model_type, "measured": found}))


def compare(backbone: Backbone, peer: dict[str, np.ndarray]) -> dict[str, float]:
    """Relative differences by ``pattern_output``."""
    token_ids, segment_ids = peer["token_ids"], peer["segment_ids"]
    real = token_ids != 0
    found = {}
    for pattern in ("bidirectional", "unilm"):
        if f"{pattern}_last" not in peer:
            continue
        states = backbone(token_ids, segment_ids, pattern=pattern)
        ours = {
            "first": states.first,
            "last": states.last,
            "logits": backbone.lm_logits(states.last),
            "pooled": backbone.pooled(states, Pooling.P2),
        }
        for name, value in ours.items():
            theirs = peer.get(f"{pattern}_{name}")
            if theirs is not None:
                rows = slice(None) if name == "pooled" else real
                found[f"{pattern}_{name}"] = relative(keras.ops.convert_to_numpy(value)[rows], theirs[rows])
    return found


def relative(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Largest absolute difference over largest absolute value of the peer."""
    difference = np.abs(ours.astype(np.float64) - theirs.astype(np.float64)).max()
    return float(difference / np.abs(theirs).max())


if __name__ == "__main__":
    main()
