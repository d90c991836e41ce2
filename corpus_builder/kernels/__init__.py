"""Exact similarity kernels on flat arrays: no Python runs for a sentence.

Texts lie end to end as code points (``codes``, uint32); text k is ``codes[offsets[k] : offsets[k + 1]]``
(``offsets``, int64, one more than there are texts). Compiled with Numba; nothing here is imported before it
is used.

``normalise``  spans of a text to what they are compared by
``tokens``     the variants of Jaccard as plain sets of integers
``pairs``      all similar pairs of every group
``hashing``    64 bits that stand for a sentence
"""
