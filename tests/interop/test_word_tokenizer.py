"""Word vocabularies: the ids of bert4keras with jieba, and of transformers' RoFormerTokenizer.

The peers run in a process of their own: in this Python where they are installed, or in the one that
``PEER_PYTHON`` names.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from roformer_sim.text import SPECIAL_TOKENS, Tokenizer, Vocabulary

PEER = Path(__file__).with_name("word_tokenizer_peer.py")
VOCABULARY = [
    *SPECIAL_TOKENS,
    *(
        "广州",
        "深圳",
        "科学技术",
        "第一",
        "生产力",
        "天气",
        "今天天气",
        "怎么",
        "开通",
        "花",
        "呗",
        "非常",
        "手机",
    ),
    *"广州和深圳哪个好科学技术是第一生产力怎么开通今天气真不的了我你，。？！（）：",
    *(
        "iphone",
        "ip",
        "##ho",
        "##ne",
        "app",
        "a",
        "b",
        "c",
        "##a",
        "##b",
        "##c",
        "1",
        "5",
        "15",
        "##1",
        "##5",
        "+",
        ".",
    ),
]
TEXTS = [
    *(
        "广州和深圳哪个好？",
        "科学技术是第一生产力。",
        "怎么开通花呗",
        "今天天气真好，不错！",
        "我的iPhone15 APP",
    ),
    *(
        "（广州）：深圳",
        "Café 1.5 天",
        "你好　世界",
        "我用 iphone 15 手机",
        "",
        "  ",
        "ＡＢＣ",
        "𠀀龘",
    ),
]
# Where transformers leaves the reference: what jieba cuts with marks in it stays whole there, and what
# vanishes is taken out before jieba cuts.
ONLY_BERT4KERAS = ["我学C++和C#", "广\u200b州"]


class Peer(NamedTuple):
    """What a peer makes of texts with a vocabulary."""

    vocabulary: Path
    texts: list[str]
    ids: list[list[int]]


def run_peer(kind: str, vocabulary: Path, texts: list[str]) -> list[list[int]]:
    needed = {"bert4keras": ("bert4keras", "jieba"), "transformers": ("transformers", "rjieba")}[kind]
    named = os.environ.get("PEER_PYTHON")
    if named is None and not all(importlib.util.find_spec(name) for name in needed):
        pytest.skip(
            f"{' and '.join(needed)} are not installed here, and PEER_PYTHON names no Python that has them"
        )
    command = [named or sys.executable, str(PEER), kind, str(vocabulary)]
    done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, check=False)
    if named and "No module named" in done.stderr:
        pytest.skip(f"{named} has not what {kind} needs")
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module", params=["bert4keras", "transformers"])
def peer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Peer:
    path = tmp_path_factory.mktemp("words") / "vocab.txt"
    Vocabulary(list(dict.fromkeys(VOCABULARY))).save(path)
    texts = TEXTS + (ONLY_BERT4KERAS if request.param == "bert4keras" else [])
    return Peer(path, texts, run_peer(request.param, path, texts))


def test_ids_of_word_models_are_those_of_the_peer(peer: Peer) -> None:
    tokenizer = Tokenizer.from_file(peer.vocabulary)
    assert tokenizer.words, "the vocabulary looks like one of words"
    ours = [encoding.token_ids.tolist() for encoding in tokenizer.encode_batch(peer.texts)]
    for text, row, theirs in zip(peer.texts, ours, peer.ids, strict=True):
        assert row == theirs, text


def test_read_by_characters_the_ids_are_others(peer: Peer) -> None:
    with pytest.warns(UserWarning, match="a vocabulary of jieba's words, and is read by characters"):
        characters = Tokenizer.from_file(peer.vocabulary, words=False)
    assert characters.encode(peer.texts[0]).token_ids.tolist() != peer.ids[0]
