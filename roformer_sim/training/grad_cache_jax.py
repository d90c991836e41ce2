"""GradCache on JAX: the parts of a batch in a scan, with the state handed through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import keras

from roformer_sim.training.grad_cache import NO_FIGURES, PartedModel
from roformer_sim.training.terms import Tensors

Values = list[Any]


class JaxPartedModel(PartedModel):
    """:class:`PartedModel` whose steps are pure functions of the state, as Keras's JAX trainer wants them.

    The random state is among the non-trainable variables. Both passes begin with the same ones, so the
    second drops what the first dropped.
    """

    def train_step(self, state: Any, data: Any) -> Any:
        """One step of the optimiser on a whole batch."""
        weights, others, optimizer, metrics = state
        batch, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        parts, sentence = self.parts(batch), NO_FIGURES
        gradients = [jnp.zeros_like(weight) for weight in weights]
        if self.sentence_terms:
            vectors = self._vectors(weights, others, parts, training=True)
            cache, sentence, gradients = self._cached_gradient(weights, others, vectors, batch)
            parts["cache"] = cache.reshape(self.sub_batches, -1, cache.shape[-1])
        others, token, gradients = self._second_pass(weights, others, parts, batch, gradients)
        weights, optimizer = self.optimizer.stateless_apply(optimizer, gradients, weights)
        logs, metrics = self._stateless(self.metrics_variables, metrics, self.report, token, sentence, batch)
        return logs, (weights, others, optimizer, metrics)

    def test_step(self, state: Any, data: Any) -> Any:
        """Losses and metrics of a whole batch."""
        weights, others, metrics = state
        batch, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        parts, sentence, token = self.parts(batch), NO_FIGURES, self.no_figures()
        if self.sentence_terms:
            vectors = self._vectors(weights, others, parts, training=False)
            (_, sentence), _ = self._run(weights, others, self.sentence_loss, vectors, batch)

        def add(figures: Any, part: Tensors) -> Any:
            outputs, _ = self._run(weights, others, self.network_outputs, part, False)
            return jax.tree.map(jnp.add, figures, self.token_figures(outputs, part)), None

        if self.token_terms:
            token, _ = jax.lax.scan(add, token, parts)
        logs, metrics = self._stateless(self.metrics_variables, metrics, self.report, token, sentence, batch)
        return logs, (weights, others, metrics)

    def _vectors(self, weights: Values, others: Values, parts: Tensors, training: bool) -> Any:
        """Vectors of the whole batch (rows, hidden); nothing else of the forward passes stays."""

        def forward(others: Values, part: Tensors) -> Any:
            outputs, others = self._run(weights, others, self.network_outputs, part, training, logits=False)
            return others, outputs["vectors"]

        _, vectors = jax.lax.scan(forward, others, parts)
        return vectors.reshape(-1, vectors.shape[-1])

    def _cached_gradient(
        self, weights: Values, others: Values, vectors: Any, batch: Tensors
    ) -> tuple[Any, Any, Values]:
        """Gradients of the terms on vectors: of the vectors, and of the weights behind them."""

        def loss(vectors: Any, weights: Values) -> Any:
            return self._run(weights, others, self.sentence_loss, vectors, batch)[0]

        gradients, figures = jax.grad(loss, argnums=(0, 1), has_aux=True)(vectors, weights)
        return gradients[0], figures, gradients[1]

    def _second_pass(
        self, weights: Values, others: Values, parts: Tensors, batch: Tensors, begun: Values
    ) -> tuple[Values, Any, Values]:
        """The random state after it, figures of the terms on tokens, gradients; ``begun`` included."""

        def loss(weights: Values, others: Values, part: Tensors) -> Any:
            outputs, others = self._run(weights, others, self.network_outputs, part, True)
            figures = self.token_figures(outputs, part)
            value = self.token_loss(figures, batch)
            if self.sentence_terms:
                value = value + jnp.sum(outputs["vectors"] * part["cache"])
            return value, (others, figures)

        def add(sums: Any, part: Tensors) -> Any:
            others, *rest = sums
            gradients, (others, figures) = jax.grad(loss, has_aux=True)(weights, others, part)
            return (others, *jax.tree.map(jnp.add, rest, [figures, gradients])), None

        (others, figures, gradients), _ = jax.lax.scan(add, (others, self.no_figures(), begun), parts)
        return others, figures, gradients

    def _run(
        self, weights: Values, others: Values, function: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> tuple[Any, Values]:
        """Result of a function of the model on these values of its variables, and the other values after."""
        variables = [*self.trainable_variables, *self.non_trainable_variables]
        result, after = self._stateless(variables, [*weights, *others], function, *args, **kwargs)
        return result, after[len(weights) :]

    @staticmethod
    def _stateless(
        variables: Sequence[Any], values: Values, function: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> tuple[Any, Values]:
        """Result of a function on these values of some variables, and their values after."""
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))) as scope:
            result = function(*args, **kwargs)
        return result, [scope.get_current_value(variable) for variable in variables]
