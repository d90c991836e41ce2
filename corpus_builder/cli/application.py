"""The Typer application, what its commands share, and how it ends."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NoReturn

import typer

from corpus_builder.cli.options import Reading, Working
from corpus_builder.errors import InputError
from corpus_builder.exclusion import Exclusion
from corpus_builder.readers import find_inputs
from corpus_builder.run import Run

app = typer.Typer(
    help="Mine similar sentences from raw Chinese text: questions, answers, documents.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def new_run(
    command: str,
    inputs: list[str],
    output: Path,
    reading: Reading,
    working: Working,
    settings: dict[str, Any],
) -> Run:
    """The run a command's options describe."""
    return Run(
        command,
        inputs,
        output,
        settings,
        on_error=reading.on_error,
        encoding=reading.encoding.value,
        fields=reading.fields,
        dry_run=working.dry_run,
    )


def exclusion_of(reading: Reading, *, simplified: bool = False) -> Exclusion:
    """The benchmark texts named by ``--exclude``."""
    files = find_inputs(reading.exclude) if reading.exclude else []
    return Exclusion.from_files(files, simplified=simplified)


def checked_share(value: float, option: str = "--threshold") -> float:
    """A similarity threshold; :class:`InputError` outside (0, 1]."""
    if not 0 < value <= 1:
        raise InputError(f"{option} {value}: must be above 0 and at most 1")
    return value


def finish(run: Run, working: Working) -> None:
    """Print what a run did."""
    run.report(working.as_json)


# Typer raises Click's exceptions, its own copy of them in newer versions; this finds the ones it uses.
_UsageError: Any = typer.BadParameter.__mro__[1]


def main() -> NoReturn:
    """Entry point of the ``corpus-builder`` command.

    Exit codes: 0 done, 2 wrong input (one line ``error: ...``), 130 interrupted.
    """
    sys.exit(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    try:
        # Not app(): it prints usage errors over several lines.
        group = typer.main.get_command(app)
        with group.make_context("corpus-builder", arguments or ["--help"]) as context:
            group.invoke(context)
        sys.stdout.flush()
    except typer.Exit as end:
        return end.exit_code
    except InputError as error:
        return _complain(str(error), 2)
    except _UsageError as error:
        path = error.ctx.command_path if error.ctx else "corpus-builder"
        return _complain(f"{error.format_message()} (see {path} --help)", 2)
    except (KeyboardInterrupt, typer.Abort):
        return _complain(
            "interrupted; the output was not written, finished pieces are kept for the next run", 130
        )
    return 0


def _complain(message: str, code: int) -> int:
    print("error: " + " ".join(message.split()), file=sys.stderr)
    return code
