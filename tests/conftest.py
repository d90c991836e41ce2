"""A network small enough for every test, with a hand-written vocabulary and fixed weights.

``tiny_preset`` is its folder, for tests that go through files or the command line. The fixtures live for
the whole session: tests do not change what they get.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import settings

# The same examples in every run; HYPOTHESIS_PROFILE=default looks for new ones.
settings.register_profile("same", derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

# A shell that starts us in the background has Ctrl-C ignored, and every program started from here would, too.
signal.signal(signal.SIGINT, signal.default_int_handler)

# On JAX the tests spend their time compiling programs that run for a millisecond.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

# Files that take longest come first: one of them begun last would leave the other process without work.
SLOWEST = [
    "training/test_devices.py",
    "corpus_builder/engines/test_spark.py",
    "training/test_exact_resume.py",
    "training/test_training_run.py",
    "training/test_objectives_train.py",
    "corpus_builder/test_resume.py",
    "corpus_builder/mixing/test_mix_resume.py",
    "corpus_builder/test_cli.py",
    "corpus_builder/kernels/test_pairs.py",
    "corpus_builder/test_miners_oracle.py",
    "training/test_grad_cache.py",
    "models/test_backbone_against_papers.py",
    "objectives/test_half_precision.py",
    "cli/test_train.py",
    "cli/test_synonyms.py",
    "generation/test_synonyms.py",
    "corpus_builder/test_script.py",
    "corpus_builder/kernels/test_texts_and_hashes.py",
    "training/test_watching_run.py",
    "corpus_builder/test_miners_large.py",
]

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow files first, the order else as it was; ``--no-loadscope-reorder`` keeps it."""
    here = Path(__file__).parent
    ranks = {here / name: rank for rank, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


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


@pytest.fixture(scope="module")
def no_curves() -> Iterator[None]:
    """Training as without the extra ``plots``: two pictures a run take as long as compiling its network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "matplotlib", None)
        yield
