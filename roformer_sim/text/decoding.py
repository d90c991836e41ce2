"""Tokens back to readable text, spaced as bert4keras spaces mixed Chinese and Latin text."""

from __future__ import annotations

import re
from collections.abc import Iterable

from roformer_sim.text.characters import is_cjk, is_punctuation
from roformer_sim.text.vocabulary import is_special

# Punctuation of Chinese print, after which no space stands, and the ASCII signs treated alike.
_CLOSE_FOLLOWED = (
    "＂＃＄％＆＇（）＊＋，－／：；＜＝＞＠［＼］＾＿｀｛｜｝～｟｠｢｣､\u3000、〃〈〉《》「」『』【】〔〕〖〗〘〙〚〛〜〝〞〟〰〾〿"
    "–—‘’‛“”„‟…‧﹏﹑﹔·！？｡。"
    "+-/={(<["
)
_SPACES = re.compile(" +")
_CONTRACTION = re.compile("' (re|m|s|t|ve|d|ll) ")
_CLOSE = re.compile(f"([{re.escape(_CLOSE_FOLLOWED)}]) ")
_DECIMAL_POINT = re.compile(r"(\d\.) (\d)")


def decode_tokens(tokens: Iterable[str]) -> str:
    """Join tokens: ideographs close up, words are parted by a space, ``##`` continues a word.

    A space follows punctuation unless it is Chinese print's own or an opening or joining ASCII sign
    (``+ - / = { ( < [``); ``don' t`` becomes ``don't`` where a word follows, ``3. 14`` becomes ``3.14``.
    Tokens in brackets such as ``[CLS]`` are left out.
    """
    text = ""
    for token in tokens:
        if is_special(token):
            continue
        if token.startswith("##"):
            text += token[2:]
        elif len(token) == 1 and is_cjk(token):
            text += token
        elif len(token) == 1 and is_punctuation(token):
            text += token + " "
        elif text and is_cjk(text[-1]):
            text += token
        else:
            text += " " + token
    text = _SPACES.sub(" ", text)
    text = _CONTRACTION.sub(r"'\1 ", text)
    text = _CLOSE.sub(r"\1", text)
    return _DECIMAL_POINT.sub(r"\1\2", text).strip()
