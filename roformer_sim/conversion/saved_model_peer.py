"""TensorFlow's side of a check of SavedModels; a script that knows nothing of ours.

    python saved_model_peer.py JOBS.json

A job: ``folder``, ``inputs`` and ``outputs`` (.npz). Inputs are ``token_ids``, ``targets``, and ``prefixes``
with their ``segments``: each source with 0, 1, ... of its targets. Exit code 3: no TensorFlow.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Our modules beside this file must not be taken for libraries of the same names.
sys.path[:] = [place for place in sys.path if Path(place).resolve() != Path(__file__).resolve().parent]

import numpy as np  # noqa: E402

try:
    import tensorflow as tf
except ImportError as error:
    sys.stderr.write(f"{error}\n")
    sys.exit(3)


def outputs(signatures: Any, given: Any) -> Any:
    """All that the signatures give."""
    token_ids = tf.constant(given["token_ids"])
    found = dict(signatures["encode"](token_ids=token_ids))
    found |= signatures["hidden_states"](token_ids=token_ids)
    if "scores" in signatures:
        prefixes, segments = tf.constant(given["prefixes"]), tf.constant(given["segments"])
        found["scores"] = signatures["scores"](token_ids=prefixes, segment_ids=segments)["scores"]
        state = signatures["begin"](token_ids=token_ids)
        steps = [state.pop("scores")]
        for tokens in given["targets"].T:
            state = signatures["step"](tokens=tf.constant(tokens), **state)
            steps.append(state.pop("scores"))
        found["steps"] = np.stack(steps, axis=1)
    return {name: np.asarray(value) for name, value in found.items()}


if __name__ == "__main__":
    for job in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        loaded = tf.saved_model.load(job["folder"])
        with np.load(job["inputs"]) as given:
            np.savez(job["outputs"], **outputs(loaded.signatures, given))
    if any(name.partition(".")[0] == "roformer_sim" for name in sys.modules):
        sys.exit("a SavedModel must not need roformer_sim")
