"""The formats there are: one line each, its code loaded when it is used."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from corpus_builder.errors import InputError

if TYPE_CHECKING:
    from roformer_sim.checkpoints import Preset
    from roformer_sim.conversion.outputs import Outputs, Samples


@dataclass(frozen=True)
class Format:
    """A kind of folder.

    Attributes:
        name: After ``--to``, and what :func:`roformer_sim.checkpoints.folders.kind_of` calls it.
        title: What it is, for users.
        writes: Whether presets can be converted to it.
        needs: The libraries that its check runs, for messages.
        tolerance: Largest difference of any number that still counts as equal.

    Its module, ``roformer_sim.conversion.<name>`` with _ for -, has ``write(preset, folder)`` where
    ``writes``, which puts the files into an existing empty folder, and ``run(folder, samples)``, which gives
    what the other tool makes of them.
    """

    name: str
    title: str
    writes: bool
    needs: str
    tolerance: float = 1e-4

    def write(self, preset: Preset, folder: Path) -> None:
        """Write the preset's files."""
        self._module().write(preset, folder)

    def run(self, folder: Path, samples: Samples) -> Outputs:
        """What the other tool gives for the samples.

        Raises:
            InputError: It is not installed, or cannot read the folder.
        """
        try:
            return cast("Outputs", self._module().run(folder, samples))
        except ImportError as error:
            raise InputError(
                f"checking a {self.name} folder needs {self.needs} ({error}): pip install "
                "'roformer-sim[interop]', or give --no-check to go without"
            ) from error

    def _module(self) -> Any:
        return importlib.import_module(f"roformer_sim.conversion.{self.name.replace('-', '_')}")


FORMATS: dict[str, Format] = {
    format_.name: format_
    for format_ in (
        Format("preset", "our own preset folder", True, "nothing"),
        Format("huggingface", "Hugging Face folder, for transformers", True, "torch and transformers"),
        Format("sentence-transformers", "sentence-transformers folder", True, "sentence-transformers", 1e-5),
        Format("keras-hub", "Keras Hub BERT preset", False, "keras-hub"),
        Format("bert4keras", "bert4keras folder (TensorFlow checkpoint)", True, "bert4keras"),
        Format("bert4keras-hdf5", "bert4keras weights in HDF5", False, "bert4keras"),
        Format("saved-model", "TensorFlow SavedModel", True, "TensorFlow"),
        Format("onnx", "ONNX graphs: encoder, generation with its cache", True, "onnxruntime"),
        Format("openvino", "OpenVINO models of the same parts", True, "openvino"),
    )
}
"""By name."""
