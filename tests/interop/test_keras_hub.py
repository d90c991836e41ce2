"""Keras Hub's BERT presets, saved and run by keras-hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import TEXTS, VOCABULARY
from recording import record

from corpus_builder.errors import InputError
from roformer_sim import RoFormerSim
from roformer_sim.checkpoints import load_any
from roformer_sim.checkpoints.folders import kind_of
from roformer_sim.conversion.convert import convert

keras_hub = pytest.importorskip("keras_hub", reason="keras-hub is not installed")
h5py = pytest.importorskip("h5py")


def saved(folder: Path, *, head: bool, dtype: str = "float32", lowercase: bool = False) -> Path:
    """A random BertMaskedLM, or its backbone alone."""
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=len(VOCABULARY),
        num_layers=2,
        num_heads=2,
        hidden_dim=24,
        intermediate_dim=40,
        max_sequence_length=48,
        dtype=dtype,
    )
    tokenizer = keras_hub.models.BertTokenizer(vocabulary=VOCABULARY, lowercase=lowercase)
    model: Any = backbone
    if head:
        preprocessor = keras_hub.models.BertMaskedLMPreprocessor(tokenizer, sequence_length=16)
        model = keras_hub.models.BertMaskedLM(backbone=backbone, preprocessor=preprocessor)
    rng = np.random.default_rng(9)
    for variable in model.weights:
        if "seed" not in variable.path:
            centre = 1.0 if "gamma" in variable.path else 0.0
            variable.assign((centre + 0.25 * rng.standard_normal(variable.shape)).astype(np.float32))
    model.save_to_preset(str(folder))
    if not head:
        tokenizer.save_to_preset(str(folder))
    return folder


@pytest.mark.parametrize(
    ("head", "dtype"), [(True, "float32"), (False, "float32"), (False, "bfloat16"), (False, "float16")]
)
def test_we_compute_what_keras_hub_does(head: bool, dtype: str, tmp_path: Path) -> None:
    folder = saved(tmp_path / "in", head=head, dtype=dtype)
    assert kind_of(folder) == "keras-hub"
    done = convert(folder, tmp_path / "out", "preset", texts=TEXTS)
    found = done.source.differences
    assert found is not None
    record("keras-hub", f"BertMaskedLM, {dtype}" if head else f"BertBackbone, {dtype}", "in", found)
    assert {"hidden", "P1", "P2", "P3"} <= set(found)
    assert ("logits" in found) == head == done.has_lm_head
    assert max(found.values()) < 2e-5
    again = load_any(tmp_path / "out")
    assert again.config.layer_norm_eps == 1e-12
    assert again.config.lm_layer_norm_eps == (1e-5 if head else None)


def test_its_head_computes_the_same_on_keras(tmp_path: Path) -> None:
    model = RoFormerSim.from_preset(saved(tmp_path / "in", head=True))
    rows = model.tokenizer.encode_batch(list(TEXTS[:2]))
    ids, segments = model.tokenizer.pad(rows)
    states = model.backbone(ids, segments)
    keras_logits = np.asarray(model.backbone.lm_logits(states.last))[0]
    hub = keras_hub.models.MaskedLM.from_preset(str(tmp_path / "in"))
    inputs = {"token_ids": ids, "segment_ids": segments, "padding_mask": (ids != 0).astype(np.int32)}
    hidden = hub.backbone(inputs)["sequence_output"]
    positions = np.tile(np.arange(ids.shape[1]), (2, 1))
    wanted = np.asarray(hub.masked_lm_head(hidden, positions))[0]
    length = len(rows[0])
    assert np.abs(keras_logits[:length] - wanted[:length]).max() < 2e-5


def test_its_lower_casing_changes_full_width_characters_and_ours_not(tmp_path: Path) -> None:
    folder = saved(tmp_path / "in", head=False, lowercase=True)
    with (
        pytest.warns(UserWarning, match="half-width"),
        pytest.raises(InputError, match="its tokenizer gives '广州和深圳哪个好？'"),
    ):
        convert(folder, tmp_path / "out", "preset", texts=TEXTS)
    assert not (tmp_path / "out").exists()


def test_damage_is_named(tmp_path: Path) -> None:
    folder = saved(tmp_path / "in", head=True)
    path = folder / "model.weights.h5"
    whole = path.read_bytes()
    with h5py.File(path, "a") as file:
        file["layers/dense/vars/0"][0, 0] = np.nan
    with pytest.raises(InputError, match=r"model.weights.h5: layers/dense/vars/0 holds NaN"):
        load_any(folder)
    with h5py.File(path, "a") as file:
        del file["layers/dense/vars/0"]
    with pytest.raises(InputError, match=r"model.weights.h5: layers/dense/vars/0 is missing"):
        load_any(folder)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"model.weights.h5: damaged or truncated"):
        load_any(folder)
