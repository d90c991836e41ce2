"""Chinese words by jieba, its HMM for unknown words off."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jieba


def cut_words(text: str) -> list[str]:
    """Cut ``text`` into words that make it up again: ``广州和深圳`` -> ``['广州', '和', '深圳']``.

    jieba's own dictionary is used, untouched by ``jieba.add_word``, so that the words, and with them the ids
    of a word vocabulary, are the same in every program.
    """
    return list(_segmenter().lcut(text, HMM=False))


@lru_cache(maxsize=1)
def _segmenter() -> jieba.Tokenizer:
    import logging
    import warnings

    with warnings.catch_warnings():
        # jieba's own source makes newer Pythons warn about its regular expressions and pkg_resources.
        warnings.simplefilter("ignore")
        import jieba  # reads a dictionary of 350,000 words: only where words are asked for

    jieba.setLogLevel(logging.WARNING)
    segmenter = jieba.Tokenizer()
    segmenter.initialize()
    return segmenter
