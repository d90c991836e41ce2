"""TensorFlow only: reading bert4keras and Google BERT checkpoints (``bert_model.ckpt``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.bert_variables import BertVariables, ModelType, read_preset
from roformer_sim.checkpoints.preset import Preset


def load_tensorflow_folder(folder: str | Path, *, model_type: ModelType = None) -> Preset:
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
    checkpoint = TensorFlowVariables(find_checkpoint(folder))
    source = {"format": "TensorFlow checkpoint", "name": f"{folder.name}/{checkpoint.prefix.name}"}
    return read_preset(folder, checkpoint, model_type, source)


def find_checkpoint(folder: Path) -> Path:
    """The prefix of the folder's only checkpoint, such as ``.../bert_model.ckpt``.

    The text file ``checkpoint`` is not asked: it holds the path on the machine that trained. An index names
    no files either: its data lies beside it under the same prefix.

    Raises:
        InputError: There is none, or more than one.
    """
    prefixes = [path.with_suffix("") for path in sorted(folder.glob("*.ckpt*.index"))]
    if not prefixes:
        others = sorted(path.name for path in folder.glob("*.index"))
        hint = (
            f"; {others[0]} is Keras's own format: load it into the model and write it again with "
            "save_weights_as_checkpoint, or with save_weights to a name that ends in .h5"
            if others
            else ""
        )
        raise InputError(
            f"{folder}: no TensorFlow checkpoint (bert_model.ckpt.index and .data-*) in it{hint}"
        )
    if len(prefixes) > 1:
        names = ", ".join(prefix.name for prefix in prefixes)
        raise InputError(f"{folder}: several checkpoints ({names}); leave one of them in the folder")
    return prefixes[0]


class TensorFlowVariables(BertVariables):
    """A checkpoint, and reading that names what is damaged: TensorFlow compares each variable's checksum."""

    def __init__(self, prefix: Path) -> None:
        self.prefix, index = prefix, Path(f"{prefix}.index")
        self._tensorflow = import_tensorflow(prefix)
        # A damaged file shows as one or another of these, depending on where it is cut.
        self._damage = (self._tensorflow.errors.OpError, LookupError, ValueError, RuntimeError)
        try:
            self._reader = self._tensorflow.train.load_checkpoint(str(prefix))
            shapes = self._reader.get_variable_to_shape_map()
        except self._damage as error:
            raise InputError(f"{index}: damaged or truncated: {_one_line(error)}") from None
        super().__init__(index, {name: tuple(shape) for name, shape in shapes.items()})

    def read(self, name: str) -> np.ndarray:
        try:
            return np.asarray(self._reader.get_tensor(name))
        except self._damage as error:
            raise InputError(
                f"{self.data_file()}: missing, damaged or truncated at variable {name}: {_one_line(error)}"
            ) from None

    def data_file(self) -> str:
        files = sorted(self.prefix.parent.glob(f"{self.prefix.name}.data-*"))
        return str(files[0]) if len(files) == 1 else f"{self.prefix}.data-*"


def import_tensorflow(prefix: Path) -> Any:
    """TensorFlow.

    Raises:
        InputError: It is not installed.
    """
    try:
        import tensorflow
    except ImportError:
        raise InputError(
            f"{prefix}: reading or writing a TensorFlow checkpoint needs TensorFlow; pip install "
            "'roformer-sim[cpu]', load the folder there once and save it with save_preset, which any backend "
            "reads"
        ) from None
    return tensorflow


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
