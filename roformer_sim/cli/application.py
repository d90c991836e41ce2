"""The command line as a whole: which commands there are, and how each of them may end."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import typer

from corpus_builder.errors import InputError
from roformer_sim import __version__
from roformer_sim.cli import quiet
from roformer_sim.cli.convert import convert
from roformer_sim.cli.encode import encode
from roformer_sim.cli.evaluate import evaluate
from roformer_sim.cli.index import index
from roformer_sim.cli.info import info
from roformer_sim.cli.mine_negatives import mine_negatives
from roformer_sim.cli.prepare_sts import prepare_sts
from roformer_sim.cli.reduce import reduce
from roformer_sim.cli.similarity import similarity
from roformer_sim.cli.synonyms import synonyms
from roformer_sim.cli.teacher_cache import teacher_cache
from roformer_sim.cli.teacher_start import teacher_mix, teacher_start
from roformer_sim.cli.threshold import threshold
from roformer_sim.cli.train import Interrupted, train
from roformer_sim.cli.vocab import vocab
from roformer_sim.cli.whiten import whiten
from roformer_sim.training.watching.diverged import TrainingDiverged

PROGRAM = "roformer-sim"
FAILED, WRONG_INPUT, INTERRUPTED, BROKEN_PIPE = 1, 2, 130, 141


def _show_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def _program(
    version: Annotated[bool, typer.Option("--version", is_eager=True, callback=_show_version)] = False,
) -> None:
    """Chinese sentences that mean the same: generate them, encode them, train on your own text."""


for command in (
    synonyms,
    encode,
    similarity,
    threshold,
    mine_negatives,
    train,
    teacher_cache,
    teacher_mix,
    teacher_start,
    prepare_sts,
    info,
    reduce,
    convert,
):
    app.command()(command)
for group in (evaluate, index, vocab, whiten):
    app.add_typer(group)

# Typer raises Click's exceptions, its own copy of them in newer versions; this finds the ones it uses.
_UsageError: Any = typer.BadParameter.__mro__[1]
_BACKENDS = {"tensorflow", "jax", "jaxlib", "torch"}


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Entry point of the ``roformer-sim`` command; ``arguments`` default to those of the process.

    Exit codes: 0 done, 1 a check that was asked for failed or training diverged, 2 wrong input (one line
    ``error: ...``), 130 interrupted, 141 the reader of the output went away.
    """
    for stream in (sys.stdout, sys.stderr):
        # The sentences are Chinese whatever the terminal's locale says.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8")
    sys.exit(_run(list(sys.argv[1:] if arguments is None else arguments)))


def _run(arguments: list[str]) -> int:
    try:
        with quiet.warnings_as_lines():
            # Not app(): it prints usage errors over several lines and makes Ctrl-C an exception of its own.
            group = typer.main.get_command(app)
            with group.make_context(PROGRAM, arguments or ["--help"]) as context:
                group.invoke(context)
            sys.stdout.flush()
    except typer.Exit as end:
        return end.exit_code
    except InputError as error:
        return _complain(str(error), WRONG_INPUT)
    except _UsageError as error:
        path = error.ctx.command_path if error.ctx else PROGRAM
        return _complain(f"{error.format_message()} (see {path} --help)", WRONG_INPUT)
    except Interrupted as error:
        return _complain(str(error), INTERRUPTED)
    except TrainingDiverged as error:
        return _complain(str(error), FAILED)
    except (KeyboardInterrupt, typer.Abort):
        return _complain("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # What is still buffered has nowhere to go; Python would complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except ModuleNotFoundError as error:
        if error.name not in _BACKENDS:
            raise
        return _complain(f"Keras has no backend ({error}): pip install 'roformer-sim[cpu]'", WRONG_INPUT)
    except OSError as error:
        return _complain(f"{error.filename or 'standard output'}: {error.strerror or error}", WRONG_INPUT)
    return 0


def _complain(message: str, code: int) -> int:
    print("error: " + " ".join(message.split()), file=sys.stderr)
    return code
