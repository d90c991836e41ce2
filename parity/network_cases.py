"""The networks, weights and inputs of the parity runs; numpy only, read by our side and by both peers."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

# Not in bert-base-chinese's folder of DATA; Google's published bert_config.json has these values.
BERT_BASE = {
    "attention_probs_dropout_prob": 0.1,
    "directionality": "bidi",
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 768,
    "initializer_range": 0.02,
    "intermediate_size": 3072,
    "max_position_embeddings": 512,
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "pooler_type": "first_token_transform",
    "type_vocab_size": 2,
    "vocab_size": 21128,
}
LENGTHS = (64, 64, 50, 33, 17, 5, 3, 2)
LONG = (512, 301)


@dataclass(frozen=True)
class Case:
    """One network and one batch of rows of different length, zero-padded.

    Attributes:
        folder: Folder of DATA/vocab with ``vocab.txt`` and, but for BERT base, ``bert_config.json``.
        seed: Of weights and inputs.
    """

    name: str
    title: str
    model_type: str
    folder: str
    seed: int
    lengths: tuple[int, ...] = LENGTHS

    def config(self, data: Path) -> dict:
        """The published configuration, as it is."""
        path = data / "vocab" / self.folder / "bert_config.json"
        return json.loads(path.read_text()) if path.exists() else dict(BERT_BASE)

    def write_config_and_vocabulary(self, data: Path, target: Path) -> None:
        """The two text files of a checkpoint folder."""
        (target / "bert_config.json").write_text(json.dumps(self.config(data)))
        shutil.copyfile(data / "vocab" / self.folder / "vocab.txt", target / "vocab.txt")

    def inputs(self, data: Path) -> dict[str, np.ndarray]:
        """Random token ids, two segments a row, zeros behind."""
        rng = np.random.default_rng((self.seed, 1))
        size = self.config(data)["vocab_size"]
        shape = (len(self.lengths), max(self.lengths))
        token_ids, segment_ids = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
        for row, length in enumerate(self.lengths):
            token_ids[row, :length] = rng.integers(1, size, length)
            segment_ids[row, max(1, length // 2) : length] = 1
        return {"token_ids": token_ids, "segment_ids": segment_ids}


_SIM_SMALL = "chinese_roformer-sim-char-ft_L-6_H-384_A-6"
_SIM_BASE = "chinese_roformer-sim-char-ft_L-12_H-768_A-12"
_SIMBERT_SMALL = "chinese_simbert_L-6_H-384_A-12"
CASES = {
    case.name: case
    for case in (
        Case("roformer-small", "RoFormer 6 x 384, 6 heads", "roformer", _SIM_SMALL, 1),
        Case("roformer-base", "RoFormer 12 x 768, 12 heads", "roformer", _SIM_BASE, 2),
        Case("bert-small", "BERT 6 x 384, 12 heads, embedding 128", "bert", _SIMBERT_SMALL, 3),
        Case("bert-base", "BERT 12 x 768, 12 heads", "bert", "bert-base-chinese", 4),
        Case("roformer-small-long", "RoFormer 6 x 384, 512 tokens", "roformer", _SIM_SMALL, 5, LONG),
        Case("bert-small-long", "BERT 6 x 384, 512 tokens", "bert", _SIMBERT_SMALL, 6, LONG),
    )
}


def random_weight(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """A float32 weight of the size trained ones have, by the end of its name (Keras's or PyTorch's).

    Kernels of standard deviation 1.2 / sqrt(inputs) give attention scores of about 1.4, so that
    attention is far from uniform; gains and biases differ from 1 and 0, so that none can be lost.
    ``shape`` is (inputs, outputs) for a kernel.
    """
    values = rng.standard_normal(shape)
    if len(shape) == 2:
        scale = 0.05 if "embeddings" in name else 1.2 / np.sqrt(shape[0])
        return (values * scale).astype(np.float32)
    gain = re.search(r"gamma$|LayerNorm\.weight$", name) is not None
    return (values * 0.1 + gain).astype(np.float32)
