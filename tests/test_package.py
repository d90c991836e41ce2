"""What an import costs: text tools and corpus tools start without the network's libraries."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("tensorflow", "keras", "jax", "torch")


@pytest.mark.parametrize(
    "module", ["roformer_sim", "roformer_sim.text", "corpus_builder", "roformer_sim.cli"]
)
def test_importing_it_loads_no_deep_learning_library(module):
    code = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_what_the_package_offers():
    import roformer_sim

    for name in roformer_sim.__all__:
        assert getattr(roformer_sim, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = roformer_sim.no_such_name


def test_a_wrong_input_is_a_value_error():
    from roformer_sim import InputError

    assert issubclass(InputError, ValueError)
