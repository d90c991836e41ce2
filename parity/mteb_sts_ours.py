"""Our preset for MTEB: lists of sentences in, vectors out, through standard input and output.

    python mteb_sts_ours.py PRESET@P1

Each line of standard input is a JSON list of sentences; the answer is a ``.npy`` of their vectors behind
its length, 8 bytes.
"""

from __future__ import annotations

import io
import json
import os
import struct
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from roformer_sim.evaluation.sts import load_encoder


def main() -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not come between the answers
    encode = load_encoder(sys.argv[1]).encode
    for line in sys.stdin:
        (vectors,) = encode(json.loads(line)).values()
        answer = io.BytesIO()
        np.save(answer, vectors, allow_pickle=False)
        answers.write(struct.pack("<q", answer.tell()) + answer.getvalue())
        answers.flush()


if __name__ == "__main__":
    main()
