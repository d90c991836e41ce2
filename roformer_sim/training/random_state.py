"""The random state of a model: where each of its seed generators stands."""

from __future__ import annotations

from typing import Any

import keras


def seed_states(model: keras.Model) -> dict[str, Any]:
    """States of the model's seed generators, one a dropout layer, by their place in the network.

    A layer that draws holds a ``keras.random.SeedGenerator``, whose variable (seed, count) of shape (2,)
    decides every further draw; putting it back makes dropout go on with the units it would have dropped.
    Keras numbers these variables by how many a process has made, so they are named by their order in
    the model, which the network's shape alone decides.

    Nothing else of training draws from a state: pairs, noise and the order of the batches are functions
    of (seed, epoch, index). A layer or a loss of your own must hold its generator as an attribute; a draw
    from Keras's global one is not part of the model and cannot be put back.
    """
    weights = {id(variable) for variable in model.weights}
    states = [variable for variable in model.variables if id(variable) not in weights]
    return {f"seed_generator_{i:03d}": variable for i, variable in enumerate(states)}
