"""A simplified and an extended vocabulary, against bert4keras's ``keep_tokens`` and ``compound_tokens``.

bert4keras runs in a process of its own, since it takes the place of Keras: in this Python where it is
installed, or in the one that ``PEER_PYTHON`` names.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from roformer_sim.checkpoints import (
    assign_weights,
    extend_tokens,
    keep_tokens,
    load_any,
    load_preset,
    save_preset,
)
from roformer_sim.checkpoints.vocabulary_map import write_kept_tokens
from roformer_sim.models import Backbone
from roformer_sim.text import SPECIAL_TOKENS, Tokenizer

PEER = Path(__file__).with_name("simplified_vocabulary_peer.py")
CHARACTERS = "广州和深圳哪个好科学技术是第一生产力怎么开通花呗如何借钱"
# As BERT's: some places are free, words go on with ideographs, marks stand in a row.
VOCABULARY = [
    *("[PAD]", "[unused1]", "[unused2]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<S>"),
    *("##州", "##技", "...", "//", "，", "。", "？", "a", "b", "##a", "##b", "app", "app的"),
    *CHARACTERS,
]
CONFIG = {
    "vocab_size": len(VOCABULARY),
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "hidden_act": "gelu",
    "max_position_embeddings": 64,
    "type_vocab_size": 2,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "initializer_range": 0.02,
}
TEXTS = ["广州和深圳哪个好？", "科学技术是第一生产力。appab", "怎么开通花呗，如何借钱"]


def peer_python() -> str:
    named = os.environ.get("PEER_PYTHON")
    if named is None and importlib.util.find_spec("bert4keras") is None:
        pytest.skip("bert4keras is not installed here, and PEER_PYTHON names no Python that has it")
    return named or sys.executable


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a full checkpoint written by the peer, and what the peer makes of the texts."""
    pytest.importorskip("tensorflow", reason="reading a TensorFlow checkpoint needs TensorFlow")
    python, folder = peer_python(), tmp_path_factory.mktemp("peer")
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in VOCABULARY), encoding="utf-8")
    (folder / "bert_config.json").write_text(json.dumps(CONFIG))
    (folder / "texts.json").write_text(json.dumps(TEXTS))
    run_peer(python, folder, "write")
    run_peer(python, folder, "simplified")
    return folder


def run_peer(python: str, folder: Path, what: str) -> None:
    done = subprocess.run([python, str(PEER), str(folder), what], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def compare(folder: Path, theirs: Path, backbone: Backbone, tokenizer: Tokenizer) -> dict[str, float]:
    """Largest absolute differences over tokens, divided by the peer's largest value."""
    ids, segments = tokenizer.pad(tokenizer.encode_batch(TEXTS))
    with np.load(theirs) as found:
        np.testing.assert_array_equal(ids, found["token_ids"])
        states = backbone(ids, segments)
        ours = {"hidden": np.asarray(states.last), "logits": np.asarray(backbone.lm_logits(states.last))}
        real = ids != tokenizer.pad_id
        return {
            name: float(np.abs(values[real] - found[name][real]).max() / np.abs(found[name][real]).max())
            for name, values in ours.items()
        }


def build(preset_folder: Path) -> tuple[Backbone, Tokenizer]:
    preset = load_preset(preset_folder)
    backbone = Backbone(preset.config)
    assign_weights(backbone, preset.weights, preset_folder)
    return backbone, preset.tokenizer


def test_our_simplified_model_is_bert4keras_s_loaded_with_keep_tokens(peer: Path, tmp_path: Path) -> None:
    whole = load_any(peer, model_type="roformer")
    tokenizer, rows = whole.tokenizer.simplified()
    with np.load(peer / "simplified.npz") as found:
        assert rows.tolist() == found["keep_tokens"].tolist()
        assert tokenizer.vocab == found["tokens"].tolist()
    assert 5 < tokenizer.vocab_size < len(VOCABULARY)
    assert tokenizer.vocab[:5] == list(SPECIAL_TOKENS)
    save_preset(tmp_path / "small", keep_tokens(whole, tokenizer, rows))
    differences = compare(peer, peer / "simplified.npz", *build(tmp_path / "small"))
    assert max(differences.values()) < 1e-5, differences


def test_bert4keras_reads_the_full_checkpoint_alike_by_our_map(peer: Path, tmp_path: Path) -> None:
    whole = load_any(peer, model_type="roformer")
    small = keep_tokens(whole, *whole.tokenizer.simplified())
    larger = extend_tokens(small, ["術", "[S1]", "appa"], sources={"術": ["术", "技"]})
    save_preset(tmp_path / "changed", larger)
    assert write_kept_tokens(peer, larger.metadata)
    ids, _ = larger.tokenizer.pad(larger.tokenizer.encode_batch(TEXTS))
    ids[0, 1:4] = [larger.tokenizer.vocabulary.row(token) for token in ("術", "[S1]", "appa")]
    np.save(peer / "ids.npy", ids)
    run_peer(peer_python(), peer, "mapped")
    backbone, _ = build(tmp_path / "changed")
    states = backbone(ids)
    real = ids != 0
    with np.load(peer / "mapped.npz") as found:
        for name, ours in (("hidden", states.last), ("logits", backbone.lm_logits(states.last))):
            theirs = found[name][real]
            assert np.abs(np.asarray(ours)[real] - theirs).max() < 1e-5 * np.abs(theirs).max(), name
