"""The program as a whole: help, wrong options, quiet start, how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from roformer_sim.cli import options

COMMANDS = [
    "synonyms",
    "encode",
    "similarity",
    "train",
    "teacher-cache",
    "vocab",
    "vocab build",
    "vocab simplify",
    "vocab extend",
    "vocab coverage",
    "reduce",
    "prepare-sts",
    "info",
    "evaluate sts",
]


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    unset = {k: v for k, v in os.environ.items() if not k.startswith(("TF_", "KERAS_"))}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, env=unset | environment
    )


def test_importing_the_program_loads_no_network_library() -> None:
    heavy = "{'tensorflow', 'keras', 'jax', 'scipy', 'tokenizers', 'jieba'}"
    code = f"import sys, roformer_sim.cli; print(sorted({heavy} & set(sys.modules)))"
    assert python("-c", code).stdout == "[]\n"


def test_help_loads_no_network_library() -> None:
    code = (
        "import sys, roformer_sim.cli\n"
        "try: roformer_sim.cli.main(['--help'])\n"
        "except SystemExit: print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    assert python("-c", code).stdout.endswith("set()\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_shows_examples_and_json(cli, command: str) -> None:
    result = cli(*command.split(), "--help")
    assert result.code == 0
    assert result.out.count(f"  roformer-sim {command} ") >= 2 or command == "info"
    assert "--json" in result.out


def test_without_arguments_the_program_shows_its_commands(cli) -> None:
    result = cli()
    assert result.code == 0
    assert all(command.split()[0] in result.out for command in COMMANDS)


def test_version(cli) -> None:
    from roformer_sim import __version__

    assert cli("--version") == (0, f"{__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--nonsense"], "No such option: --nonsense"),
        (["nonsense"], "No such command 'nonsense'"),
        (["encode", "--nonsense"], "see roformer-sim encode --help"),
        (["encode", "你好", "--pooling", "P5"], "P5"),
        (["synonyms", "你好", "-n", "many"], "valid int"),
        (["synonyms", "你好", "-n", "0"], "'-n': "),
        (["evaluate"], "Missing command"),
        (["evaluate", "sts"], "--data"),
        (["train"], "RECIPE"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(refused, arguments: list[str], part: str) -> None:
    assert part in refused(*arguments)


def test_pooling_names_are_those_of_the_network() -> None:
    from roformer_sim.models import Pooling

    assert [name.value for name in options.PoolingName] == [pooling.value for pooling in Pooling]


def test_default_preset_is_that_of_the_library() -> None:
    from roformer_sim.model import DEFAULT_PRESET

    assert options.DEFAULT_PRESET == DEFAULT_PRESET


def test_stderr_holds_nothing_of_the_backend_and_any_locale_prints_chinese(tiny_preset: Path) -> None:
    arguments = ["-m", "roformer_sim.cli", "similarity", "广州", "深圳", "-m", str(tiny_preset)]
    result = python(*arguments, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith("\t广州\t深圳\n")


def test_a_reader_that_goes_away_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    arguments = [sys.executable, "-m", "roformer_sim.cli", "--help"]
    result = subprocess.run(arguments, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (result.returncode, result.stderr) == (141, b"")
