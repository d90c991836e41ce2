"""Where Chinese sentences end, and how long texts are cut to training length."""

from __future__ import annotations

import re

_SPACE = re.compile(r"[\s\u0000-\u001f\u007f-\u009f\u200b\u2060\ufeff]+")
_CUT_MARKS = "\n。！？!?；;，, "
_CUT_STRIP = "；;，, "


def clean_text(text: str) -> str:
    """Runs of white space and control characters (NUL too) become one space, none at the ends."""
    return _SPACE.sub(" ", text).strip()


def split_sentences(text: str) -> list[str]:
    """Cut a text into sentences, end marks and closing quotes or brackets kept with the sentence.

    What ends a sentence is told in ``docs/corpus.md``, "Sentences". White space and control characters are
    cleaned as by :func:`clean_text`. For many texts, :func:`corpus_builder.kernels.sentences.sentence_spans`
    does the same on code points.

    Example:
        >>> split_sentences("他说：“走吧！”我们就走了。价格是3.5元；不贵。")
        ['他说：“走吧！”', '我们就走了。', '价格是3.5元；', '不贵。']
    """
    from corpus_builder.kernels.sentences import sentence_spans
    from corpus_builder.kernels.texts import encode_texts

    starts, ends, _ = sentence_spans(*encode_texts([text]))
    return [clean_text(text[start:end]) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]


def cut_to_length(text: str, maxlen: int) -> list[str]:
    """Pack a long text into pieces of about ``1.2 * maxlen`` characters, as SimBERT's training does.

    Equal to bert4keras's ``text_segmentate(text, maxlen * 1.2, "\\n。！？!?；;，, ", "；;，, ")``, whose
    first piece RoFormer-Sim's training takes. The text is cut at the coarsest of those marks that is needed
    (line ends first, spaces last); neighbouring pieces are put together again while they fit. A stretch
    without any mark stays longer: the tokenizer truncates it.

    Example:
        >>> cut_to_length("今天下雨，我们不出门。明天再去公园。", 8)
        ['今天下雨', '我们不出门。', '明天再去公园。']

    Returns:
        The pieces in order, white space and ``；;，,`` taken off their ends; ``[""]`` for an empty text.
    """
    return _pack(text, maxlen * 1.2, _CUT_MARKS)


def _pack(text: str, limit: float, marks: str) -> list[str]:
    text = text.strip().strip(_CUT_STRIP)
    if len(text) <= limit or not marks:
        return [text]
    mark, finer = marks[0], marks[1:]
    parts = text.split(mark)
    # Every part but the last gets its mark back.
    parts = [part + mark for part in parts[:-1]] + parts[-1:]
    pieces: list[str] = []
    packed = ""
    for index, part in enumerate(parts):
        bare = len(part) - (index + 1 < len(parts))
        if packed and bare and len(packed) + bare > limit - 1:
            pieces += _pack(packed, limit, finer)
            packed = ""
        packed += part
    if packed:
        pieces += _pack(packed, limit, finer)
    return pieces
