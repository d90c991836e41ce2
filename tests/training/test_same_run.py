"""A run goes on with the settings it was begun with, its network's shape among them."""

import pytest

from roformer_sim import InputError
from roformer_sim.training.same_run import check_same_settings

BEGUN = {
    "start": {"config": {"hidden_size": 384, "num_hidden_layers": 6}},
    "train": {"epochs": 3, "learning_rate": 1e-5},
    "watch": {"samples": ["怎么还款"]},
}
FREE = ("watch", "train.epochs")


def changed(section, **values):
    return {**BEGUN, section: {**BEGUN[section], **values}}


def test_the_same_settings_and_the_free_ones_go_on():
    for recipe in (BEGUN, changed("train", epochs=9), changed("watch", samples=[], tensorboard=True)):
        check_same_settings(BEGUN, recipe, "run", FREE)


@pytest.mark.parametrize(
    ("recipe", "named"),
    [
        (
            changed("start", config={"hidden_size": 768, "num_hidden_layers": 6}),
            r"run: .*start\.config\.hidden_size=384, the recipe says 768",
        ),
        (changed("start", config={"num_hidden_layers": 6}), r"hidden_size=384, the recipe says None"),
        (changed("start", config=None), r"start\.config=\{.*, the recipe says None"),
        (changed("train", learning_rate=1e-4), r"train\.learning_rate=1e-05, the recipe says 0\.0001"),
        (changed("train", seed=1), r"train\.seed=None, the recipe says 1"),
    ],
)
def test_another_setting_is_named_with_both_values(recipe, named):
    with pytest.raises(InputError, match=named):
        check_same_settings(BEGUN, recipe, "run", FREE)
