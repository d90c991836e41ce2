"""OpenVINO: the parts of the ONNX folder as models of its own format, float32."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import Preset
from roformer_sim.checkpoints.checksums import write_checksums
from roformer_sim.conversion.exported import Part, part_outputs, read_settings, write_settings
from roformer_sim.conversion.onnx import write_graphs
from roformer_sim.conversion.outputs import Outputs, Samples

FORMAT = "roformer-sim-openvino-1"

EXACT = {"INFERENCE_PRECISION_HINT": "f32"}
"""Without it OpenVINO computes in bfloat16 where the processor can."""


def write(preset: Preset, folder: Path) -> None:
    """``encoder.xml`` and ``.bin``, and of a network with a language-model head ``source``, ``step`` and
    ``lm_head``; ``vocab.txt``, ``config.json``, ``checksums.json``.

    Each model has the weights it reads in a file of its own, as the format wants it.

    Raises:
        InputError: The packages openvino or onnx are missing, or the weights do not fit the configuration.
    """
    try:
        import openvino
    except ImportError as error:
        raise InputError(
            f"writing OpenVINO needs the package openvino ({error}): pip install openvino"
        ) from error
    with tempfile.TemporaryDirectory(dir=folder) as place:
        parts = write_graphs(preset, Path(place))
        for name in parts:
            # What convert_model gives, too; but that takes several times as long and changes some weights.
            model = openvino.Core().read_model(Path(place) / f"{name}.onnx")
            openvino.save_model(model, folder / f"{name}.xml", compress_to_fp16=False)
            del model  # it maps the weights' file
    write_settings(preset, folder, FORMAT, parts)
    write_checksums(folder)


def run(folder: Path, samples: Samples) -> Outputs:
    """What OpenVINO makes of the files.

    Raises:
        InputError: A file is missing, cut short or changed, or cannot be loaded.
        ImportError: OpenVINO is not installed.
    """
    config = read_settings(folder, FORMAT)
    return part_outputs(config, lambda name: open_part(folder, name), samples)


def open_part(folder: Path, name: str) -> Part:
    """Load a model for the processor.

    Raises:
        InputError: It cannot be loaded.
        ImportError: OpenVINO is not installed.
    """
    import openvino

    path = folder / f"{name}.xml"
    try:
        compiled = openvino.compile_model(path, "CPU", EXACT)
    except RuntimeError as error:
        raise InputError(f"{path}: OpenVINO cannot load it: {error}") from error

    def part(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        results = compiled(dict(inputs))
        # Copies: the arrays are the request's own memory, which the next call writes to.
        return {output.any_name: np.array(results[output]) for output in compiled.outputs}

    return part
