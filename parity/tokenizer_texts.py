"""Texts to compare tokenizers on: real ones from a data folder, and random Unicode.

python parity/tokenizer_texts.py DATA > texts.jsonl       # one JSON string a line
"""

from __future__ import annotations

import csv
import gzip
import json
import lzma
import random
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO

LONGEST = 20_000
SPACES = "\t\n\r\v\f \x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2003\u200b\u2028\u2029\u202f\u205f\u3000\ufeff"
ODD = "\x00\x01\x7f\u00ad\u200d\u200e\u2060\ufffd\uffff\ufffe\ufe0f\u034f\U000e0020\U000e0100\U0010ffff"
GREEK = "ΣσςΑΒΟΔΩΆ͟"
MARKS = "\u0300\u0301\u0303\u0308\u0327\u0345\u0488\u064b\u093c\u0e31\u302a\u302e\u302f\u3099\u309a\U0001d165"
CASED = "AbÉǅİıſßẞŉǰΐΰﬀﬃＡｚÅKΩѢԱաႠაᲐⴀꭰᏸ𐐀𞤀Ꞵ"
WIDE = "ａＺ０！～，。、；：？（）【】《》〈〉“”‘’…—·￥％＃＠＆＊＋－／＝｜［］｛｝｟｠￣￦￮"
EMOJI = "😀👍🏽👨‍👩‍👧‍👦🇨🇳☺️⚡❤️‍🔥🀄🈚㊙️Ⓜ️①⑩㈱㎏™©®§¶†‡•"
HAN = "中国广州深圳哪個好繁體字龍龜丂鿿㐀䶵𠀀𪛖𪜀𫜴𫝀𫠝𫠠𬺡豈鶴丽𪘀𬺰𮯠𰀀〇々〆ヶ"
OTHER = "あいうガギポｶﾞ한국어각힣각กำไทยनमस्तेাংلسَلامשָׁלוֹם𝒜𝔸Ⅷⅷ½²₂µΩ℃№ﷺ"


def read_texts(folder: Path, count: int, seed: int = 0) -> list[str]:
    """``count`` different texts, as many from each file below ``folder`` as the small files allow."""
    random_state = random.Random(seed)
    pools = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in (".xz", ".gz", ".jsonl", ".tsv") and "vocab" not in path.parts:
            pool = list(dict.fromkeys(islice(_strings(path), 20_000)))
            random_state.shuffle(pool)
            pools.append(pool)
    pools.sort(key=len)
    texts: dict[str, None] = {}
    for place, pool in enumerate(pools):
        share = -(-(count - len(texts)) // (len(pools) - place))
        texts.update(dict.fromkeys(pool[:share]))
    chosen = list(texts)
    random_state.shuffle(chosen)
    return chosen[:count]


def random_texts(count: int, seed: int = 0) -> list[str]:
    """Strings over all planes, surrogates left out: marks, controls, spaces, emoji, very long words."""
    state = random.Random(seed)
    alphabets = [SPACES, ODD, GREEK, MARKS, CASED, WIDE, EMOJI, HAN, OTHER]
    ascii_characters = "".join(map(chr, range(0x20, 0x7F)))
    makers = [
        lambda: _any(state, 0x10000),
        lambda: _any(state, 0x3134B),
        lambda: _any(state, 0x110000),
        lambda: state.choice(ascii_characters),
        lambda: state.choice(state.choice(alphabets)),
    ]
    texts = []
    for row in range(count):
        if row % 40 == 0:
            letter = state.choice(["a", "é", "가", "0", "A\u0301", "ß"])
            texts.append("前" + letter * state.choice([66, 99, 100, 101, 199, 200, 201, 400]) + " 后")
            continue
        few = state.sample(makers, state.randint(1, len(makers)))
        texts.append("".join(state.choice(few)() for _ in range(state.randint(0, 60))))
    return texts


def every_code_point() -> list[str]:
    """Each code point that may have a meaning: in a word, alone, between ideographs; 64 to a text.

    Left out are surrogates, the empty planes 4 to 13 and private use but for the edges of its planes.
    """
    edges = [
        plane + offset for plane in range(0x40000, 0x110000, 0x10000) for offset in (0, 1, 0xFFFE, 0xFFFF)
    ]
    codes = [*range(0xD800), *range(0xE000, 0x33480), *range(0xE0000, 0xE0200), *edges]
    return [
        "".join(f"a{chr(code)}b {chr(code)} 中{chr(code)}文 " for code in codes[start : start + 64])
        for start in range(0, len(codes), 64)
    ]


def _any(state: random.Random, limit: int) -> str:
    code = state.randrange(limit)
    return chr(code) if not 0xD800 <= code < 0xE000 else "\ufffd"


def _strings(path: Path) -> Iterator[str]:
    with _open(path) as lines:
        if ".tsv" in path.suffixes:
            for row in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
                yield from (field for field in row if field.strip())
            return
        for line in lines:
            try:
                yield from _leaves(json.loads(line))
            except json.JSONDecodeError:
                yield line.rstrip("\n")[:LONGEST]


def _leaves(value: object) -> Iterator[str]:
    """The texts in a JSON value; every seventh length whole, the others by paragraph."""
    if isinstance(value, str):
        value = value[:LONGEST]
        paragraphs = [paragraph for paragraph in value.split("\n") if paragraph.strip()]
        yield from [value] if len(value) % 7 == 0 else paragraphs[:8]
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in ("doc_id", "source", "id"):
                yield from _leaves(item)
    elif isinstance(value, list):
        for item in value[:8]:
            yield from _leaves(item)


def _open(path: Path) -> IO[str]:
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf-8")
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")


if __name__ == "__main__":
    for text in read_texts(Path(sys.argv[1]), 100_000):
        print(json.dumps(text))
