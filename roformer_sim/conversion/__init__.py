"""Presets to the formats of other tools and back, each checked by running the other tool.

:func:`roformer_sim.conversion.convert.convert` is the whole. A format is a module with ``write``, ``run`` or
both, named in :mod:`roformer_sim.conversion.formats`. What only reads weights is in
:mod:`roformer_sim.checkpoints`. Importing this package loads none of it.
"""
