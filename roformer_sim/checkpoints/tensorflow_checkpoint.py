"""Reading bert4keras and Google BERT checkpoints (``bert_model.ckpt``)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.bert_variables import BertVariables, ModelType, read_preset
from roformer_sim.checkpoints.preset import Preset
from roformer_sim.checkpoints.tensor_bundle import TensorBundle


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
            another shape or not finite; the vocabulary does not fit.
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
    """The variables of a checkpoint, each with its checksum compared."""

    def __init__(self, prefix: Path) -> None:
        self.prefix, self._bundle = prefix, TensorBundle(prefix)
        shapes = {name: entry.shape for name, entry in self._bundle.entries.items()}
        super().__init__(self._bundle.index, shapes)

    def read(self, name: str) -> np.ndarray:
        return self._bundle.read(name)

    def data_file(self, name: str) -> str:
        return str(self._bundle.data_file(name))
