"""bert4keras's side of the comparison of ``text_segmentate``; runs under a Python that has bert4keras 0.11.5.

    python text_segmentation_peer.py TEXTS.jsonl PIECES.jsonl MAXLEN ...

TEXTS.jsonl holds one JSON string a line; a line of PIECES.jsonl is the list of pieces for every MAXLEN. The
last line on stdout tells the versions.
"""

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path

os.environ.update(TF_KERAS="1", TF_USE_LEGACY_KERAS="1", TF_CPP_MIN_LOG_LEVEL="3")

from bert4keras.snippets import text_segmentate

SEPS, STRIPS = "\n。！？!?；;，, ", "；;，, "


def main():
    texts, output, *maxlens = sys.argv[1:]
    with Path(output).open("w") as lines:
        for line in Path(texts).read_text().splitlines():
            text = json.loads(line)
            pieces = [text_segmentate(text, int(maxlen) * 1.2, SEPS, STRIPS) for maxlen in maxlens]
            lines.write(json.dumps(pieces) + "\n")
    print(json.dumps({"bert4keras": version("bert4keras")}))


if __name__ == "__main__":
    main()
