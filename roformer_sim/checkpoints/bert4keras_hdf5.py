"""Reading what Keras 2's ``save_weights`` wrote of a bert4keras model: HDF5, a group for each layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.bert_names import POSITION_EMBEDDINGS, WORD_EMBEDDINGS
from roformer_sim.checkpoints.bert_variables import (
    CONFIG,
    BertVariables,
    ModelType,
    check_family,
    read_preset,
)
from roformer_sim.checkpoints.preset import Preset

ENDINGS = (".h5", ".hdf5", ".weights")

_DAMAGE = (OSError, LookupError, ValueError, RuntimeError, TypeError, AttributeError)


def load_hdf5_folder(folder: str | Path, *, model_type: ModelType = None) -> Preset:
    """Read a folder of ``bert_config.json``, ``vocab.txt`` and one file of weights.

    Of the file, layers count by bert4keras's names (``Transformer-0-MultiHeadSelfAttention``) and a layer's
    weights by their order, because Keras numbers what is inside (``dense_12``) through a whole session. HDF5
    keeps no checksums: damage to its structure, a cut and NaN are found, a changed digit is not.

    Args:
        folder: The weights' file ends in .h5, .hdf5 or .weights.
        model_type: ``None`` takes weights with position embeddings for BERT, those without for RoFormer.

    Raises:
        InputError: A file is missing, damaged or ambiguous; a layer is missing, unknown, of another shape or
            not finite; something of the file lies in another file; the vocabulary does not fit.
    """
    folder = Path(folder)
    path = find_weights(folder)
    check_family(folder)
    with HDF5Variables(path) as variables:
        source = {"format": "bert4keras HDF5 weights", "name": f"{folder.name}/{path.name}"}
        return read_preset(folder, variables, model_type, source)


def weight_files(folder: Path) -> list[Path]:
    """Files of the folder that may be such weights, by their names."""
    return sorted(path for path in folder.iterdir() if path.suffix in ENDINGS and path.is_file())


def is_hdf5_folder(folder: Path) -> bool:
    """Whether there is such a file beside ``bert_config.json`` and no TensorFlow checkpoint."""
    if not (folder / CONFIG).is_file() or any(folder.glob("*.ckpt*.index")):
        return False
    return bool(weight_files(folder))


def find_weights(folder: Path) -> Path:
    """The only file of weights.

    Raises:
        InputError: There is none, or more than one.
    """
    found = weight_files(folder)
    if not found:
        raise InputError(f"{folder}: no HDF5 weights (a file that ends in {', '.join(ENDINGS)}) in it")
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise InputError(f"{folder}: several files of weights ({names}); leave one of them in the folder")
    return found[0]


def layer_variables(layer: str) -> tuple[str, ...] | None:
    """BERT's names of the weights of a bert4keras layer, in Keras's order; ``None`` if it is unknown."""
    if layer in _LAYERS:
        return _LAYERS[layer]
    number, _, part = layer.removeprefix("Transformer-").partition("-")
    if not layer.startswith("Transformer-") or not number.isdecimal() or part not in _BLOCK:
        return None
    return tuple(f"bert/encoder/layer_{int(number)}/{name}" for name in _BLOCK[part])


def _dense(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}/{kind}" for name in names for kind in ("kernel", "bias"))


def _norm(name: str) -> tuple[str, ...]:
    return f"{name}/beta", f"{name}/gamma"


_LAYERS: dict[str, tuple[str, ...]] = {
    "Embedding-Token": (WORD_EMBEDDINGS,),
    "Embedding-Segment": ("bert/embeddings/token_type_embeddings",),
    "Embedding-Position": (POSITION_EMBEDDINGS,),
    "Embedding-Norm": _norm("bert/embeddings/LayerNorm"),
    "Embedding-Mapping": _dense("bert/encoder/embedding_hidden_mapping_in"),
    "Pooler-Dense": _dense("bert/pooler/dense"),
    "NSP-Proba": ("cls/seq_relationship/output_weights", "cls/seq_relationship/output_bias"),
    "MLM-Dense": _dense("cls/predictions/transform/dense"),
    "MLM-Norm": _norm("cls/predictions/transform/LayerNorm"),
    "MLM-Bias": ("cls/predictions/output_bias",),
}
_BLOCK: dict[str, tuple[str, ...]] = {
    "MultiHeadSelfAttention": _dense(
        "attention/self/query", "attention/self/key", "attention/self/value", "attention/output/dense"
    ),
    "MultiHeadSelfAttention-Norm": _norm("attention/output/LayerNorm"),
    "FeedForward": _dense("intermediate/dense", "output/dense"),
    "FeedForward-Norm": _norm("output/LayerNorm"),
}
# The end of a weight's name in the file, where it is that of the BERT variable.
_KINDS = ("kernel", "bias", "beta", "gamma")


class HDF5Variables(BertVariables):
    """An open file; a context manager."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = h5py.File(path, "r", locking=False)
        except _DAMAGE as error:
            raise InputError(f"{path}: not a complete HDF5 file: {_one_line(error)}") from None
        try:
            self._datasets = self._find(path)
            shapes = {name: tuple(map(int, data.shape)) for name, data in self._datasets.items()}
        except InputError:
            self._file.close()
            raise
        except _DAMAGE as error:
            self._file.close()
            raise InputError(f"{path}: damaged: {_one_line(error)}") from None
        super().__init__(path, shapes)

    def __enter__(self) -> HDF5Variables:
        return self

    def __exit__(self, *exception: object) -> None:
        self._datasets.clear()
        self._file.close()

    def read(self, name: str) -> np.ndarray:
        try:
            return np.asarray(self._datasets[name][()])
        except _DAMAGE as error:
            raise InputError(f"{self.where}: damaged at {name}: {_one_line(error)}") from None

    def _find(self, path: Path) -> dict[str, h5py.Dataset]:
        root = self._file
        if "model_weights" in root:  # of model.save instead of save_weights
            root = _inside(root, "model_weights", path)
        layers = _names(root, "layer_names")
        if not layers:
            raise InputError(
                f"{path}: no list of layers (layer_names) in it; expected weights as Keras 2's save_weights "
                "writes them"
            )
        found: dict[str, h5py.Dataset] = {}
        for layer in layers:
            group = _inside(root, layer, path)
            weights = _names(group, "weight_names")
            if not weights:
                continue
            variables = layer_variables(layer)
            if variables is None:
                raise InputError(f"{path}: layer {layer} has no place in a BERT or RoFormer network")
            _check_order(path, layer, weights, variables)
            for variable, weight in zip(variables, weights, strict=True):
                found[variable] = _dataset(group, weight, path)
        return found


def _check_order(path: Path, layer: str, weights: list[str], variables: tuple[str, ...]) -> None:
    kinds = [weight.rpartition("/")[2].partition(":")[0] for weight in weights]
    expected = [variable.rpartition("/")[2] for variable in variables]
    fits = len(kinds) == len(expected) and all(
        wanted not in _KINDS or wanted == kind for wanted, kind in zip(expected, kinds, strict=True)
    )
    if not fits:
        raise InputError(
            f"{path}: layer {layer} holds {', '.join(weights)}; {len(expected)} weights expected"
        )


def _names(group: Any, attribute: str) -> list[str]:
    """A list of names that Keras has put into an attribute, or into numbered ones where it is long."""
    if attribute in group.attrs:
        entries = list(group.attrs[attribute])
    else:
        entries, part = [], 0
        while f"{attribute}{part}" in group.attrs:
            entries += list(group.attrs[f"{attribute}{part}"])
            part += 1
    return [name.decode("utf-8") if isinstance(name, bytes) else str(name) for name in entries]


def _inside(group: Any, name: str, path: Path) -> Any:
    """What lies under ``name``, whose parts must all be in this file.

    Raises:
        InputError: A part is missing, or a link to another place, which Keras never writes.
    """
    for part in name.split("/"):
        link = group.get(part, getlink=True) if part else None
        if link is None:
            raise InputError(f"{path}: {name} is missing")
        if not isinstance(link, h5py.HardLink):
            raise InputError(
                f"{path}: {name} is a link to another place; weights must lie in the file itself"
            )
        group = group[part]
    return group


def _dataset(group: Any, name: str, path: Path) -> h5py.Dataset:
    found = _inside(group, name, path)
    if not isinstance(found, h5py.Dataset):
        raise InputError(f"{path}: {name} is not an array")
    if found.external or found.is_virtual:
        raise InputError(f"{path}: {name} lies in another file; weights must lie in the file itself")
    return found


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
