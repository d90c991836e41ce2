"""The tokenizer of a Hugging Face folder: ``vocab.txt`` or ``tokenizer.json``, and its settings."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.preset import TOKENIZER, VOCABULARY, read_json
from roformer_sim.text import Tokenizer, Vocabulary

PIPELINE = "tokenizer.json"

_CHARACTER_CLASSES = ("BertTokenizer", "BertTokenizerFast")
_WORD_CLASSES = ("RoFormerTokenizer", "RoFormerTokenizerFast")
# Classes that say nothing but "as tokenizer.json has it".
_PIPELINE_CLASSES = ("PreTrainedTokenizerFast", "TokenizersBackend")
_SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}


def read_tokenizer(folder: Path, config: Mapping[str, Any], own: Mapping[str, Any]) -> Tokenizer:
    """Our tokenizer that cuts as the folder's does.

    ``RoFormerTokenizer`` cuts jieba's words where the vocabulary has words; ``BertTokenizer`` cuts characters
    always.

    Args:
        config: ``config.json``, whose ``tokenizer_class`` counts where ``tokenizer_config.json`` has none.
        own: ``do_lower_case`` and ``words`` as we noted them in a folder we wrote, which win.

    Raises:
        InputError: No vocabulary, or a tokenizer of another kind.
    """
    place = folder / TOKENIZER
    settings = read_json(place) if place.is_file() else {}
    pipeline = read_json(folder / PIPELINE) if (folder / PIPELINE).is_file() else {}
    _check_special(settings, place)
    vocabulary = _vocabulary(folder, pipeline)
    lower = _lower_case(settings, pipeline, place)
    if own:
        return Tokenizer(vocabulary, do_lower_case=bool(own["do_lower_case"]), words=bool(own["words"]))
    name = settings.get("tokenizer_class") or config.get("tokenizer_class")
    words = _words(name, vocabulary, pipeline, place)
    return Tokenizer(vocabulary, do_lower_case=lower, words=words)


def _words(name: Any, vocabulary: Vocabulary, pipeline: Mapping[str, Any], where: Path) -> bool:
    if name in (None, *_WORD_CLASSES):
        return vocabulary.has_words
    if name in _PIPELINE_CLASSES:
        if (pipeline.get("normalizer") or {}).get("type") == "BertNormalizer":
            return False
        raise InputError(f"{where}: tokenizer_class is {name}, and {PIPELINE} is not BERT's pipeline")
    if name not in _CHARACTER_CLASSES:
        known = ", ".join((*_CHARACTER_CLASSES, *_WORD_CLASSES))
        raise InputError(f"{where}: tokenizer_class is {name!r}; only {known} are read")
    if vocabulary.has_words:
        warnings.warn(
            f"{where}: {name} cuts single characters, but the vocabulary has words; if the model was trained "
            "on words, set tokenizer_class to RoFormerTokenizer",
            stacklevel=2,
        )
    return False


def _vocabulary(folder: Path, pipeline: Mapping[str, Any]) -> Vocabulary:
    if (folder / VOCABULARY).is_file():
        return Vocabulary.from_file(folder / VOCABULARY)
    if not pipeline:
        raise InputError(f"{folder}: no vocabulary: neither {VOCABULARY} nor {PIPELINE}")
    model = pipeline.get("model") or {}
    ids = model.get("vocab")
    if model.get("type", "WordPiece") != "WordPiece" or not isinstance(ids, dict):
        raise InputError(f"{folder / PIPELINE}: model: expected WordPiece with its vocabulary")
    added = {entry["content"]: entry["id"] for entry in pipeline.get("added_tokens") or ()}
    ordered = sorted({**ids, **added}.items(), key=lambda item: item[1])
    if [row for _, row in ordered] != list(range(len(ordered))):
        raise InputError(f"{folder / PIPELINE}: the ids of the tokens are not 0, 1, 2, ...")
    return Vocabulary([token.strip() for token, _ in ordered], source=folder / PIPELINE)


def _lower_case(settings: Mapping[str, Any], pipeline: Mapping[str, Any], where: Path) -> bool:
    normalizer = pipeline.get("normalizer") or {}
    lower = settings.get("do_lower_case", normalizer.get("lowercase", True))
    if not isinstance(lower, bool):
        raise InputError(f"{where}: do_lower_case: {lower!r}; expected true or false")
    strip = settings.get("strip_accents")
    if strip not in (None, lower):
        warn_of_accents(where, bool(strip), lower)
    if settings.get("tokenize_chinese_chars", True) is False:
        raise InputError(f"{where}: tokenize_chinese_chars is false, which our tokenizer cannot do")
    return lower


def warn_of_accents(where: Path, strip_accents: bool, lower: bool) -> None:
    """Letters with accents will have other ids; Chinese texts hold hardly any."""
    warnings.warn(
        f"{where}: strip_accents is {strip_accents} and lower-casing {lower}: our tokenizer takes accents "
        "off where it lower-cases, and only there, so that words with accents get other ids",
        stacklevel=2,
    )


def _check_special(settings: Mapping[str, Any], where: Path) -> None:
    for key, expected in _SPECIAL.items():
        given = settings.get(key) or expected
        content = given.get("content") if isinstance(given, dict) else given
        if content != expected:
            raise InputError(f"{where}: {key} is {content!r}; our tokenizer has {expected}")
