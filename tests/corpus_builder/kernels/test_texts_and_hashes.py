"""Texts as arrays and back, their hashes, and kernels without a cache folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import corpus_builder
from corpus_builder.kernels.compiling import compiled
from corpus_builder.kernels.hashing import span_hashes
from corpus_builder.kernels.texts import decode_texts, encode_texts

ANY_TEXTS = st.lists(st.text(st.characters(codec=None), max_size=12), max_size=8)
_MASK = (1 << 64) - 1


def hash_by_definition(text: str) -> int:
    h = 0x9E3779B97F4A7C15
    for step in (*map(ord, text), len(text), 0):
        h = ((h ^ step) * 0xD6E8FEB86659FD93) & _MASK
        h ^= h >> 32
    return h


@settings(max_examples=300, deadline=None)
@given(ANY_TEXTS)
def test_texts_survive_as_arrays(texts: list[str]) -> None:
    codes, offsets = encode_texts(texts)
    assert decode_texts(codes, offsets) == texts
    assert (codes.dtype, offsets.dtype, len(codes)) == (np.uint32, np.int64, sum(map(len, texts)))


@settings(max_examples=300, deadline=None)
@given(ANY_TEXTS)
def test_hashes_follow_their_definition(texts: list[str]) -> None:
    assert span_hashes(*encode_texts(texts)).tolist() == [hash_by_definition(text) for text in texts]


def test_hashes_never_change() -> None:
    # Files that hold hashes stay valid from one version to the next.
    assert [hex(h) for h in span_hashes(*encode_texts(["", "你好", "你好吗"])).tolist()] == [
        "0x873e6848283318eb",
        "0x4c20a5ae0aaa4ad6",
        "0x39db004a04f3dd",
    ]


def test_a_million_short_texts_have_a_million_hashes() -> None:
    texts = [chr(0x4E00 + a) + chr(0x4E00 + b) for a in range(1000) for b in range(1000)]
    assert len(np.unique(span_hashes(*encode_texts(texts)))) == len(texts)


def test_one_changed_character_changes_half_the_bits() -> None:
    texts = ["今天天气" + chr(0x4E00 + k) + "怎么样" for k in range(2000)]
    hashes = span_hashes(*encode_texts(texts))
    changed = np.bitwise_count(hashes[1:] ^ hashes[:-1])
    assert 31.5 < changed.mean() < 32.5
    each_bit = [np.mean((hashes >> np.uint64(bit)) & np.uint64(1)) for bit in range(64)]
    assert all(0.45 < share < 0.55 for share in each_bit)


def test_a_kernel_that_cannot_be_kept_is_compiled_all_the_same() -> None:
    # A function without a file has no folder to keep its machine code in, like a package nobody may write to.
    names: dict[str, object] = {}
    exec("def twice(number):\n    return 2 * number", names)
    assert compiled(names["twice"])(21) == 42  # type: ignore[arg-type]


def test_kept_machine_code_is_not_used_after_a_change_in_another_file(tmp_path: Path) -> None:
    # The search calls the counting; Numba itself looks at the file of the function it keeps and no other.
    package = tmp_path / "corpus_builder"
    shutil.copytree(
        Path(corpus_builder.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__")
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "kept")}
    code = (
        "from corpus_builder.kernels.pairs import jaccard_pairs; print(jaccard_pairs(['你好', '您好'], 0.2))"
    )

    def run() -> str:
        command = [sys.executable, "-c", code]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert run() == "[(0, 1, 0.3333333333333333)]\n"
    counting = package / "kernels" / "counting.py"
    source = counting.read_text(encoding="utf-8")
    counting.write_text(source.replace("    y = max(x + 1, begin)\n", "    y = end\n"), encoding="utf-8")
    assert run() == "[]\n"


def test_the_command_line_starts_without_numba() -> None:
    code = "import sys, corpus_builder.similarity, corpus_builder.cli; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
