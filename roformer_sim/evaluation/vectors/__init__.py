"""What space an encoder makes: alignment and uniformity, separation, anisotropy, a picture of groups.

``encoders``    a name to one vector a sentence
``pairs``       similar and dissimilar pairs of a file
``spectrum``    anisotropy, shares of variance, effective rank
``separation``  AUC
``groups``      groups of sentences laid out by t-SNE
``measure``     all figures of one encoder
``report``      as JSON, CSV, Markdown; ``plots`` and ``files`` draw and write

Importing this package loads neither Keras nor scikit-learn.
"""

from roformer_sim.evaluation.vectors.encoders import VectorEncoder, load_vector_encoder
from roformer_sim.evaluation.vectors.groups import GroupPicture, TextGroups, lay_out_groups, read_text_groups
from roformer_sim.evaluation.vectors.measure import VectorGeometry, measure_geometry
from roformer_sim.evaluation.vectors.pairs import LabelledPairs, read_labelled_pairs
from roformer_sim.evaluation.vectors.report import GeometryReport
from roformer_sim.evaluation.vectors.separation import auc
from roformer_sim.evaluation.vectors.spectrum import effective_rank, mean_cosine, variance_shares

__all__ = [
    "GeometryReport",
    "GroupPicture",
    "LabelledPairs",
    "TextGroups",
    "VectorEncoder",
    "VectorGeometry",
    "auc",
    "effective_rank",
    "lay_out_groups",
    "load_vector_encoder",
    "mean_cosine",
    "measure_geometry",
    "read_labelled_pairs",
    "read_text_groups",
    "variance_shares",
]
