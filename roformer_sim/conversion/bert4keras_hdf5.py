"""bert4keras's HDF5 weights, which are only read; bert4keras itself loads them into its model."""

from __future__ import annotations

import tempfile
from pathlib import Path

from roformer_sim.checkpoints.bert4keras_hdf5 import HDF5Variables, find_weights
from roformer_sim.checkpoints.bert_variables import read_config
from roformer_sim.conversion.bert4keras import run_jobs
from roformer_sim.conversion.outputs import Outputs, Samples


def run(folder: Path, samples: Samples) -> Outputs:
    """What bert4keras computes after ``load_weights``.

    Raises:
        InputError: It cannot read the folder.
        ImportError: It is not installed.
    """
    path = find_weights(folder)
    with HDF5Variables(path) as variables:
        config = read_config(folder, variables)
    with tempfile.TemporaryDirectory() as place:
        # Keras 2 takes a file for HDF5 by its ending.
        link = Path(place) / "weights.h5"
        link.symlink_to(path.resolve())
        return run_jobs([({"weights": str(link)}, folder, config, samples)])[0]
