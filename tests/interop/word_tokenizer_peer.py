"""Ids of the peers' word tokenizers.

python word_tokenizer_peer.py {bert4keras,transformers} VOCAB < texts.json > ids.json
"""

import json
import logging
import os
import sys

os.environ.update(TF_KERAS="1", TF_USE_LEGACY_KERAS="1", TF_CPP_MIN_LOG_LEVEL="3", HF_HUB_OFFLINE="1")


def read_vocabulary(path):
    rows = {}
    with open(path, encoding="utf-8") as lines:  # noqa: PTH123
        for line in lines:
            rows[(line.split() or [line.strip()])[0]] = len(rows)
    return rows


def bert4keras_ids(path, texts):
    import jieba
    from bert4keras.tokenizers import Tokenizer

    jieba.setLogLevel(logging.WARNING)
    tokenizer = Tokenizer(path, do_lower_case=True, pre_tokenize=lambda text: jieba.cut(text, HMM=False))
    return [list(map(int, tokenizer.encode(text)[0])) for text in texts]


def transformers_ids(path, texts):
    from transformers import RoFormerTokenizer

    tokenizer = RoFormerTokenizer(vocab=read_vocabulary(path), do_lower_case=True)
    return [tokenizer(text)["input_ids"] for text in texts]


if __name__ == "__main__":
    kind = {"bert4keras": bert4keras_ids, "transformers": transformers_ids}[sys.argv[1]]
    print(json.dumps(kind(sys.argv[2], json.load(sys.stdin))))
