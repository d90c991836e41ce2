"""Files of sentences to files of sentences with variants: streamed, in blocks, resumable after any end."""

from roformer_sim.generation.augment.driver import Augmentation, Generate, Plan, Summary, text_seed
from roformer_sim.generation.augment.layouts import Layout, output_format
from roformer_sim.generation.augment.rows import InputRow, Source

__all__ = [
    "Augmentation",
    "Generate",
    "InputRow",
    "Layout",
    "Plan",
    "Source",
    "Summary",
    "output_format",
    "text_seed",
]
