"""Feeding: the same batches in the same order for any number of workers and from any position."""

from __future__ import annotations

import sys
from itertools import islice
from subprocess import run

import keras
import numpy as np
import pytest
from worker_tasks import CountedBatches

from corpus_builder.errors import InputError
from roformer_sim.training.arrays import Assembler
from roformer_sim.training.batches import Batches
from roformer_sim.training.feeding import Feeder
from roformer_sim.training.pairs import PairStream
from roformer_sim.training.rows import RowMaker

STEPS = 5


class Counter(keras.Model):
    """Learns nothing; its loss is the number of the batch that it sees."""

    def __init__(self):
        super().__init__()
        self.weight = self.add_weight(shape=())
        self.built = True

    def call(self, inputs, training=None):
        return keras.ops.cast(keras.ops.mean(inputs["number"]), "float32") + 0.0 * self.weight

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return y_pred


class Seen(keras.callbacks.Callback):
    """The loss of each step, out of the mean of those of its epoch so far."""

    def __init__(self):
        super().__init__()
        self.numbers = []

    def on_train_batch_end(self, batch, logs=None):
        total = logs["loss"] * (batch + 1)
        self.numbers.append(round(total - (self.total if batch else 0)))
        self.total = total


@pytest.fixture(scope="module")
def counter():
    model = Counter()
    model.compile(keras.optimizers.SGD(0.0), jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    return model


def numbers(model, feeder, epoch=0, index=0, *, steps=STEPS, epochs=1):
    seen = Seen()
    model.fit(
        feeder.from_position(epoch, index),
        steps_per_epoch=steps,
        initial_epoch=epoch,
        epochs=epoch + epochs,
        callbacks=[seen],
        verbose=0,
        shuffle=False,
    )
    return seen.numbers


@pytest.fixture(scope="module")
def stage1(corpus, tiny_tokenizer):
    def make():
        stream = PairStream(
            [str(corpus / "groups.jsonl")], [str(corpus / "pairs.jsonl")], maxlen=16, held_out=0, seed=0
        )
        maker = RowMaker(tiny_tokenizer, maxlen=16, noise=0.5, segmenter="rjieba")
        return Batches(stream, Assembler(maker), items=4, steps=STEPS, seed=0)

    return make


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_the_batches_of_stage_1_are_the_same_in_the_same_order(stage1, workers):
    alone = stage1()
    expected = []
    for epoch in (1, 2, 3):
        alone.begin_epoch(epoch)
        expected += [alone.make(alone.task(index)) for index in range(STEPS)]
    with Feeder(stage1(), workers) as feeder:
        for position, start in {(1, 0): 0, (2, 3): 8, (1, 2): 2}.items():
            fed = list(islice(feeder.batches(*position), 7))
            for ours, theirs in zip(fed, expected[start : start + 7], strict=True):
                assert ours.keys() == theirs.keys()
                for name in ours:
                    np.testing.assert_array_equal(ours[name], theirs[name])


def test_what_workers_import_loads_no_network_library():
    program = "import sys, roformer_sim.training.arrays, roformer_sim.training.workers; print(*sys.modules)"
    loaded = run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"keras", "tensorflow", "jax", "torch", "numba"} & set(loaded)


class TestFit:
    @pytest.mark.parametrize("workers", [0, 2])
    def test_a_model_sees_each_batch_once_epoch_after_epoch(self, counter, workers):
        with Feeder(CountedBatches([8] * STEPS), workers) as feeder:
            assert numbers(counter, feeder, epochs=3) == [100 * e + i for e in range(3) for i in range(STEPS)]

    def test_a_run_resumed_within_an_epoch_sees_what_is_left(self, counter):
        with Feeder(CountedBatches([8] * STEPS)) as feeder:
            rest = numbers(counter, feeder, 1, 3, steps=STEPS - 3)
            assert rest + numbers(counter, feeder, 2, epochs=2) == [
                *(103, 104),
                *(200, 201, 202, 203, 204),
                *(300, 301, 302, 303, 304),
            ]

    def test_a_later_batch_may_have_another_width(self, counter):
        with Feeder(CountedBatches([8, 8, 16, 8, 24])) as feeder:
            assert numbers(counter, feeder) == [0, 1, 2, 3, 4]

    @pytest.mark.parametrize("workers", [0, 1])
    def test_wrong_input_leaves_fit_as_itself(self, counter, workers):
        with (
            pytest.raises(InputError, match=r"^batch 3: no text$"),
            Feeder(CountedBatches([8, 8, 8, 0, 8]), workers) as feeder,
        ):
            numbers(counter, feeder)

    def test_so_does_what_the_source_raises(self, counter):
        class Unreadable(CountedBatches):
            def begin_epoch(self, epoch):
                if epoch == 1:
                    raise InputError("groups.jsonl: cannot be read")
                super().begin_epoch(epoch)

        with (
            pytest.raises(InputError, match="cannot be read"),
            Feeder(Unreadable([8] * STEPS)) as feeder,
        ):
            numbers(counter, feeder, epochs=2)

    def test_an_error_of_the_callbacks_stays_what_it_is(self, counter):
        class Broken(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                raise OSError("no space left on the disk")

        with pytest.raises(OSError, match="no space"), Feeder(CountedBatches([8] * STEPS)) as feeder:
            counter.fit(
                feeder.from_position(), steps_per_epoch=2, callbacks=[Broken()], verbose=0, shuffle=False
            )


def test_a_new_position_ends_the_iterator_before():
    with Feeder(CountedBatches([8] * STEPS)) as feeder:
        before = feeder.batches(0)
        assert next(before)["number"][0, 0] == 0
        assert next(feeder.batches(4, 2))["number"][0, 0] == 402
        assert list(before) == []


def test_a_negative_number_of_workers_is_refused():
    with pytest.raises(InputError, match="workers is -1; give 0 or more"):
        Feeder(CountedBatches([8]), -1)


def test_an_epoch_of_no_batches_is_refused():
    with pytest.raises(InputError, match="an epoch of no batches"):
        Feeder(CountedBatches([]))
