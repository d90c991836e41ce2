"""How good is a model: Spearman of cosine on STS tables, beside what counting shared characters reaches.

Any function from sentences to vectors can be measured; importing this package loads no Keras.
"""

from roformer_sim.evaluation.report import StsReport
from roformer_sim.evaluation.spearman import spearman
from roformer_sim.evaluation.sts import (
    StsScores,
    StsTable,
    evaluate_sts,
    find_sts_files,
    jaccard_baseline,
    read_sts_table,
)

__all__ = [
    "StsReport",
    "StsScores",
    "StsTable",
    "evaluate_sts",
    "find_sts_files",
    "jaccard_baseline",
    "read_sts_table",
    "spearman",
]
