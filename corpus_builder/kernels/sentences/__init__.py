"""Where sentences end, on code points: the compiled half of :mod:`corpus_builder.segmentation`.

``spans``       the pass over the characters
``characters``  classes of characters, function characters, abbreviations
``quotes``      quotes, brackets, titles
``marks``       marks that mean other things too: . ; ! ?
``chat``        ends without a mark: tildes, laughter, emoji, spaces
``decision``    whether an end is one, seen from what follows
``scanning``    what these share
"""

from __future__ import annotations

from corpus_builder.kernels.sentences.spans import Spans, sentence_spans

__all__ = ["Spans", "sentence_spans"]
