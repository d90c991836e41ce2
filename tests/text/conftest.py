"""A hand-written vocabulary."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from roformer_sim.text import Tokenizer

TOKENS = [
    "[PAD]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]",
    *"，。？！、：；“”《》（）…—·,.?!:;'\"()[]{}<>+-*/=%#&@$~_",
    *"广州和深圳哪个好科学技术是第一生产力我爱北京天安门的了吗很用在不有龙豈",
    *"0123456789abcdefghijklmnopqrstuvwxyz",
    *(f"##{c}" for c in "0123456789abcdefghijklmnopqrstuvwxyz"),
    "iphone", "pro", "max", "##ing", "##3", "py", "##thon", "python", "11", "15", "don", "cafe", "ος", "σ",
    "##σ", "##ς", "ア", "##ア", "ᄀ", "##ᅡ",
]  # fmt: skip


@pytest.fixture(scope="session")
def tokens() -> list[str]:
    return list(dict.fromkeys(TOKENS))


@pytest.fixture(scope="session")
def tokenizer(tokens) -> Tokenizer:
    return Tokenizer(tokens)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """A folder with ``vocab/*/vocab.txt``; see the development data in docs."""
    folder = os.environ.get("ROFORMER_SIM_DATA")
    if not folder:
        pytest.skip("ROFORMER_SIM_DATA names no folder with real vocabularies")
    return Path(folder)
