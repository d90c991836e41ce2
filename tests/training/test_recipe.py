"""A recipe is one TOML file: typed, unknown keys refused, overridden key by key."""

from __future__ import annotations

import pytest

from roformer_sim import InputError
from roformer_sim.training.recipe import Recipe

RECIPE = """
[start]
preset = "some/folder"
[data]
rows = "similar"
groups = ["groups.jsonl"]
[objectives.generation]
[objectives.in_batch]
[train]
epochs = 2
"""


@pytest.fixture
def recipe_file(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def test_what_is_not_said_has_upstreams_values(recipe_file):
    recipe = Recipe.from_file(recipe_file)
    assert recipe.train.epochs == 2
    assert (recipe.train.batch_rows, recipe.data.maxlen, recipe.data.noise) == (96, 64, 0.5)
    assert (recipe.objectives.in_batch.scale, recipe.train.learning_rate) == (20.0, 1e-5)
    assert (recipe.train.weight_decay, recipe.objectives.mask_false_negatives) == (0.01, True)


def test_overrides_are_toml_values(recipe_file):
    recipe = Recipe.from_file(
        recipe_file,
        [
            "train.epochs=7",
            "train.learning_rate = 2e-4",
            'data.groups=["a.jsonl", "b.jsonl"]',
            "start.preset=中文/文件夹",
            "watch.tensorboard=false",
            "start.config.hidden_size=32",
        ],
    )
    assert (recipe.train.epochs, recipe.train.learning_rate) == (7, 2e-4)
    assert recipe.data.groups == ["a.jsonl", "b.jsonl"]
    assert recipe.start.preset == "中文/文件夹"
    assert recipe.watch.tensorboard is False
    assert recipe.start.config == {"hidden_size": 32}


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("train.epoch=3", "train.epoch"),
        ("training.epochs=3", "training"),
        ("train.epochs=many", "train.epochs"),
        ("train.epochs=0", "train.epochs"),
        ("train.batch_rows=7", "train.batch_rows"),
        ("data.noise=1.5", "data.noise"),
        ("train.dtype=float16", "train.dtype"),
        ("data.groups=[]", "data.groups"),
        ("data.groups=groups.jsonl", "data.groups"),
    ],
)
def test_a_wrong_key_or_value_is_refused_by_name(recipe_file, override, named):
    with pytest.raises(InputError) as caught:
        Recipe.from_file(recipe_file, [override])
    assert named in str(caught.value) and str(recipe_file) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("override", ["epochs=3", "train.epochs", "=3", "train.=3", ""])
def test_an_override_of_another_form_is_refused_with_an_example(recipe_file, override):
    with pytest.raises(InputError, match=r"section\.key=value"):
        Recipe.from_file(recipe_file, [override])


def test_an_override_through_a_value_is_refused(recipe_file):
    with pytest.raises(InputError, match=r"train\.epochs"):
        Recipe.from_file(recipe_file, ["train.epochs.more=3"])


@pytest.mark.parametrize("content", ["[start\n", "epochs = \n", "\x00"])
def test_a_file_that_is_no_toml_is_refused(tmp_path, content):
    path = tmp_path / "recipe.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"recipe\.toml"):
        Recipe.from_file(path)


def test_a_missing_file_or_section_is_refused(tmp_path, recipe_file):
    with pytest.raises(InputError, match=r"nowhere\.toml"):
        Recipe.from_file(tmp_path / "nowhere.toml")
    recipe_file.write_text("[train]\nepochs = 1\n", encoding="utf-8")
    with pytest.raises(InputError, match="start"):
        Recipe.from_file(recipe_file)
