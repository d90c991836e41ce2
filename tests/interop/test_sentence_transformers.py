"""sentence-transformers encodes as we do, from what we write and what it writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import FAMILIES, TEXTS, VOCABULARY, random_preset, same_bytes
from recording import record

from corpus_builder.errors import InputError
from roformer_sim import RoFormerSim
from roformer_sim.checkpoints import load_any
from roformer_sim.checkpoints.folders import kind_of
from roformer_sim.conversion import huggingface, sentence_transformers
from roformer_sim.conversion.outputs import Samples, largest_differences, own_outputs

torch = pytest.importorskip("torch", reason="torch is not installed")
library = pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")


@pytest.fixture(autouse=True)
def quiet_and_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    torch.set_num_threads(1)
    huggingface.quiet_transformers()


@pytest.mark.parametrize("family", FAMILIES)
def test_it_encodes_as_we_do_from_what_we_wrote(family: str, tmp_path: Path) -> None:
    preset = random_preset(**FAMILIES[family])
    sentence_transformers.write(preset, tmp_path)
    samples = Samples.of(preset, TEXTS)
    found = largest_differences(own_outputs(preset, samples), sentence_transformers.run(tmp_path, samples))
    record("sentence-transformers", family, "out", found)
    assert found["vector"] < 1e-5
    assert found["hidden"] < 1e-5
    again = load_any(tmp_path)
    assert kind_of(tmp_path) == "sentence-transformers"
    assert again.config == preset.config
    assert same_bytes(again, preset)


def test_a_long_text_is_cut_where_ours_is(tmp_path: Path) -> None:
    preset = random_preset(max_position_embeddings=300)
    sentence_transformers.write(preset, tmp_path)
    long = "怎么开通花呗，" * 60
    theirs = library.SentenceTransformer(str(tmp_path), device="cpu").encode([long, "我"])
    ours = RoFormerSim.from_preset(tmp_path).encode([long, "我"])
    assert np.abs(theirs - ours).max() < 1e-5


def made_by_it(folder: Path, mode: str, dense: bool, normalize: bool) -> Any:
    """A model of its own modules, saved by it."""
    import transformers
    from sentence_transformers.models import Dense, Normalize, Pooling, Transformer

    config = transformers.BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=40,
        max_position_embeddings=48,
        initializer_range=0.3,
    )
    torch.manual_seed(3)
    transformers.BertModel(config).save_pretrained(folder / "network")
    vocabulary = folder / "tokens.txt"
    vocabulary.write_text("".join(f"{token}\n" for token in VOCABULARY), encoding="utf-8")
    transformers.BertTokenizer(str(vocabulary)).save_pretrained(folder / "network")
    modules = [Transformer(str(folder / "network"), max_seq_length=20), Pooling(24, pooling_mode=mode)]
    if dense:
        modules.append(Dense(24, 24, activation_function=torch.nn.Identity()))
    if normalize:
        modules.append(Normalize())
    model = library.SentenceTransformer(modules=modules, device="cpu")
    model.save(str(folder / "saved"))
    return model


@pytest.mark.parametrize(
    ("mode", "dense", "normalize", "pooling"),
    [("cls", False, False, "P1"), ("mean", False, True, "P3"), ("cls", True, True, "P2")],
)
def test_we_encode_as_it_does_from_what_it_wrote(
    mode: str, dense: bool, normalize: bool, pooling: str, tmp_path: Path
) -> None:
    theirs = made_by_it(tmp_path, mode, dense, normalize)
    model = RoFormerSim.from_preset(tmp_path / "saved")
    assert model.config.pooling == pooling
    assert model.metadata["sentence_transformers"] == {"max_seq_length": 20, "normalize": normalize}
    texts = [*TEXTS, "怎么开通花呗，" * 9]
    ours = model.encode(texts, normalize=normalize, maxlen=20)
    found = {"vector": float(np.abs(ours - theirs.encode(texts)).max())}
    record("sentence-transformers", f"BertModel, {mode}{', Dense' * dense}", "in", found)
    assert found["vector"] < 1e-5


def test_p4_has_no_module_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="P4, the mean of the first and the last layer"):
        sentence_transformers.write(random_preset(pooling="P4"), tmp_path)
