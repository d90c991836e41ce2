"""GradCache on TensorFlow: the parts of a batch in a loop that runs one at a time."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from roformer_sim.training.grad_cache import NO_FIGURES, PartedModel
from roformer_sim.training.random_state import seed_states
from roformer_sim.training.terms import Tensors

Gradients = list[Any]


class TensorFlowPartedModel(PartedModel):
    """:class:`PartedModel` whose steps are functions of TensorFlow, plain or compiled by ``tf.function``."""

    def train_step(self, data: Any) -> dict[str, Any]:
        """One step of the optimiser on a whole batch."""
        batch, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        parts, sentence = self.parts(batch), NO_FIGURES
        gradients: Gradients = [None] * len(self.trainable_variables)
        if self.sentence_terms:
            seeds = [(state, tf.identity(state.value)) for state in seed_states(self).values()]
            vectors = self._vectors(parts, training=True)
            cache, sentence, gradients = self._cached_gradient(vectors, batch)
            parts["cache"] = tf.reshape(cache, (self.sub_batches, -1, cache.shape[-1]))
            # The second pass drops what the first dropped.
            for state, value in seeds:
                state.assign(value)
        token, gradients = self._second_pass(parts, batch, gradients)
        self.optimizer.apply(gradients, self.trainable_variables)
        return self.report(token, sentence, batch)

    def test_step(self, data: Any) -> dict[str, Any]:
        """Losses and metrics of a whole batch."""
        batch, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        parts, sentence = self.parts(batch), NO_FIGURES
        if self.sentence_terms:
            _, sentence = self.sentence_loss(self._vectors(parts, training=False), batch)

        def add(figures: Any, part: Tensors) -> Any:
            return _sum(figures, self.token_figures(self.network_outputs(part, training=False), part))

        token = self._fold(add, parts, self.no_figures()) if self.token_terms else []
        return self.report(token, sentence, batch)

    def _vectors(self, parts: Tensors, training: bool) -> Any:
        """Vectors of the whole batch (rows, hidden); nothing else of the forward passes stays."""

        def vectors(part: Tensors) -> Any:
            return self.network_outputs(part, training=training, logits=False)["vectors"]

        width = self.backbone.config.hidden_size
        inputs = {name: parts[name] for name in ("token_ids", "segment_ids")}
        signature = tf.TensorSpec((None, width), tf.float32)
        found = tf.map_fn(vectors, inputs, parallel_iterations=1, fn_output_signature=signature)
        return tf.reshape(found, (-1, width))

    def _cached_gradient(self, vectors: Any, batch: Tensors) -> tuple[Any, list[list[Any]], Gradients]:
        """Gradients of the terms on vectors: of the vectors, and of the weights behind them."""
        with tf.GradientTape() as tape:
            tape.watch(vectors)
            loss, figures = self.sentence_loss(vectors, batch)
        cache, *gradients = tape.gradient(loss, [vectors, *(v.value for v in self.trainable_variables)])
        return cache, figures, gradients

    def _second_pass(self, parts: Tensors, batch: Tensors, begun: Gradients) -> tuple[Any, Gradients]:
        """Figures of the terms on tokens, and the gradients of the whole loss; ``begun`` included."""
        variables = [variable.value for variable in self.trainable_variables]
        reached = [gradient is not None for gradient in begun]

        def add(sums: Any, part: Tensors) -> Any:
            with tf.GradientTape() as tape:
                outputs = self.network_outputs(part, training=True)
                figures = self.token_figures(outputs, part)
                loss = self.token_loss(figures, batch)
                if self.sentence_terms:
                    loss = loss + tf.reduce_sum(outputs["vectors"] * part["cache"])
            found = tape.gradient(loss, variables)
            # Which weights the loss depends on is known when this is traced, not before.
            reached[:] = [was or new is not None for was, new in zip(reached, found, strict=True)]
            return _sum(sums[0], figures), _sum(sums[1], found)

        start = [
            tf.zeros(variable.shape, variable.dtype) if gradient is None else tf.convert_to_tensor(gradient)
            for variable, gradient in zip(variables, begun, strict=True)
        ]
        figures, gradients = self._fold(add, parts, (self.no_figures(), start))
        # None, as of a plain batch, for weights that no term reads: the optimiser leaves those alone.
        known = zip(gradients, reached, strict=True)
        return figures, [gradient if reaches else None for gradient, reaches in known]

    def _fold(self, add: Any, parts: Tensors, start: Any) -> Any:
        """``add(... add(add(start, part 0), part 1) ...)``, one after another, no gradient through it."""
        return tf.foldl(add, parts, initializer=start, parallel_iterations=1)


def _sum(sums: Any, found: Any) -> Any:
    """Sums of nested lists, of the shapes of ``sums``; ``None`` adds nothing."""
    if isinstance(sums, list):
        return [_sum(one, other) for one, other in zip(sums, found, strict=True)]
    return sums if found is None else tf.ensure_shape(ops.add(sums, tf.convert_to_tensor(found)), sums.shape)
