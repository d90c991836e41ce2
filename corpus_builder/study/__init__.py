"""Which similarity and which threshold for which source: counted by the miner, judged by a teacher.

``plan``        what is studied: a typed TOML file
``candidates``  the pairs a source gives, and which of them each threshold keeps
``cells``       counts and samples by band of similarity, kept on disk
``teachers``    encoders that judge, their vectors on disk, their threshold from labelled pairs
``quality``     figures of each source, variant and threshold, and the suggested ones
``curves``      the plot
``study``       the whole run
"""
