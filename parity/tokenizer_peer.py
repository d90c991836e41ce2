"""bert4keras's side of the tokenizer comparison; runs under a Python that has bert4keras 0.11.5.

    python tokenizer_peer.py ids TEXTS.jsonl VOCAB MAXLEN OUT.npz [--words]
    python tokenizer_peer.py serve TEXTS.jsonl VOCAB MAXLEN     # times a pass for every line of stdin

TEXTS.jsonl holds one JSON string a line.
"""

import json
import os
import sys
import time
from itertools import pairwise
from pathlib import Path

os.environ.update(TF_KERAS="1", TF_USE_LEGACY_KERAS="1", TF_CPP_MIN_LOG_LEVEL="3")

import numpy as np
from bert4keras.tokenizers import Tokenizer, load_vocab

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def jieba_words(text):
    import jieba

    return jieba.lcut(text, HMM=False)


def flat(rows):
    return {
        "values": np.array([value for row in rows for value in row], np.int32),
        "lengths": np.array([len(row) for row in rows], np.int64),
    }


def write_ids(texts, vocab, maxlen, output, words):
    tokenizer = Tokenizer(vocab, do_lower_case=True, pre_tokenize=jieba_words if words else None)
    found = {}

    def keep(name, rows):
        found.update({f"{name}_{key}": value for key, value in flat(rows).items()})

    # encode takes tokens for text, and cuts the list it is given: each text is tokenized once.
    tokens = [tokenizer.tokenize(text) for text in texts]
    keep("tokens", [list(map(ord, "\n".join(row))) for row in tokens[:20000]])
    whole = [tokenizer.encode(list(row))[0] for row in tokens]
    keep("single", whole)
    keep("maxlen", [tokenizer.encode(list(row), maxlen=maxlen)[0] for row in tokens])
    pairs = [tokenizer.encode(list(a), list(b), maxlen=2 * maxlen) for a, b in pairwise(tokens)]
    keep("pair", [ids for ids, _ in pairs])
    keep("segment", [segments for _, segments in pairs])
    keep("decoded", [list(map(ord, tokenizer.decode(ids[:maxlen]))) for ids in whole])
    simplified, rows = load_vocab(vocab, simplified=True, startswith=SPECIALS)
    keep("simplified", [list(map(ord, token)) for token in simplified])
    keep("simplified_rows", [rows])
    np.savez(output, **found)


def serve(texts, vocab, maxlen):
    tokenizer = Tokenizer(vocab, do_lower_case=True)
    print("ready", flush=True)
    for _ in sys.stdin:
        begin = time.perf_counter()
        for text in texts:
            tokenizer.encode(text, maxlen=maxlen)
        print(time.perf_counter() - begin, flush=True)


if __name__ == "__main__":
    task, source, vocab_path, limit = sys.argv[1:5]
    lines = [json.loads(line) for line in Path(source).read_text(encoding="utf-8").split("\n") if line]
    if task == "ids":
        write_ids(lines, vocab_path, int(limit), sys.argv[5], "--words" in sys.argv)
    else:
        serve(lines, vocab_path, int(limit))
