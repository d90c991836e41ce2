"""How good are generated sentences: new ones, varied ones, ones that mean the same.

``references``  questions and statements with paraphrases that people wrote
``baselines``   copying and random edits of words, as systems; ``word_list`` the words they exchange
``variety``     new beyond punctuation, distinct-n
``bleu``        BLEU by sacreBLEU, self-BLEU, iBLEU
``kept``        numbers and negation
``bootstrap``   intervals
``measure``     all of it for several systems; ``metrics`` the names; ``report`` and ``plot`` show it
"""

from roformer_sim.evaluation.generation.baselines import (
    System,
    copying,
    random_deletion,
    random_swap,
    synonym_replacement,
)
from roformer_sim.evaluation.generation.measure import REFERENCES, SystemScores, evaluate_generation
from roformer_sim.evaluation.generation.references import Source, read_sources
from roformer_sim.evaluation.generation.report import GenerationReport
from roformer_sim.evaluation.generation.word_list import read_word_list

__all__ = [
    "REFERENCES",
    "GenerationReport",
    "Source",
    "System",
    "SystemScores",
    "copying",
    "evaluate_generation",
    "random_deletion",
    "random_swap",
    "read_sources",
    "read_word_list",
    "synonym_replacement",
]
