"""Several devices of one machine on TensorFlow: ``tf.distribute.MirroredStrategy``.

Each replica runs the network on its own rows. Losses over targets are sums of the replicas' shares; losses
between rows are computed from the vectors of all replicas, gathered.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import keras
import tensorflow as tf

from roformer_sim.training.devices import Devices, chosen_of
from roformer_sim.training.devices_parts import Batch, replica_parts
from roformer_sim.training.feeding import Feeder
from roformer_sim.training.model import MultiTaskModel
from roformer_sim.training.terms import LossTerm, Tensors


class SummedAdamW(keras.optimizers.AdamW):
    """AdamW of the gradient as it is: all its parts are added up before anything else is done with it.

    The gradient of an embedding is a list of parts, one for each token of the batch. Keras squares and
    clips the parts, not their sum, so that the second moment of a token that is there n times is too small
    (up to n times); where the table is also the language model's head, TensorFlow has summed already. And
    Keras clips each replica's gradient and adds up afterwards, which is another gradient than that of one
    device wherever clipping has an effect.
    """

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        context = tf.distribute.get_replica_context()
        given = [i for i, gradient in enumerate(grads) if gradient is not None]
        summed = [tf.convert_to_tensor(grads[i]) for i in given]
        if context is not None and context.num_replicas_in_sync > 1:
            summed = context.all_reduce(tf.distribute.ReduceOp.SUM, summed)
        found = dict(zip(given, summed, strict=True))
        super().apply([found.get(i) for i in range(len(grads))], trainable_variables)

    def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> Any:
        return grads_and_vars

    def _clip_gradients(self, grads: Any) -> Any:
        """By the norm of all together, which reads each gradient once; Keras writes down its squares."""
        if not self.global_clipnorm:
            return super()._clip_gradients(grads)
        clipped, _ = tf.clip_by_global_norm(grads, self.global_clipnorm)
        return clipped

    def _apply_weight_decay(self, variables: Any) -> None:
        """Part of :meth:`update_step`."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Keras's formulas in one pass over the weights, where Keras's own takes about twelve."""
        index = self._get_variable_index(variable)
        moments = self._momentums[index].value, self._velocities[index].value
        rate, step = tf.cast(learning_rate, variable.dtype), tf.cast(self.iterations + 1, variable.dtype)
        if self._use_weight_decay(variable):
            variable.assign(variable * (1.0 - rate * self.weight_decay))
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=moments[0].handle,
            v=moments[1].handle,
            beta1_power=tf.pow(tf.cast(self.beta_1, variable.dtype), step),
            beta2_power=tf.pow(tf.cast(self.beta_2, variable.dtype), step),
            lr=rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.cast(gradient, variable.dtype),
        )


class MirroredDevices(Devices):
    """``asked`` GPUs, or CPUs where there is no GPU."""

    def __init__(self, asked: int | str) -> None:
        found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        chosen = chosen_of([device.name for device in found], asked, "TensorFlow")
        self.count = len(chosen)
        # TensorFlow's collectives of CPUs mix up reductions of one step that differ in shape.
        on_cpu = "CPU" in chosen[0]
        reduction = tf.distribute.ReductionToOneDevice() if on_cpu else None
        self._strategy = tf.distribute.MirroredStrategy(chosen, cross_device_ops=reduction)

    @contextmanager
    def _scope(self) -> Iterator[None]:
        with self._strategy.scope(), tf.variable_creator_scope(_own_seed_states):
            yield

    def scope(self) -> AbstractContextManager[Any]:
        return self._scope()

    def make_model(self, *arguments: Any, **settings: Any) -> MultiTaskModel:
        return MirroredModel(*arguments, strategy=self._strategy, **settings)

    def dataset(self, feeder: Feeder, epoch: int) -> Any:
        """Element i goes to replica i modulo their number, so each batch's parts stand one after another."""

        def parts() -> Iterator[tuple[Batch]]:
            for batch in feeder.batches(epoch):
                for part in replica_parts(batch, self.count):
                    yield (part,)

        first = next(feeder.batches(epoch))
        signature = {name: tf.TensorSpec([None] * array.ndim, array.dtype) for name, array in first.items()}
        made = tf.data.Dataset.from_generator(parts, output_signature=(signature,)).prefetch(2 * self.count)
        return self._strategy.distribute_datasets_from_function(lambda context: made)


class MirroredModel(MultiTaskModel):
    """The losses of the whole batch, each replica having its own rows and the labels of all."""

    def __init__(self, *arguments: Any, strategy: tf.distribute.Strategy, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._strategy = strategy
        for layer in self._flatten_layers():
            if isinstance(getattr(layer, "seed_generator", None), keras.random.SeedGenerator):
                layer.seed_generator.__class__ = ReplicaSeeds

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """This replica's summand of the loss; their sum is that of :class:`MultiTaskModel`.

        A replica's value e_r of a term is such that the mean over the R replicas is the term's value
        on the whole batch, which is what Keras's metrics make of it; the summand is e_r / R. For a loss
        between rows e_r is the value itself, and its gradient reaches the vectors of each replica R times,
        once from every replica that gathered them.
        """
        context = tf.distribute.get_replica_context()
        outputs = dict(y_pred)
        for name in ("vectors", "classes"):
            if name in outputs:
                outputs[name] = _gathered(outputs[name], context)
        figures = {}
        for term in self.terms:
            share = self._share(term, x, context)
            figures[term.name] = [share * figure for figure in term.figures(outputs, x)]
        return self.add_up(figures, x) / context.num_replicas_in_sync

    def _share(self, term: LossTerm, batch: Tensors, context: Any) -> Any:
        """R w_r / sum_r w_r for a mean over targets of weight w_r on replica r, 1 for other terms."""
        if term.reads != "logits":
            return 1.0
        own = tf.reduce_sum(batch[term.mean_over])
        whole = context.all_reduce(tf.distribute.ReduceOp.SUM, own)
        return context.num_replicas_in_sync * own / tf.maximum(whole, 1.0)

    def test_on_batch(self, x: Any, *arguments: Any, **settings: Any) -> Any:
        """Of a whole batch, which is divided here."""
        parts = replica_parts(x, self._strategy.num_replicas_in_sync)

        def part(context: Any) -> Any:
            own = parts[context.replica_id_in_sync_group]
            return {name: tf.constant(array) for name, array in own.items()}

        values = self._strategy.experimental_distribute_values_from_function(part)
        return super().test_on_batch(values, *arguments, **settings)

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Nothing is left to build, and Keras would take the mean of the replicas' batches to do so."""


def _gathered(own: Any, context: Any) -> Any:
    """(R n, d) rows of all R replicas: a sum of arrays that are 0 but for a replica's own (n, d) rows.

    The gradient of that sum is the sum of the gradients. ``ReplicaContext.all_gather`` has one too, but it
    makes collectives of its own on the way back, which do not always find one another.
    """
    mine = tf.one_hot(context.replica_id_in_sync_group, context.num_replicas_in_sync, dtype=own.dtype)
    spread = context.all_reduce(tf.distribute.ReduceOp.SUM, mine[:, None, None] * own[None])
    return tf.reshape(spread, [-1, own.shape[-1]])


class ReplicaSeeds(keras.random.SeedGenerator):
    """Seeds that differ between replicas, so that dropout drops other units on each."""

    def next(self, ordered: bool = True) -> Any:
        seed = super().next(ordered)
        context = tf.distribute.get_replica_context()
        if context is None:
            return seed
        own = tf.cast(context.replica_id_in_sync_group, seed.dtype) * 1_000_003
        return seed + tf.stack([own, tf.zeros_like(own)])


def _own_seed_states(create: Any, **settings: Any) -> Any:
    """Each replica counts its own draws: Keras makes these variables so that no replica could change them."""
    if "seed_generator_state" in (settings.get("name") or ""):
        settings["synchronization"] = tf.VariableSynchronization.ON_READ
        settings["aggregation"] = tf.VariableAggregation.ONLY_FIRST_REPLICA
    return create(**settings)
