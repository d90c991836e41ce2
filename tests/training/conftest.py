"""Hand-written groups and pairs, and a recipe that trains a tiny network on them in seconds."""

from __future__ import annotations

import json

import pytest

from roformer_sim.training.recipe import Recipe

GROUPS = [
    ["广州和深圳哪个好", "深圳和广州哪个更好", "广州好还是深圳好"],
    ["怎么开通花呗", "花呗如何开通", "如何开通花呗呢"],
    ["今天下雨吗", "今天有雨吗"],
    ["苹果手机多少钱", "苹果手机便宜吗", "买苹果手机多少钱"],
    ["去公园怎么走", "如何去公园"],
    ["北京天气好吗", "北京的天气如何"],
    ["怎么还款", "如何还款呢"],
    ["怎么借钱", "如何能借钱", "可以借钱吗"],
    ["上海城市大吗", "上海是更大的城市吗"],
    ["学习中文难吗", "中文好学习吗"],
]
PAIRS = [
    ["科学技术是第一生产力。", "第一生产力是科学技术。"],
    ["今天天气真好。", "今天的天气真好！"],
    ["明天出门买书。", "明天我出门去买书。"],
    ["我在公园。", "我今天在公园。"],
    ["花呗可以还款。", "花呗能还款了。"],
    ["北京比上海更好。", "上海不比北京好。"],
    ["手机便宜了。", "苹果手机更便宜了。"],
    ["你不能借钱。", "不可以借钱。"],
]


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """Folder with ``groups.jsonl`` and ``pairs.jsonl`` in the upstream shapes."""
    folder = tmp_path_factory.mktemp("corpus")
    rows = [{"text": texts[0], "synonyms": texts[1:]} for texts in GROUPS]
    write_lines(folder / "groups.jsonl", rows)
    write_lines(folder / "pairs.jsonl", [{"text_a": a, "text_b": b} for a, b in PAIRS])
    return folder


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture(scope="session")
def tiny_recipe(corpus, tiny_tokenizer):
    """The recipe of a tiny run, no dropout; keywords change the train section, others by name."""
    vocab = corpus / "vocab.txt"
    tiny_tokenizer.save(vocab)

    def make(*, objectives=None, data=None, watch=None, **train) -> Recipe:
        return Recipe(
            start={
                "vocab": str(vocab),
                "config": {
                    "hidden_size": 32,
                    "num_hidden_layers": 1,
                    "num_attention_heads": 2,
                    "intermediate_size": 64,
                    "hidden_dropout_prob": 0.0,
                    "attention_probs_dropout_prob": 0.0,
                },
            },
            data=data
            or {
                "rows": "similar",
                "groups": [str(corpus / "groups.jsonl")],
                "pairs": [str(corpus / "pairs.jsonl")],
                "held_out": 4,
                "maxlen": 16,
            },
            objectives=objectives or {"generation": {}, "in_batch": {"scale": 20.0}},
            train={
                "batch_rows": 8,
                "epochs": 3,
                "steps_per_epoch": 8,
                "learning_rate": 5e-3,
                "warmup_steps": 4,
                "dtype": "float32",
                **train,
            },
            watch={"samples": [], "tensorboard": False, **(watch or {})},
        )

    return make
