"""Linear probes: what can a linear classifier read off an encoder's frozen vectors?

``tables``      texts with a class, found and read
``classifier``  logistic regression in stratified folds, its strength chosen inside each
``measure``     encoders and baselines on the tables
``report``      as JSON, CSV, Markdown; ``plots`` and ``files`` draw and write

Importing this package loads neither Keras nor scikit-learn.
"""

from roformer_sim.evaluation.probes.classifier import FoldScores, probe_majority, probe_texts, probe_vectors
from roformer_sim.evaluation.probes.measure import CHARACTERS, MAJORITY, ProbeScores, measure_probes
from roformer_sim.evaluation.probes.report import ProbeReport
from roformer_sim.evaluation.probes.tables import ClassTable, find_class_files, read_class_table

__all__ = [
    "CHARACTERS",
    "MAJORITY",
    "ClassTable",
    "FoldScores",
    "ProbeReport",
    "ProbeScores",
    "find_class_files",
    "measure_probes",
    "probe_majority",
    "probe_texts",
    "probe_vectors",
    "read_class_table",
]
