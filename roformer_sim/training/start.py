"""What a run starts from: a preset, or a new network with a vocabulary."""

from __future__ import annotations

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import load_any, resolve_preset
from roformer_sim.checkpoints.heads import with_all_heads
from roformer_sim.checkpoints.preset import Preset
from roformer_sim.models import ModelConfig
from roformer_sim.text import Tokenizer
from roformer_sim.training.recipe import StartSection


def new_or_preset(start: StartSection) -> Preset:
    """The preset to begin with; a new network has no weights yet."""
    if start.preset is not None:
        if start.vocab is not None or start.config is not None:
            raise InputError("start: give either preset, or vocab and config")
        preset = with_all_heads(load_any(resolve_preset(start.preset)))
    elif start.vocab is None or start.config is None:
        raise InputError("start: give either preset, or vocab and config")
    else:
        tokenizer = Tokenizer.from_file(start.vocab)
        config = ModelConfig.from_dict(
            {**start.config, "vocab_size": tokenizer.vocab_size}, where="start.config"
        )
        preset = Preset(config, tokenizer, {})
    changes = {"hidden_dropout_prob": start.dropout, "pooling": start.pooling}
    changes = {key: value for key, value in changes.items() if value is not None}
    preset.config = preset.config.model_copy(update=changes)
    return preset
