"""``roformer-sim synonyms``: sentences of the same meaning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from corpus_builder.errors import InputError
from roformer_sim.cli import options
from roformer_sim.cli.augmenting import FileOptions, augment_files
from roformer_sim.cli.inputs import read_sentences
from roformer_sim.cli.outputs import line_writer
from roformer_sim.cli.quiet import load_needed, say

if TYPE_CHECKING:
    from roformer_sim.generation import Synonym

DEFAULT_K, DEFAULT_COLUMN, DEFAULT_BLOCK = 20, "text", 64


def synonyms(
    texts: options.Texts = None,
    model: options.Model = options.DEFAULT_PRESET,
    n: Annotated[int, typer.Option("-n", min=1, help="Sentences sampled for each text.")] = 100,
    k: Annotated[
        int | None,
        typer.Option(
            "-k",
            min=1,
            help="Sentences kept, the most similar first.",
            show_default="20, or n if that is less",
        ),
    ] = None,
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
    mask: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STRING", help="Mask this string of the text. May be repeated.", show_default=False
        ),
    ] = None,
    min_similarity: Annotated[
        float, typer.Option(help="Drop sentences whose cosine with the text is below this.")
    ] = -1.0,
    diversity: Annotated[
        float | None,
        typer.Option(
            help="0 to 1: weight of being unlike the others; drops what differs in punctuation, case, "
            "width or particles alone.",
            show_default="off",
        ),
    ] = None,
    likelihood_weight: Annotated[
        float,
        typer.Option(
            min=0,
            help="Rank also by how likely the sentence is given the text: this times its log-probability a "
            "token.",
        ),
    ] = 0.0,
    reverse_weight: Annotated[
        float,
        typer.Option(
            min=0,
            help="Rank also by how likely the text is given the sentence: this times its log-probability a "
            "token.",
        ),
    ] = 0.0,
    keep_term: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STRING", help="Every sentence contains it. May be repeated.", show_default=False
        ),
    ] = None,
    keep_numbers: Annotated[
        bool, typer.Option("--keep-numbers", help="Every sentence contains the text's numbers.")
    ] = False,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="STRING", help="No sentence contains it. May be repeated.", show_default=False),
    ] = None,
    begin_with: Annotated[str, typer.Option(help="Every sentence begins so.", show_default=False)] = "",
    min_length: Annotated[int, typer.Option(min=0, help="Fewest tokens of a sentence.")] = 0,
    no_repeat_ngram: Annotated[
        int, typer.Option(min=0, help="No n-gram of this size occurs twice in a sentence; 0: allowed.")
    ] = 0,
    beams: Annotated[
        int, typer.Option(min=0, help="Search with so many beams (at least n) instead of drawing.")
    ] = 0,
    beam_groups: Annotated[
        int, typer.Option(min=1, help="Groups of beams that avoid one another's tokens.")
    ] = 1,
    engine: Annotated[
        str, typer.Option(help="What decodes: auto, keras, native-float32 or native-int8.")
    ] = "auto",
    files: options.Inputs = None,
    jsonl: options.JsonLines = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write; .gz compresses.", show_default="standard output"),
    ] = None,
    column: Annotated[
        str, typer.Option(help="Files: the column or field that holds the text.")
    ] = DEFAULT_COLUMN,
    encoding: Annotated[
        options.EncodingName, typer.Option(help="Files: of the input; auto decides by its beginning.")
    ] = options.EncodingName.UTF_8,
    explode: Annotated[
        bool, typer.Option("--explode", help="Files: a row for each variant, not for each text.")
    ] = False,
    scores: Annotated[
        bool, typer.Option("--scores", help="Files: also the cosines, in a list beside the synonyms.")
    ] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Files: list bad rows in OUT.rejects.jsonl and go on.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Files: replace an output that is there.")
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Files: throw away what an unfinished run did.")
    ] = False,
    block_size: Annotated[
        int, typer.Option(min=1, help="Files: rows between two writes; what a killed run loses.")
    ] = DEFAULT_BLOCK,
    as_json: options.AsJson = False,
) -> None:
    """Generate sentences that mean the same as each TEXT, or as each row of a file.

    \b
    roformer-sim synonyms 广州和深圳哪个好？
    roformer-sim synonyms 科学技术是第一生产力。 --mask-idxs 6,7 -n 50 -k 10
    roformer-sim synonyms --input questions.jsonl --output out.jsonl -n 50 -k 10
    roformer-sim synonyms -i faq.csv --column question -o variants.csv --explode --skip-bad
    cat questions.txt | roformer-sim synonyms --top-k 5 --temperature 0.8
    roformer-sim synonyms 北京到上海2小时 --keep-term 北京 --keep-numbers --diversity 0.3

    The sentences of a text depend on --seed and on it alone, not on the texts around it. --json gives
    question groups with the cosines: {"text", "synonyms": [...], "scores": [...]}.

    With --input and --output, files are read and written as their endings say (.jsonl, .csv, .tsv, .txt, also
    .gz, .xz, .zst); other columns are kept. A run that was interrupted or killed goes on when the same
    command is given again. --json then prints a summary as JSON.
    """
    masks = _positions(mask_idxs)
    k = _kept(n, k)
    sampling: dict[str, Any] = {
        "top_k": top_k,
        "top_p": top_p,
        "temperature": temperature,
        "maxlen": maxlen,
        "mask": tuple(mask or ()),
        "min_similarity": min_similarity,
        "diversity": diversity,
        "likelihood_weight": likelihood_weight,
        "reverse_weight": reverse_weight,
        "keep_terms": tuple(keep_term or ()),
        "keep_numbers": keep_numbers,
        "without": tuple(without or ()),
        "begin_with": begin_with,
        "min_length": min_length,
        "no_repeat_ngram": no_repeat_ngram,
        "beams": beams,
        "beam_groups": beam_groups,
        "engine": engine,
    }
    for_files = FileOptions(column, encoding.value, explode, scores, block_size, skip_bad, overwrite, restart)
    if files and output is not None and not texts:
        augment_files(
            files,
            output,
            for_files,
            model=model,
            n=n,
            k=k,
            mask_idxs=masks,
            seed=seed,
            sampling=sampling,
            jsonl=jsonl,
            as_json=as_json,
        )
        return
    _refuse_file_options(for_files)
    sentences = read_sentences(texts, files, jsonl=jsonl)
    with line_writer(output) as write:
        load_needed(generating=engine)
        from roformer_sim.model import RoFormerSim

        network = RoFormerSim.from_preset(model)
        for text, where in sentences:
            if not text.strip():
                raise InputError(f"{where}: the text is empty")
            try:
                found = network.synonyms(text, n, k, masks, seed=seed, **sampling)
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


def _kept(n: int, k: int | None) -> int:
    if k is None:
        return min(n, DEFAULT_K)
    if k > n:
        raise InputError(f"-k {k} is more than -n {n}: of {n} samples no {k} can be kept; give a larger -n")
    return k


def _refuse_file_options(given: FileOptions) -> None:
    """Options that would change nothing are a misunderstanding."""
    untouched = FileOptions(DEFAULT_COLUMN, "utf-8", False, False, DEFAULT_BLOCK, False, False, False)
    for name, value in vars(given).items():
        if value != getattr(untouched, name):
            raise InputError(f"--{name.replace('_', '-')} needs both --input FILE and --output FILE")


def _positions(value: str) -> list[int]:
    try:
        return [int(part) for part in value.split(",") if part.strip()]
    except ValueError:
        raise InputError(f"--mask-idxs {value!r}: expected token positions such as 6,7") from None
