"""How good is a model: correlation with what people say of pairs, geometry of the vectors, variants.

Any function from sentences to vectors can be measured; importing this package loads no Keras. ``sts`` is the
benchmark of similarity, ``vectors`` the space that an encoder makes, ``probes`` what a linear classifier
reads off it, ``generation`` what variants are worth.
"""

from roformer_sim.evaluation.correlation import pearson, spearman
from roformer_sim.evaluation.sts import (
    StsReport,
    StsScores,
    StsTable,
    character_jaccard,
    evaluate_pairs,
    evaluate_sts,
    find_sts_files,
    load_encoder,
    read_sts_table,
)

__all__ = [
    "StsReport",
    "StsScores",
    "StsTable",
    "character_jaccard",
    "evaluate_pairs",
    "evaluate_sts",
    "find_sts_files",
    "load_encoder",
    "pearson",
    "read_sts_table",
    "spearman",
]
