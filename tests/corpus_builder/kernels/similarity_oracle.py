"""Similar pairs by nothing but Python sets, and random texts to compare on."""

from __future__ import annotations

import random
import re
import unicodedata
from itertools import pairwise

Pair = tuple[int, int, float]

THRESHOLDS = (0.05, 0.1, 0.25, 0.3, 1 / 3, 0.4, 0.5, 0.55, 0.6, 2 / 3, 0.75, 0.8, 0.9, 1.0)
# Few letters, so that texts are similar often; many, so that sets are large; beyond 16 bits; words.
ALPHABETS = (
    "天气好不冷热吗明今",
    "的一是了我不人在他有这个上们来到时大地为子中你说生国年着就那和要她出也得里后自以会abc123",
    "𠮷𠀋𪚥好b",
    "ab",
)


def token_set(text: str, variant: str) -> frozenset[object]:
    """The tokens of a normalised text, from the formulas of the three variants."""
    if variant == "set":
        return frozenset(text)
    if variant == "bigram":
        return frozenset(text) | frozenset(text[k : k + 2] for k in range(len(text) - 1))
    return frozenset((c, k) for c in set(text) for k in range(text.count(c)))


def all_pairs(texts: list[str], bounds: list[int], threshold: float, variant: str) -> list[Pair]:
    """Every pair inside a group, compared with two loops."""
    sets = [token_set(text, variant) for text in texts]
    return [
        (i, j, score)
        for begin, end in pairwise(bounds)
        for i in range(begin, end)
        for j in range(i + 1, end)
        if sets[i] | sets[j] and (score := len(sets[i] & sets[j]) / len(sets[i] | sets[j])) >= threshold
    ]


def random_groups(rng: random.Random) -> tuple[list[str], list[int]]:
    """A few groups of 0 to 40 texts of 0 to 90 letters, some empty, some twice."""
    texts: list[str] = []
    bounds = [0]
    for _ in range(rng.randrange(1, 5)):
        alphabet, longest = rng.choice(ALPHABETS), rng.choice((4, 9, 20, 90))
        for _ in range(rng.choice((0, 1, 2, 8, 20, 40))):
            if len(texts) > bounds[-1] and rng.random() < 0.2:
                texts.append(rng.choice(texts[bounds[-1] :]))
            else:
                texts.append("".join(rng.choices(alphabet, k=rng.randrange(longest + 1))))
        bounds.append(len(texts))
    return texts, bounds


def normal_form(text: str) -> str:
    """NFKC, lower case, letters and digits only, written out character by character."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return "".join(character for character in folded if re.fullmatch(r"[^\W_]", character))
