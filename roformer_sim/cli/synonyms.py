"""``roformer-sim synonyms``: sentences of the same meaning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from corpus_builder.errors import InputError
from roformer_sim.cli import options
from roformer_sim.cli.inputs import read_sentences
from roformer_sim.cli.outputs import line_writer
from roformer_sim.cli.quiet import load_keras, say

if TYPE_CHECKING:
    from roformer_sim.generation import Synonym


def synonyms(
    texts: options.Texts = None,
    model: options.Model = options.DEFAULT_PRESET,
    n: Annotated[int, typer.Option("-n", min=1, help="Sentences sampled for each text.")] = 100,
    k: Annotated[int, typer.Option("-k", min=1, help="Sentences kept, the most similar first.")] = 20,
    mask_idxs: Annotated[
        str,
        typer.Option(
            metavar="I,J,...",
            help="Token positions ([CLS] is 0) replaced by [MASK] before sampling.",
            show_default=False,
        ),
    ] = "",
    top_k: Annotated[
        int | None, typer.Option(min=1, help="Draw from the so many likeliest tokens.", show_default="all")
    ] = None,
    top_p: Annotated[
        float, typer.Option(help="Draw from the likeliest tokens that reach this share; 1: all.")
    ] = 0.95,
    temperature: Annotated[float, typer.Option(help="Below 1 safer, above 1 more varied.")] = 1.0,
    maxlen: Annotated[
        int, typer.Option(min=3, help="Most tokens of a text, and of a sampled sentence.")
    ] = 64,
    seed: Annotated[int, typer.Option(min=0, help="The same seed and text give the same sentences.")] = 0,
    files: options.Inputs = None,
    jsonl: options.JsonLines = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write; .gz compresses.", show_default="standard output"),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Generate sentences that mean the same as each TEXT.

    \b
    roformer-sim synonyms 广州和深圳哪个好？
    roformer-sim synonyms 科学技术是第一生产力。 --mask-idxs 6,7 -n 50 -k 10
    roformer-sim synonyms -i questions.txt --json -o synonyms.jsonl.gz
    cat questions.txt | roformer-sim synonyms --top-k 5 --temperature 0.8

    Each text is drawn with its own --seed, so that its sentences do not depend on the texts around it.
    --json gives question groups with the cosines: {"text", "synonyms": [...], "scores": [...]}.
    """
    masks = _positions(mask_idxs)
    sentences = read_sentences(texts, files, jsonl=jsonl)
    with line_writer(output) as write:
        load_keras()
        from roformer_sim.model import RoFormerSim

        network = RoFormerSim.from_preset(model)
        for text, where in sentences:
            if not text.strip():
                raise InputError(f"{where}: the text is empty")
            try:
                found = network.synonyms(
                    text,
                    n,
                    k,
                    masks,
                    top_k=top_k,
                    top_p=top_p,
                    temperature=temperature,
                    maxlen=maxlen,
                    seed=seed,
                )
            except InputError as error:
                raise InputError(f"{where}: {error}") from None
            if not found:
                say(f"{where}: {n} samples held no sentence but the text itself")
            write(_as_json(text, found) if as_json else _as_text(text, found))


def _as_json(text: str, found: list[Synonym]) -> str:
    row = {
        "text": text,
        "synonyms": [synonym.text for synonym in found],
        "scores": [round(synonym.score, 4) for synonym in found],
    }
    return json.dumps(row, ensure_ascii=False)


def _as_text(text: str, found: list[Synonym]) -> str:
    return "\n".join([text, *(f"  {synonym.score:.4f}  {synonym.text}" for synonym in found)])


def _positions(value: str) -> list[int]:
    try:
        return [int(part) for part in value.split(",") if part.strip()]
    except ValueError:
        raise InputError(f"--mask-idxs {value!r}: expected token positions such as 6,7") from None
