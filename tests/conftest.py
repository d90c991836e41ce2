"""A network small enough for every test, with a hand-written vocabulary and fixed weights.

``tiny_preset`` is its folder, for tests that go through files or the command line. The fixtures live for
the whole session: tests do not change what they get.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

# On JAX the tests spend their time compiling programs that run for a millisecond.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

if TYPE_CHECKING:
    from roformer_sim import RoFormerSim
    from roformer_sim.models import ModelConfig
    from roformer_sim.text import Tokenizer

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CHARACTERS = (
    "广州和深圳哪个好科学技术是第一生产力怎么开通花呗如何借钱还款吗呢了的在有我你他不能可以"
    "今天气真下雨明出门去公园手机买什苹果多少便宜北京上海城市更比较学习中文书"
)
PUNCTUATION = "。，？！；：?!,.·"
LATIN = ["a", "b", "c", "##a", "##b", "##c", "iphone", "##s", "app", "1", "2", "5", "##0", "##5"]
TINY_VOCABULARY = [*SPECIALS, *dict.fromkeys(CHARACTERS), *PUNCTUATION, *LATIN]


@pytest.fixture(scope="session")
def tiny_tokenizer() -> Tokenizer:
    """Characters, punctuation and a few Latin pieces."""
    from roformer_sim.text import Tokenizer

    return Tokenizer(TINY_VOCABULARY)


@pytest.fixture(scope="session")
def tiny_config() -> ModelConfig:
    """RoFormer, 2 layers of width 32 with 2 heads."""
    from roformer_sim.models import ModelConfig

    return ModelConfig(
        vocab_size=len(TINY_VOCABULARY),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
    )


@pytest.fixture(scope="session")
def tiny_preset(
    tmp_path_factory: pytest.TempPathFactory, tiny_config: ModelConfig, tiny_tokenizer: Tokenizer
) -> Path:
    """Folder of the tiny model: weights drawn once, biases and norms included, the same on every backend."""
    from roformer_sim.checkpoints import Preset, save_preset, weight_names
    from roformer_sim.models import Backbone

    rng = np.random.default_rng(20240521)
    weights = {}
    for name, shape in weight_names(Backbone(tiny_config)).items():
        centre = 1.0 if name.endswith("gamma") else 0.0
        weights[name] = (centre + 0.2 * rng.standard_normal(shape)).astype(np.float32)
    folder = tmp_path_factory.mktemp("presets") / "tiny"
    save_preset(folder, Preset(tiny_config, tiny_tokenizer, weights, {"made_by": "tests"}))
    return folder


@pytest.fixture(scope="session")
def tiny_model(tiny_preset: Path) -> RoFormerSim:
    """The preset, loaded."""
    from roformer_sim import RoFormerSim

    return RoFormerSim.from_preset(tiny_preset)
