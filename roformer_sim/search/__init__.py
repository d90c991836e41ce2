"""Index and search: sentences that are found by meaning.

``index``     the class: build, load, add, delete, search, save
``building``  from a stream of sentences to the files, resumable
``encoder``   what an index asks of an encoder, and what tells two apart
``kinds``     FAISS: flat, IVF, HNSW
``tuning``    how hard must be searched for the wanted recall
``opening``   the files of an index, checked
``exact``     exact neighbours, which an index is measured against
``store``     the folder, its versions and checksums
``strings``   columns of texts and ids
``inputs``    sentences with ids from files
"""

from roformer_sim.search.building import IndexRow
from roformer_sim.search.encoder import TextEncoder, preset_encoder
from roformer_sim.search.exact import exact_neighbours
from roformer_sim.search.index import Hit, SentenceIndex
from roformer_sim.search.kinds import Kind

__all__ = ["Hit", "IndexRow", "Kind", "SentenceIndex", "TextEncoder", "exact_neighbours", "preset_encoder"]
