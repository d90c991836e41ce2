"""bert4keras's side of the tokenizer comparison; runs under a Python that has bert4keras 0.11.5.

    python tokenizer_peer.py ids MAXLEN                         # a job for every line of stdin
    python tokenizer_peer.py serve MAXLEN TEXTS.jsonl VOCAB     # times a pass for every line of stdin

A job is ``{"texts": TEXTS.jsonl, "vocab": VOCAB, "words": false, "output": OUT.npz}``; TEXTS.jsonl holds one
JSON string a line. Either way a line is answered by a line, after a first line "ready".
"""

import json
import os
import sys
import time
from array import array
from collections import defaultdict
from pathlib import Path

os.environ.update(TF_KERAS="1", TF_USE_LEGACY_KERAS="1", TF_CPP_MIN_LOG_LEVEL="3")

import numpy as np
from bert4keras.tokenizers import Tokenizer, load_vocab

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TEXT_ROWS = 20_000  # how many texts are compared in everything, the others in their ids


def jieba_words(text):
    import jieba

    return jieba.lcut(text, HMM=False)


class Rows:
    """Rows of integers, kept end to end: a hundred thousand texts as lists would take gigabytes."""

    def __init__(self):
        self.values, self.lengths = array("i"), array("q")

    def add(self, row):
        self.values.extend(row)
        self.lengths.append(len(row))


def write_ids(texts, vocab, maxlen, output, words):
    tokenizer = Tokenizer(vocab, do_lower_case=True, pre_tokenize=jieba_words if words else None)
    found = defaultdict(Rows)
    before = None
    for place, text in enumerate(texts):
        # encode takes tokens for text, and cuts the list it is given: each text is tokenized once.
        tokens = tokenizer.tokenize(text)
        ids = tokenizer.encode(list(tokens))[0]
        found["single"].add(ids)
        if place >= TEXT_ROWS:
            continue
        found["maxlen"].add(tokenizer.encode(list(tokens), maxlen=maxlen)[0])
        found["decoded"].add(list(map(ord, tokenizer.decode(ids[:maxlen]))))
        found["tokens"].add(list(map(ord, "\n".join(tokens))))
        if before is not None:
            pair_ids, segments = tokenizer.encode(list(before), list(tokens), maxlen=2 * maxlen)
            found["pair"].add(pair_ids)
            found["segment"].add(segments)
        before = tokens
    simplified, rows = load_vocab(vocab, simplified=True, startswith=SPECIALS)
    for token in simplified:
        found["simplified"].add(list(map(ord, token)))
    found["simplified_rows"].add(rows)
    arrays = {f"{name}_values": np.array(rows.values) for name, rows in found.items()}
    arrays.update({f"{name}_lengths": np.array(rows.lengths) for name, rows in found.items()})
    np.savez(output, **arrays)


def serve(texts, vocab, maxlen):
    tokenizer = Tokenizer(vocab, do_lower_case=True)
    print("ready", flush=True)
    for _ in sys.stdin:
        begin = time.process_time()
        for text in texts:
            tokenizer.encode(text, maxlen=maxlen)
        print(time.process_time() - begin, flush=True)


def work(maxlen):
    print("ready", flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        write_ids(read(job["texts"]), job["vocab"], maxlen, job["output"], job["words"])
        print("done", flush=True)


def read(path):
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").split("\n") if line]


if __name__ == "__main__":
    if sys.argv[1] == "ids":
        work(int(sys.argv[2]))
    else:
        serve(read(sys.argv[3]), sys.argv[4], int(sys.argv[2]))
