"""A checkpoint folder as upstream publishes it, written by TensorFlow itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from published_checkpoint import BERT_CONFIG, VOCABULARY, write_checkpoint


@pytest.fixture
def published(tmp_path: Path) -> Callable[..., Path]:
    """Writes a folder with configuration, vocabulary and checkpoint; keywords change it."""
    pytest.importorskip("tensorflow", reason="writing a TensorFlow checkpoint needs TensorFlow")

    def write(variables: dict[str, np.ndarray], **config: object) -> Path:
        folder = tmp_path / "chinese_tiny_L-2_H-8_A-2"
        folder.mkdir()
        (folder / "bert_config.json").write_text(json.dumps(BERT_CONFIG | config))
        (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in VOCABULARY))
        (folder / "checkpoint").write_text('model_checkpoint_path: "/elsewhere/bert_model.ckpt"\n')
        write_checkpoint(folder, variables)
        return folder

    return write
