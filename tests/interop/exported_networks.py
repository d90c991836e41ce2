"""Small networks of each family, and what the tests of ONNX and of OpenVINO ask of both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np

from roformer_sim.checkpoints import Preset, weight_shapes
from roformer_sim.conversion.outputs import Samples
from roformer_sim.models import ModelConfig
from roformer_sim.text import Tokenizer

VOCABULARY = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *dict.fromkeys(
        "广州和深圳哪个好科学技术是第一生产力我的花呗为什么开通不了今天下午三点在二号楼会他没有去过北京"
    ),
    *"？，。",
]

FAMILIES: dict[str, dict[str, object]] = {
    "RoFormer": {},
    "RoFormer, narrow embeddings, tanh GELU": {
        "hidden_act": "gelu_new",
        "embedding_size": 8,
        "pooling": "P4",
    },
    "RoFormer, heads of 6": {"hidden_size": 36, "num_attention_heads": 6, "pooling": "P1"},
    "BERT": {"model_type": "bert", "max_position_embeddings": 72},
    "BERT, narrow embeddings, ReLU": {
        "model_type": "bert",
        "max_position_embeddings": 40,
        "hidden_act": "relu",
        "embedding_size": 16,
    },
    "RoFormer, no pooler": {"has_pooler": False, "pooling": "P3"},
    "BERT, no LM head": {"model_type": "bert", "has_lm_head": False},
    "RoFormer, one layer, other padding id": {"num_hidden_layers": 1, "pad_token_id": 3},
}
"""What is not as in the first, by name."""


def family(name: str) -> Preset:
    """A network with weights drawn large enough that a mistake anywhere shows."""
    vocabulary = list(VOCABULARY)
    changes = FAMILIES[name]
    pad = int(changes.get("pad_token_id", 0))  # type: ignore[call-overload]
    vocabulary.insert(pad, vocabulary.pop(0))
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
    config = ModelConfig.from_dict({"vocab_size": len(vocabulary), **sizes, **changes})
    generator = np.random.default_rng(3)
    weights = {
        name: (float(name.endswith("gamma")) + 0.3 * generator.standard_normal(shape)).astype(np.float32)
        for name, shape in weight_shapes(config).items()
    }
    return Preset(config, Tokenizer(vocabulary), weights)


def exported(tool: ModuleType, preset: Preset, folder: Path) -> Path:
    """A folder that a module of ``roformer_sim.conversion`` wrote."""
    folder.mkdir()
    tool.write(preset, folder)
    return folder


def kinds(preset: Preset) -> set[str]:
    """What both sides must have given."""
    generated = {"logits", "scores"} if preset.config.has_lm_head else set()
    return {"hidden", "vector", *preset.config.poolings, *generated}


def damages(folder: Path) -> list[tuple[str, Callable[[], object]]]:
    """Each file of a folder once cut, once with a bit flipped, once gone: its name and what does it."""

    def cut(path: Path) -> Callable[[], object]:
        return lambda: path.write_bytes(path.read_bytes()[:-1])

    def flip(path: Path) -> Callable[[], object]:
        def act() -> None:
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 4
            path.write_bytes(content)

        return act

    found: list[tuple[str, Callable[[], object]]] = []
    for path in sorted(folder.iterdir()):
        found += [(path.name, cut(path)), (path.name, flip(path)), (path.name, path.unlink)]
    return found


def two_sources(preset: Preset) -> Samples:
    """A long and a short one."""
    return Samples.of(preset, ["广州和深圳哪个好？", "好"])
