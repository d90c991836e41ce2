"""Training on several devices: the same batch, losses and weights as on one, computed by several."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import keras

from corpus_builder.errors import InputError
from roformer_sim.models import Backbone
from roformer_sim.training.feeding import BatchSource, Feeder
from roformer_sim.training.model import MultiTaskModel
from roformer_sim.training.recipe import Recipe

HOSTS = "KERAS_DISTRIBUTION_JOB_ADDRESSES"
"""Set where several processes train together; read by ``keras.distribution.initialize``."""


class Devices:
    """One device, and what others do in another way.

    Attributes:
        count: Devices of all processes together.
        processes: Their number.
        model: The class of the model that is trained.
        writes: Whether this process writes checkpoints and logs, measures and shows; one of all does.
    """

    count = 1
    processes = 1
    model: type[MultiTaskModel] = MultiTaskModel
    writes = True

    def scope(self) -> AbstractContextManager[Any]:
        """In which network, optimiser and model are made and trained."""
        return nullcontext()

    def make_model(self, *arguments: Any, **settings: Any) -> MultiTaskModel:
        """A :class:`MultiTaskModel`, made with its arguments."""
        return self.model(*arguments, **settings)

    @property
    def optimizer(self) -> Any:
        """AdamW, on TensorFlow with its gradients summed first, see :class:`SummedAdamW` there."""
        if keras.backend.backend() != "tensorflow":
            return keras.optimizers.AdamW
        from roformer_sim.training.devices_tensorflow import SummedAdamW

        return SummedAdamW

    def source(self, source: BatchSource) -> BatchSource:
        """What this process feeds of the batches of ``source``."""
        return source

    def dataset(self, feeder: Feeder, epoch: int) -> Any:
        """What ``model.fit`` takes."""
        return feeder.from_position(epoch)

    @contextmanager
    def evaluated(self, backbone: Backbone) -> Iterator[Backbone]:
        """The network as it is now, to be run by this process alone: for generation and STS."""
        yield backbone

    def check_agree(self, name: str, value: int) -> None:
        """All processes must have found the same.

        Raises:
            InputError: They have not; the value's name is said.
        """

    def check_same_batches(self, source: BatchSource) -> None:
        """All processes must make the same first batch of their files.

        Raises:
            InputError: They do not.
        """

    def wait(self) -> None:
        """Until all processes are here."""


def open_devices(recipe: Recipe) -> Devices:
    """The devices that ``train.devices`` asks for; with several processes, this one joins the others.

    Call ``keras.utils.set_random_seed`` before it and compute nothing: JAX joins processes only before its
    first computation.

    Raises:
        InputError: Not so many devices, a batch that cannot be divided among them, or a setting or backend
            that does not go with several.
    """
    asked, backend = recipe.train.devices, keras.backend.backend()
    together = HOSTS in os.environ
    if together and asked != "all":
        raise InputError(
            f'{HOSTS} is set: several processes train on all their devices; train.devices = "all"'
        )
    if together and backend != "jax":
        raise InputError(f"{HOSTS} is set: several processes need KERAS_BACKEND=jax, not {backend}")
    if asked is None or (asked == 1 and not together):
        return Devices()
    devices: Devices
    if backend == "jax":
        from roformer_sim.training.devices_jax import JaxDevices

        devices = JaxDevices(asked, together)
    elif backend == "tensorflow":
        from roformer_sim.training.devices_tensorflow import MirroredDevices

        devices = MirroredDevices(asked)
    else:
        raise InputError(f"train.devices needs the backend TensorFlow or JAX, not {backend}")
    _check_goes_with(recipe, devices.count)
    return devices if devices.count > 1 else Devices()


def _check_goes_with(recipe: Recipe, count: int) -> None:
    settings, unit = recipe.train, recipe.data.rows_per_item * count
    if count > 1 and settings.batch_rows % unit:
        raise InputError(
            f"train.batch_rows {settings.batch_rows}: {count} devices with {recipe.data.rows_per_item} rows "
            f"an item need a multiple of {unit}"
        )
    if count > 1 and settings.sub_batches > 1:
        raise InputError(
            f"train.sub_batches {settings.sub_batches}: GradCache runs on one device only; the batch is "
            "already divided among train.devices, so set train.sub_batches = 1"
        )
    if count > 1 and settings.accumulate > 1 and keras.backend.backend() == "tensorflow":
        raise InputError(
            f"train.accumulate {settings.accumulate}: Keras cannot accumulate gradients on several devices "
            "with TensorFlow; set train.accumulate = 1, or use KERAS_BACKEND=jax"
        )


def chosen_of(found: list[Any], asked: int | str, kind: str) -> list[Any]:
    """The first ``asked`` devices.

    Raises:
        InputError: there are fewer.
    """
    if asked == "all":
        return found
    if int(asked) > len(found):
        raise InputError(f"train.devices {asked}: {kind} finds {len(found)} ({', '.join(map(str, found))})")
    return found[: int(asked)]
