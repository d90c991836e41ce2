"""What distillation of a new network begins with: mixed caches, axes, token embeddings."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import load_any, weight_shapes
from roformer_sim.cli.application import app
from roformer_sim.models import ModelConfig
from roformer_sim.models.config import config_file
from roformer_sim.teachers import CachedTeacher, CheckedTeacher, fill_cache
from roformer_sim.teachers.axes import fit_axes, read_axes
from roformer_sim.teachers.mix import Part, mix_caches

VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"怎么开通花呗如何今天气好", "##好", "##天"]


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def cache(asked, texts: list[str], tmp_path: Path) -> Path:
    fill_cache(tmp_path / "cache", asked, [*texts, *VOCAB[5:]], dtype="float32")
    return tmp_path / "cache"


@pytest.fixture
def vocab(tmp_path: Path) -> Path:
    (tmp_path / "vocab.txt").write_text("\n".join(VOCAB) + "\n", encoding="utf-8")
    return tmp_path / "vocab.txt"


def test_axes_are_orthonormal_and_keep_the_longest_directions() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((500, 6)) * [9, 1, 8, 1, 1, 1]
    axes, kept = fit_axes([vectors[:200], vectors[200:]], 2)
    np.testing.assert_allclose(axes.T @ axes, np.eye(2), atol=1e-6)
    plane = np.eye(6)[[0, 2]]
    assert np.linalg.norm(plane @ axes) == pytest.approx(np.sqrt(2), abs=1e-2)
    projected = unit(vectors) @ axes
    assert kept == pytest.approx(float(np.sum(projected**2) / len(vectors)), abs=1e-6)


def test_all_axes_leave_cosines_as_they_are() -> None:
    vectors = np.random.default_rng(0).standard_normal((30, 5))
    axes, kept = fit_axes([vectors], 5)
    assert kept == pytest.approx(1)
    np.testing.assert_allclose(vectors @ axes @ axes.T, vectors, atol=1e-5)


def test_more_axes_than_dimensions_are_refused() -> None:
    with pytest.raises(InputError, match="6 axes of vectors of 5 dimensions"):
        fit_axes([np.ones((2, 5))], 6)


@pytest.mark.parametrize("centre", [True, False])
def test_mixed_cosines_are_the_weighted_means_of_the_parts(
    asked, texts: list[str], tmp_path: Path, centre: bool
) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    fill_cache(a, asked, texts, dtype="float32")
    other = CheckedTeacher(lambda batch: np.float32([[len(x), ord(x[1]), 7] for x in batch]), "lengths")
    fill_cache(b, other, [*texts[10:], "另一句"], dtype="float32")
    count = mix_caches(tmp_path / "mixed", [Part(a, 3), Part(b, 1)], centre=centre)
    assert count == 40, "what both hold"
    mixed = CachedTeacher(tmp_path / "mixed")
    parts = []
    for folder in (a, b):
        teacher = CachedTeacher(folder)
        mean = unit(np.array(teacher.vectors)).mean(axis=0) if centre else 0
        parts.append(unit(unit(teacher(texts[10:])) - mean))
    expected = 0.75 * parts[0] @ parts[0].T + 0.25 * parts[1] @ parts[1].T
    found = mixed(texts[10:])
    np.testing.assert_allclose(found @ found.T, expected, atol=2e-3)  # stored as float16


def test_mixing_again_adds_nothing_and_other_weights_are_another_teacher(cache: Path, tmp_path: Path) -> None:
    first = mix_caches(tmp_path / "mixed", [Part(cache)])
    before = {path.name: path.read_bytes() for path in (tmp_path / "mixed").iterdir()}
    assert mix_caches(tmp_path / "mixed", [Part(cache)]) == first
    assert {path.name: path.read_bytes() for path in (tmp_path / "mixed").iterdir()} == before
    with pytest.raises(InputError, match="another teacher"):
        mix_caches(tmp_path / "mixed", [Part(cache)], centre=False)


def test_a_new_network_knows_the_teachers_characters(cache: Path, vocab: Path, tmp_path: Path) -> None:
    shape = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    (tmp_path / "shape.json").write_text(json.dumps(shape | {"pooling": "P3"}), encoding="utf-8")
    arguments = ["teacher-start", cache, "--vocab", vocab, "--config", tmp_path / "shape.json", "--json"]
    done = CliRunner().invoke(app, [*map(str, arguments), "-o", str(tmp_path / "start")])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["tokens_from_teacher"] == len(VOCAB) - 5
    preset, axes = load_any(tmp_path / "start"), read_axes(tmp_path / "start" / "axes.safetensors")
    assert {name: array.shape for name, array in preset.weights.items()} == weight_shapes(preset.config)
    table = preset.weights["token_embedding/embeddings"][5:]
    expected = unit(CachedTeacher(cache)([token.removeprefix("##") for token in VOCAB[5:]])) @ axes
    expected -= expected.mean(axis=0)
    np.testing.assert_allclose(table, expected * (0.05 / expected.std()), atol=1e-4)
    inner, outer = (preset.weights[f"block_0/{part}/kernel"] for part in ("intermediate", "output"))
    assert outer.std() == pytest.approx(0.1 * inner.std(), rel=0.3)


def test_a_cache_without_the_vocabulary_is_told_to_read_it(
    asked, texts: list[str], vocab: Path, tmp_path: Path
) -> None:
    fill_cache(tmp_path / "cache", asked, texts)
    arguments = ["teacher-start", tmp_path / "cache", "--vocab", vocab, "-o", tmp_path / "start"]
    done = CliRunner().invoke(app, list(map(str, arguments)))
    assert isinstance(done.exception, InputError)
    assert not (tmp_path / "start").exists()


@pytest.mark.parametrize("name", ["mini", "small", "base"])
def test_the_configurations_of_the_package_are_networks(name: str) -> None:
    assert ModelConfig.from_file(config_file(name), vocab_size=12000).hidden_size >= 256


def test_an_unknown_configuration_is_told_which_there_are() -> None:
    with pytest.raises(InputError, match="base, mini, small"):
        config_file("huge")
