"""``roformer-sim vocab``: a vocabulary from text files, and changing a model's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from corpus_builder.errors import InputError
from roformer_sim.cli import options
from roformer_sim.cli.outputs import print_json, refuse_folder
from roformer_sim.cli.vocab_changes import coverage, extend, simplify


class _BuildUnlessNamed(TyperGroup):
    """Without the name of a command, ``build`` is meant: ``roformer-sim vocab texts.txt -o vocab.txt``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["build", *args]
        return super().parse_args(ctx, args)


vocab = typer.Typer(
    name="vocab",
    cls=_BuildUnlessNamed,
    add_completion=False,
    rich_markup_mode=None,
)


@vocab.callback()
def _vocab() -> None:
    """Build a vocabulary of texts, or change and measure a model's.

    \b
    roformer-sim vocab texts.txt.gz --output vocab.txt --max-size 7000
    roformer-sim vocab simplify my_model smaller_model

    Without the name of a command, `build` is meant. Every command takes --json.
    """


def build(
    inputs: Annotated[
        list[str],
        typer.Argument(help="Text or JSON-lines files or globs; also .gz and .xz.", show_default=False),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="vocab.txt to write.", show_default=False)],
    max_size: Annotated[int, typer.Option(min=1, help="Most tokens.")] = 7000,
    min_count: Annotated[
        int, typer.Option(min=1, help="Characters and words seen less often are left out.")
    ] = 2,
    lower_case: Annotated[bool, typer.Option(help="Lower-case first, as the tokenizer will.")] = True,
    as_json: options.AsJson = False,
) -> None:
    """Build a vocabulary: special tokens, ASCII, the most frequent characters and Latin words.

    \b
    roformer-sim vocab build texts.txt.gz --output vocab.txt --max-size 7000
    roformer-sim vocab build groups.jsonl.gz pairs.jsonl.gz -o vocab.txt --json

    JSON lines are read in the shapes of the training files: groups, pairs, QA, documents.
    """
    from corpus_builder.run import find_inputs
    from corpus_builder.sentences import training_sentences
    from roformer_sim.text import Vocabulary, build_vocabulary

    paths = find_inputs(inputs)
    refuse_folder(output)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{output}: cannot be written: {error.strerror or error}") from None
    tokens = build_vocabulary(
        training_sentences(paths), max_size=max_size, min_count=min_count, do_lower_case=lower_case
    )
    Vocabulary(tokens).save(output)
    if as_json:
        print_json({"output": str(output), "tokens": len(tokens), "inputs": [str(path) for path in paths]})
    else:
        print(f"{len(tokens):,} tokens written to {output}")


for command in (build, simplify, extend, coverage):
    vocab.command()(command)
