# ruff: noqa: PTH118, PTH123, NPY002
# 用相似句生成模型的典型脚本：bert4keras的接口，配置、词表、权重三个文件，没有任何别的依赖。
#   python upstream_style_script.py 模型文件夹 任务.json 结果.json

import json
import os
import sys

os.environ.update(TF_KERAS="1", TF_USE_LEGACY_KERAS="1", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")

import numpy as np
from bert4keras.backend import keras
from bert4keras.models import build_transformer_model
from bert4keras.snippets import AutoRegressiveDecoder, sequence_padding
from bert4keras.tokenizers import Tokenizer

maxlen = 64
folder, tasks_path, results_path = sys.argv[1:]
config_path = os.path.join(folder, "bert_config.json")
checkpoint_path = os.path.join(folder, "bert_model.ckpt")
dict_path = os.path.join(folder, "vocab.txt")

tokenizer = Tokenizer(dict_path, do_lower_case=True)
roformer = build_transformer_model(
    config_path,
    checkpoint_path,
    model="roformer",
    application="unilm",
    with_pool="linear",
    return_keras_model=False,
)
encoder = keras.models.Model(roformer.inputs, roformer.outputs[0])

generating = build_transformer_model(
    config_path,
    checkpoint_path,
    model="roformer",
    application="unilm",
    with_pool="linear",
    with_mlm=True,
    return_keras_model=False,
)
seq2seq = keras.models.Model(generating.inputs, generating.outputs[1])


class SynonymsGenerator(AutoRegressiveDecoder):
    """一句话的相似句。"""

    steps = None

    @AutoRegressiveDecoder.wraps(default_rtype="probas")
    def predict(self, inputs, output_ids, states):
        token_ids, segment_ids = inputs
        token_ids = np.concatenate([token_ids, output_ids], 1)
        segment_ids = np.concatenate([segment_ids, np.ones_like(output_ids)], 1)
        probas = self.last_token(seq2seq).predict_on_batch([token_ids, segment_ids])
        if self.steps is not None:
            self.steps.append(probas[0].copy())
        return probas

    def sample(self, text, n):
        token_ids, segment_ids = tokenizer.encode(text, maxlen=maxlen)
        found = self.random_sample([token_ids, segment_ids], n, topp=0.95)
        return [tokenizer.decode(ids) for ids in found]

    def likeliest(self, text):
        token_ids, segment_ids = tokenizer.encode(text, maxlen=maxlen)
        self.steps = []
        ids = self.beam_search([token_ids, segment_ids], topk=1)
        steps, self.steps = self.steps, None
        return {"ids": [int(i) for i in ids], "text": tokenizer.decode(ids), "steps": np.stack(steps)}


generator = SynonymsGenerator(start_id=None, end_id=tokenizer._token_end_id, maxlen=20)


def encode(texts):
    rows = [tokenizer.encode(text, maxlen=maxlen)[0] for text in texts]
    token_ids = sequence_padding(rows)
    vectors = encoder.predict_on_batch([token_ids, np.zeros_like(token_ids)])
    return vectors / (vectors**2).sum(axis=1, keepdims=True) ** 0.5


def gen_synonyms(text, n=100, k=20):
    """抽n句，按与原句的余弦排序，取前k句。"""
    drawn = list(dict.fromkeys(generator.sample(text, n)))
    others = [sentence for sentence in drawn if sentence != text]
    vectors = encode([text, *others])
    scores = vectors[1:] @ vectors[0]
    order = np.argsort(-scores, kind="stable")[:k]
    return others, [(others[i], float(scores[i])) for i in order]


with open(tasks_path, encoding="utf-8") as file:
    tasks = json.load(file)
np.random.seed(tasks["seed"])
results = {"similarities": [], "likeliest": [], "synonyms": []}
for a, b in tasks["pairs"]:
    va, vb = encode([a, b])
    results["similarities"].append(float(va @ vb))
for number, text in enumerate(tasks["texts"]):
    best = generator.likeliest(text)
    np.save(f"{results_path}.{number}.npy", best.pop("steps"))
    results["likeliest"].append(best)
for text in tasks["rank"]:
    drawn, ranked = gen_synonyms(text, n=tasks["n"], k=tasks["k"])
    results["synonyms"].append({"drawn": drawn, "ranked": ranked})
with open(results_path, "w", encoding="utf-8") as file:
    json.dump(results, file, ensure_ascii=False)
