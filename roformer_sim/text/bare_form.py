"""What is left of a sentence without what users do not count as a variant: marks, case, width, particles."""

from __future__ import annotations

import re
import unicodedata

PARTICLES = "吗嘛么呢吧啊呀哇呐哦噢喔呗啦喽咯哈了的"
"""Particles that may end a clause and leave its meaning as it was."""
NO_PARTICLES = (
    *("什么", "怎么", "这么", "那么", "多么", "要么"),
    *("酒吧", "网吧", "贴吧", "为了", "除了", "目的"),
)
"""Words whose last character is a particle by its looks alone."""

# A point between two digits belongs to the number: 3.5 is not 35.
_MARKS = re.compile(r"(?:[^\w.]|_|(?<!\d)\.|\.(?!\d))+")
_ENDING = re.compile(f"{''.join(f'(?<!{word[0]}(?={word[1]}))' for word in NO_PARTICLES)}[{PARTICLES}]$")


def bare_form(text: str) -> str:
    """The form in which two sentences are one variant: ``怎么开通花呗呢？`` and ``怎么 开通花呗``.

    NFKC (full to half width), lower case, no marks, symbols or white space, and no particles
    (:data:`PARTICLES`) at the end of a clause; a clause ends with a mark or with the text. The words of
    :data:`NO_PARTICLES` keep their end, a point between two digits stays, and a text of particles alone
    keeps them. Applied to its own result it changes nothing.

    Args:
        text: Any text.

    Returns:
        Empty for a text of marks alone.

    Example:
        >>> bare_form("ＡＰＰ 打不开了，怎么办呢？")
        'app打不开怎么办'
        >>> bare_form("这是什么？"), bare_form("是的吧！"), bare_form("3.5 元")
        ('这是什么', '是', '3.5元')
    """
    plain = unicodedata.normalize("NFKC", "".join(unicodedata.normalize("NFKC", text).lower().split()))
    clauses = _MARKS.split(plain)
    return "".join(map(_without_particles, clauses)) or "".join(clauses)


def _without_particles(clause: str) -> str:
    while _ENDING.search(clause):
        clause = clause[:-1]
    return clause
