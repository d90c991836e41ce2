"""bert4keras's side of the sampling comparison; runs under a Python that has bert4keras 0.11.5.

    python sampling_peer.py FOLDER

FOLDER holds ``rows.npz``: ``probabilities`` (rows, vocabulary), and the settings as JSON lines in
``settings.jsonl``. Writes ``peer.npz``: for every setting the distribution that ``random_sample`` draws
the first token from.
"""

import json
import os
import sys
from importlib import metadata
from pathlib import Path

os.environ.update(TF_KERAS="1", TF_USE_LEGACY_KERAS="1", TF_CPP_MIN_LOG_LEVEL="3")

import numpy as np
from bert4keras.snippets import AutoRegressiveDecoder


class OneToken(AutoRegressiveDecoder):
    """A decoder whose model always gives the same row of probabilities."""

    row = None

    @AutoRegressiveDecoder.wraps(default_rtype="probas")
    def predict(self, inputs, output_ids, states):
        return np.repeat(self.row[None], len(output_ids), axis=0)


def distribution(decoder, row, setting):
    """What numpy's ``choice`` is asked to draw from, put back to token ids.

    ``choice`` is replaced: the i-th of the rows drawn takes the i-th candidate, so that the tokens
    returned say which id each candidate is, and the probabilities handed over are kept.
    """
    seen = []

    def choice(size, p):
        seen.append(p.copy())
        return (len(seen) - 1) % size

    original, np.random.choice = np.random.choice, choice
    decoder.row = row
    try:
        drawn = decoder.random_sample([[0]], len(row), **setting)
    finally:
        np.random.choice = original
    result = np.zeros(len(row))
    for index, ids in enumerate(drawn):
        candidate = index % len(seen[index])
        result[ids[-1]] = seen[index][candidate]
    return result


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    rows = np.load(folder / "rows.npz")["probabilities"]
    settings = [json.loads(line) for line in (folder / "settings.jsonl").read_text().splitlines()]
    decoder = OneToken(start_id=0, end_id=-1, maxlen=1)
    found = {str(i): np.stack([distribution(decoder, r, s) for r in rows]) for i, s in enumerate(settings)}
    np.savez(folder / "peer.npz", **found)
    (folder / "versions.json").write_text(json.dumps({"bert4keras": metadata.version("bert4keras")}))
