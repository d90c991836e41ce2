"""bert4keras's side of a check; a script for a Python that has bert4keras 0.11, in a process of its own.

    python bert4keras_peer.py JOBS.json

A job: ``config`` (path of bert_config.json), ``checkpoint`` or ``weights`` (HDF5), ``model`` ("roformer" or
"bert"), ``pool``, ``mlm`` (whether the weights have these heads), ``inputs`` and ``outputs`` (.npz). Inputs
are ``token_ids`` (rows, length), zeros behind, and ``written`` and ``segments`` (rows, longer) for UniLM.
Outputs are ``first`` and ``last`` (hidden states), ``pooled``, ``logits`` of the bidirectional network and
``scores``, the logits of the UniLM one, at every position. Exit code 3: bert4keras cannot be imported.

This file imports nothing of ours, and runs on the older Pythons that bert4keras was written for.
"""

import json
import os
import sys
from typing import Any

# bert4keras means Keras 2, which current versions of TensorFlow call tf_keras.
os.environ.update(TF_KERAS="1", TF_USE_LEGACY_KERAS="1", CUDA_VISIBLE_DEVICES="-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Our modules beside this file must not be taken for libraries of the same names.
HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
sys.path[:] = [place for place in sys.path if os.path.abspath(place) != HERE]  # noqa: PTH100

import numpy as np  # noqa: E402

try:
    from bert4keras.backend import K, keras
    from bert4keras.models import build_transformer_model
except ImportError as error:
    sys.stderr.write("%s\n" % error)  # noqa: UP031
    sys.exit(3)


def network(job: Any, application: str) -> Any:
    """The job's network, as upstream's scripts build it, but with logits instead of probabilities."""
    K.clear_session()
    options = {"with_pool": "linear"} if job["pool"] else {}
    if job["mlm"]:
        options["with_mlm"] = "linear"
    built = build_transformer_model(
        config_path=job["config"],
        checkpoint_path=job.get("checkpoint"),
        model=job["model"],
        application=application,
        return_keras_model=False,
        **options,
    )
    if job.get("weights"):
        built.model.load_weights(job["weights"], by_name=True)
    return built


def outputs(job: Any, token_ids: Any, written: Any, segments: Any) -> Any:
    """All that the job's network gives."""
    built = network(job, "encoder")
    blocks = [built.layers["Transformer-%d-FeedForward-Norm" % i] for i in (0, built.num_hidden_layers - 1)]  # noqa: UP031
    tensors = {"first": blocks[0].output, "last": blocks[1].output}
    if job["pool"]:
        tensors["pooled"] = built.layers["Pooler-Dense"].output
    if job["mlm"]:
        tensors["logits"] = built.layers["MLM-Activation"].output
    model = keras.models.Model(built.inputs, list(tensors.values()))
    found = dict(zip(tensors, model.predict_on_batch([token_ids, np.zeros_like(token_ids)])))  # noqa: B905
    if job["mlm"]:
        built = network(job, "unilm")
        model = keras.models.Model(built.inputs, built.layers["MLM-Activation"].output)
        found["scores"] = model.predict_on_batch([written, segments])
    return {name: np.asarray(value, np.float32) for name, value in found.items()}


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:  # noqa: PTH123
        jobs = json.load(file)
    for job in jobs:
        with np.load(job["inputs"]) as given:
            found = outputs(job, given["token_ids"], given["written"], given["segments"])
        np.savez(job["outputs"], **found)
