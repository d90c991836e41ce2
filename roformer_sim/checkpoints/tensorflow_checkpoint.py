"""TensorFlow only: reading bert4keras and Google BERT checkpoints (``bert_model.ckpt``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.bert_names import (
    POSITION_EMBEDDINGS,
    bert_shapes,
    from_bert,
    heads_among,
    unexpected,
)
from roformer_sim.checkpoints.preset import Preset, check_vocabulary
from roformer_sim.models import ModelConfig
from roformer_sim.text import Tokenizer

CONFIG, VOCABULARY = "bert_config.json", "vocab.txt"


def load_tensorflow_folder(
    folder: str | Path, *, model_type: Literal["roformer", "bert"] | None = None
) -> Preset:
    """Read a folder as published: ``bert_config.json``, ``vocab.txt``, ``bert_model.ckpt.*``.

    The checkpoint may have another name as long as it is the only one. Its variables must be those
    of the configuration, no more (but for :data:`.bert_names.SURPLUS`), no less and of its shapes. The pooler
    and the language-model head may be absent as a whole; without a pooler, sentence vectors are P1.

    Args:
        folder: Such as ``chinese_roformer-sim-char-ft_L-12_H-768_A-12``.
        model_type: ``None`` takes a checkpoint with position embeddings for BERT (SimBERT), one
            without for RoFormer.

    Raises:
        InputError: A file is missing, damaged or ambiguous; a variable is missing, unknown, of
            another shape or not finite; the vocabulary does not fit; TensorFlow is not installed.
    """
    folder = Path(folder)
    checkpoint = _Checkpoint(find_checkpoint(folder))
    if model_type is None:
        model_type = "bert" if POSITION_EMBEDDINGS in checkpoint.shapes else "roformer"
    heads: dict[str, Any] = heads_among(checkpoint.shapes)
    pooling = None if heads["has_pooler"] else "P1"
    config = ModelConfig.from_file(folder / CONFIG, model_type=model_type, pooling=pooling, **heads)
    tokenizer = Tokenizer.from_file(folder / VOCABULARY)
    checkpoint.check(config)
    check_vocabulary(tokenizer, config, folder)
    variables = {name: checkpoint.read(name) for name in bert_shapes(config)}
    source = {"format": "TensorFlow checkpoint", "name": f"{folder.name}/{checkpoint.prefix.name}"}
    return Preset(config, tokenizer, from_bert(variables, config), {"source": source})


def find_checkpoint(folder: Path) -> Path:
    """The prefix of the folder's only checkpoint, such as ``.../bert_model.ckpt``.

    The text file ``checkpoint`` is not asked: it holds the path on the machine that trained.

    Raises:
        InputError: There is none, or more than one.
    """
    prefixes = [path.with_suffix("") for path in sorted(folder.glob("*.ckpt*.index"))]
    if not prefixes:
        raise InputError(f"{folder}: no TensorFlow checkpoint (bert_model.ckpt.index and .data-*) in it")
    if len(prefixes) > 1:
        names = ", ".join(prefix.name for prefix in prefixes)
        raise InputError(f"{folder}: several checkpoints ({names}); leave one of them in the folder")
    return prefixes[0]


class _Checkpoint:
    """One checkpoint, its variables' shapes, and reading that names what is damaged."""

    def __init__(self, prefix: Path) -> None:
        self.prefix, self.index = prefix, Path(f"{prefix}.index")
        self._tensorflow = _import_tensorflow(prefix)
        # A damaged file shows as one or another of these, depending on where it is cut.
        self._damage = (self._tensorflow.errors.OpError, LookupError, ValueError, RuntimeError)
        try:
            self._reader = self._tensorflow.train.load_checkpoint(str(prefix))
            shapes = self._reader.get_variable_to_shape_map()
        except self._damage as error:
            raise InputError(f"{self.index}: damaged or truncated: {_one_line(error)}") from None
        self.shapes = {name: tuple(shape) for name, shape in shapes.items()}

    def check(self, config: ModelConfig) -> None:
        """Refuse a variable that is missing, of another shape or unknown; the first one is named."""
        for name, shape in bert_shapes(config).items():
            if name not in self.shapes:
                raise InputError(f"{self.index}: variable {name} {list(shape)} is missing")
            if self.shapes[name] != shape:
                raise InputError(
                    f"{self.index}: variable {name} has shape {list(self.shapes[name])}, "
                    f"{CONFIG} asks for {list(shape)}"
                )
        extra = unexpected(self.shapes, config)
        if extra:
            raise InputError(
                f"{self.index}: variable {extra[0]} {list(self.shapes[extra[0]])} has no place in a "
                f"{config.model_type} network ({len(extra)} unknown in all)"
            )

    def read(self, name: str) -> np.ndarray:
        """One variable."""
        try:
            values = np.asarray(self._reader.get_tensor(name))
        except self._damage as error:
            raise InputError(
                f"{self._data_file()}: missing, damaged or truncated at variable {name}: {_one_line(error)}"
            ) from None
        if not np.issubdtype(values.dtype, np.floating):
            raise InputError(f"{self.index}: variable {name} is {values.dtype}, not floating point")
        if not np.isfinite(values).all():
            raise InputError(f"{self._data_file()}: variable {name} holds NaN or infinite values")
        return values

    def _data_file(self) -> str:
        files = sorted(self.prefix.parent.glob(f"{self.prefix.name}.data-*"))
        return str(files[0]) if len(files) == 1 else f"{self.prefix}.data-*"


def _import_tensorflow(prefix: Path) -> Any:
    try:
        import tensorflow
    except ImportError:
        raise InputError(
            f"{prefix}: reading a TensorFlow checkpoint needs TensorFlow; pip install 'roformer-sim[cpu]', "
            "load the folder there once and save it with save_preset, which any backend reads"
        ) from None
    return tensorflow


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
