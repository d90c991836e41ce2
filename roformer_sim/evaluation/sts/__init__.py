"""The Chinese benchmark of semantic textual similarity: does a score rank pairs of sentences as people do?

``tables``      pairs with labels: found, named, read
``encoders``    a name to what is measured: presets, teachers, other libraries, functions, character Jaccard
``measure``     encode once, score in every variant (pooling x whitening), correlate
``bootstrap``   intervals
``report``      all figures as JSON, CSV, Markdown; ``terminal``, ``plots``, ``page`` show them
``published``   figures of others

Importing this package loads no Keras.
"""

from roformer_sim.evaluation.sts.encoders import StsEncoder, load_encoder
from roformer_sim.evaluation.sts.figures import Estimate, StsFigure, StsScores, Variant
from roformer_sim.evaluation.sts.measure import Bootstrap, character_jaccard, evaluate_pairs, evaluate_sts
from roformer_sim.evaluation.sts.published import PublishedRow, published_rows
from roformer_sim.evaluation.sts.report import StsReport
from roformer_sim.evaluation.sts.tables import FIVE, StsTable, find_sts_files, read_sts_table

__all__ = [
    "FIVE",
    "Bootstrap",
    "Estimate",
    "PublishedRow",
    "StsEncoder",
    "StsFigure",
    "StsReport",
    "StsScores",
    "StsTable",
    "Variant",
    "character_jaccard",
    "evaluate_pairs",
    "evaluate_sts",
    "find_sts_files",
    "load_encoder",
    "published_rows",
    "read_sts_table",
]
