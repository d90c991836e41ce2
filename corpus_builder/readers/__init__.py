"""Streaming readers: typed rows from JSON lines, tables, plain text and Parquet, compressed or not.

Every complaint names the file and the line. A row that cannot be used raises :class:`RowError`; with
``on_reject`` it is handed to that function instead and reading goes on behind it (a damaged compressed stream
cannot go on: what was read before it is kept). Files of any size are read in bounded memory.
"""

from corpus_builder.readers.errors import OnReject, RowError
from corpus_builder.readers.files import COMPRESSED, Format, find_inputs, format_of, source_of
from corpus_builder.readers.json_lines import read_jsonl
from corpus_builder.readers.lines import MAX_LINE_BYTES, Encoding, read_lines
from corpus_builder.readers.shapes import (
    DOCUMENTS,
    GROUPS,
    NLI,
    PAIRS,
    QA,
    SHAPES,
    STS,
    TEXTS,
    TRIPLES,
    Shape,
    shape_called,
)
from corpus_builder.readers.typed import (
    read_documents,
    read_groups,
    read_nli,
    read_objects,
    read_pairs,
    read_questions,
    read_rows,
    read_sts,
    read_texts,
    read_triples,
)

__all__ = [
    "COMPRESSED",
    "DOCUMENTS",
    "GROUPS",
    "MAX_LINE_BYTES",
    "NLI",
    "PAIRS",
    "QA",
    "SHAPES",
    "STS",
    "TEXTS",
    "TRIPLES",
    "Encoding",
    "Format",
    "OnReject",
    "RowError",
    "Shape",
    "find_inputs",
    "format_of",
    "read_documents",
    "read_groups",
    "read_jsonl",
    "read_lines",
    "read_nli",
    "read_objects",
    "read_pairs",
    "read_questions",
    "read_rows",
    "read_sts",
    "read_texts",
    "read_triples",
    "shape_called",
    "source_of",
]
