"""From Chinese text to token ids and back: vocabulary, WordPiece, jieba words, whole-word noise.

Importing this package loads neither TensorFlow nor Keras; jieba is loaded by the first call that needs words.
"""

from roformer_sim.text.build_vocab import build_vocabulary
from roformer_sim.text.encoding import Encoding
from roformer_sim.text.noise import whole_word_noise, whole_word_noise_batch
from roformer_sim.text.vocabulary import SPECIAL_TOKENS, Vocabulary, looks_like_word_vocabulary
from roformer_sim.text.wordpiece import Tokenizer

__all__ = [
    "SPECIAL_TOKENS",
    "Encoding",
    "Tokenizer",
    "Vocabulary",
    "build_vocabulary",
    "looks_like_word_vocabulary",
    "whole_word_noise",
    "whole_word_noise_batch",
]
