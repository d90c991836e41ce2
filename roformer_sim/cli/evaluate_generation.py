"""``roformer-sim evaluate generation``: are the variants new, varied, and do they mean the same?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from corpus_builder.errors import InputError
from roformer_sim.cli import options
from roformer_sim.cli.outputs import print_json
from roformer_sim.cli.quiet import load_keras, say

if TYPE_CHECKING:
    from roformer_sim.evaluation.generation import GenerationReport, Source, System
    from roformer_sim.evaluation.generation.measure import Encode, NatsPerToken
    from roformer_sim.evaluation.generation.tracking import Track
    from roformer_sim.model import RoFormerSim

_NONE = "none"


def generation(
    groups: Annotated[
        list[Path] | None,
        typer.Option(
            "--groups",
            metavar="FILE",
            help='Questions: JSON lines {"text", "synonyms"} that the model was not trained on. May be '
            "repeated.",
            show_default=False,
        ),
    ] = None,
    pairs: Annotated[
        list[Path] | None,
        typer.Option(
            "--pairs",
            metavar="FILE",
            help='Statements: JSON lines {"text_a", "text_b"} that it was not trained on. May be repeated.',
            show_default=False,
        ),
    ] = None,
    model: options.Model = options.DEFAULT_PRESET,
    compare: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PRESET", help="Another model on the same sources. May be repeated.", show_default=False
        ),
    ] = None,
    also: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OPTIONS",
            help="A further row: --model with these options of gen_synonyms_batch instead, as in "
            "'n=300,temperature=0.7,reverse_weight=0.2'. May be repeated.",
            show_default=False,
        ),
    ] = None,
    questions: Annotated[int, typer.Option(min=0, help="Questions drawn from --groups.")] = 200,
    statements: Annotated[int, typer.Option(min=0, help="Statements drawn from --pairs.")] = 200,
    n: Annotated[int, typer.Option("-n", min=1, help="Sentences sampled for each source.")] = 100,
    k: Annotated[int, typer.Option("-k", min=1, help="Variants returned.")] = 20,
    top_k: Annotated[
        int | None, typer.Option(min=1, help="As for synonyms; of the models.", show_default="all")
    ] = None,
    top_p: Annotated[float, typer.Option(help="As for synonyms; of the models.")] = 0.95,
    temperature: Annotated[float, typer.Option(help="As for synonyms; of the models.")] = 1.0,
    maxlen: Annotated[int, typer.Option(min=3, help="Most tokens of a sentence.")] = 64,
    similarity: Annotated[
        str,
        typer.Option(
            metavar="TEACHER",
            help="Independent encoder: use, e5, sentence-transformers:NAME, python:module:function; or none.",
        ),
    ] = "use",
    perplexity: Annotated[
        bool, typer.Option("--perplexity/--no-perplexity", help="Perplexity of variants under --model.")
    ] = True,
    word_list: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Lines of words that mean the same, with a TAB between, for synonym replacement.",
            show_default="a small list of the package",
        ),
    ] = None,
    batch_size: options.BatchSize = 64,
    seed: Annotated[int, typer.Option(min=0, help="Of the draw of sources, of sampling and edits.")] = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Also write generation.json, .csv, .md, .png, examples.md and variants.jsonl here.",
            show_default=False,
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Variants of held-back sentences beside copying, word deletion, word swap, word replacement and people.

    \b
    roformer-sim evaluate generation --groups questions.jsonl --pairs statements.jsonl -o report
    roformer-sim evaluate generation --groups questions.jsonl --questions 50 -m runs/mini/best -n 50 -k 10
    roformer-sim evaluate generation --pairs statements.jsonl --similarity none --word-list words.tsv
    roformer-sim evaluate generation --groups questions.jsonl --also diversity=0,temperature=0.7

    Figures: new variants beyond punctuation, distinct-1/2, self-BLEU, BLEU to references and source, iBLEU,
    similarity by an independent encoder, kept numbers and negation, perplexity, with 95 % intervals.
    docs/generation_quality.md says what each of them means.
    """
    from roformer_sim.evaluation.generation import GenerationReport, evaluate_generation

    sampling = {"top_k": top_k, "top_p": top_p, "temperature": temperature, "maxlen": maxlen}
    asked = {"n": n, "k": k, **sampling}
    others = [(given, {**asked, **_options_of(given)}) for given in also or []]
    track = _track()
    sources = _read(groups or [], pairs or [], questions, statements, seed)
    baselines = _baselines(word_list, n, k, seed)
    encode = _encoder(similarity)
    if output is not None:
        _prepare(output)
    load_keras()
    from roformer_sim.model import RoFormerSim

    names = [model, *(compare or [])]
    if len(set(names)) < len(names):
        raise InputError("--compare names a model twice")
    networks = {name: RoFormerSim.from_preset(name) for name in names}
    systems = {name: _model_system(network, seed, asked) for name, network in networks.items()}
    rows = {f"{model} {given}": _model_system(networks[model], seed, changed) for given, changed in others}
    scores = evaluate_generation(
        {**systems, **rows, **baselines},
        sources,
        similarity=encode,
        nats_per_token=_nats(networks[model], maxlen, batch_size, track) if perplexity else None,
        track=track,
    )
    settings = {
        "sampling": f"n={n}, k={k}, "
        + ", ".join(f"{key}={value}" for key, value in sampling.items() if value is not None),
        "similarity": similarity,
        "word list": str(word_list or "the package's own"),
        "seed": seed,
    }
    report = GenerationReport(
        sources, scores, model, k, {**settings, "BLEU": _signature()}, seed=seed, also=tuple(rows)
    )
    if output is not None:
        _write(report, output)
    if as_json:
        print_json(report.to_dict())
    else:
        report.print()


def _track() -> Track:
    from roformer_sim.evaluation.generation.tracking import progress_bar, untracked

    return progress_bar if sys.stderr.isatty() else untracked


def _read(groups: list[Path], pairs: list[Path], questions: int, statements: int, seed: int) -> list[Source]:
    from roformer_sim.evaluation.generation import read_sources

    _signature()  # sacreBLEU is missing: known before the models have worked for minutes
    sources = read_sources(groups, pairs, questions=questions, statements=statements, seed=seed)
    for kind, files, wanted in (("questions", groups, questions), ("statements", pairs, statements)):
        found = sum(source.kind == kind for source in sources)
        if files and found < wanted:
            say(
                f"{wanted} {kind} were asked for, {', '.join(map(str, files))} hold {found} with a paraphrase"
            )
    return sources


def _signature() -> str:
    from roformer_sim.evaluation.generation.bleu import signature

    return signature()


def _baselines(word_list: Path | None, n: int, k: int, seed: int) -> dict[str, System]:
    from roformer_sim.evaluation.generation import (
        copying,
        random_deletion,
        random_swap,
        read_word_list,
        synonym_replacement,
    )

    return {
        "copying": copying(k),
        "word deletion": random_deletion(n, k, seed=seed),
        "word swap": random_swap(n, k, seed=seed),
        "word replacement": synonym_replacement(read_word_list(word_list), n, k, seed=seed),
    }


def _encoder(spec: str) -> Encode | None:
    if spec == _NONE:
        return None
    from roformer_sim.teachers import load_teacher, needs_keras

    if needs_keras(spec):
        load_keras()
    try:
        return load_teacher(spec)
    except InputError as error:
        raise InputError(f"--similarity {spec}: {error} (--similarity none leaves the figure out)") from None


def _model_system(model: RoFormerSim, seed: int, settings: dict[str, Any]) -> System:
    return lambda texts: [
        [synonym.text for synonym in found]
        for found in model.gen_synonyms_batch(texts, seed=seed, **settings)
    ]


def _options_of(given: str) -> dict[str, Any]:
    """``n=300,temperature=0.7`` as options, each checked before anything is computed.

    ``k`` is not among them: rows of different numbers of variants do not compare.
    """
    from roformer_sim.generation import GenerationOptions, Selection

    options: dict[str, Any] = {}
    for part in given.split(","):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or name in ("k", "seed"):
            raise InputError(f"--also {given!r}: {part!r} is no option of a row such as temperature=0.7")
        try:
            options[name] = json.loads(value)
        except ValueError:
            options[name] = value
    rest = {name: value for name, value in options.items() if name not in ("n", "engine")}
    try:
        Selection(None, **{name: rest.pop(name) for name in Selection._fields if name in rest}).check()
        GenerationOptions.of(**rest)
    except (InputError, TypeError) as error:
        raise InputError(f"--also {given!r}: {error}") from None
    return options


def _nats(model: RoFormerSim, maxlen: int, batch_size: int, track: Track) -> NatsPerToken:
    from roformer_sim.generation.likelihood import target_likelihoods

    return lambda sources, variants: [
        likelihood.per_token
        for likelihood in target_likelihoods(
            model.backbone,
            model.tokenizer,
            sources,
            variants,
            batch_size=batch_size,
            maxlen=maxlen,
            track=track,
        )
    ]


def _prepare(folder: Path) -> None:
    from roformer_sim.training.watching.curves import plots_available

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror or error}") from None
    if not plots_available():
        say("no generation.png: Matplotlib is not installed (pip install 'roformer-sim[evaluation]')")


def _write(report: GenerationReport, folder: Path) -> None:
    from corpus_builder.writers import AtomicWriter
    from roformer_sim.evaluation.generation.plot import plot_figures
    from roformer_sim.training.watching.curves import plots_available

    texts = {
        "generation.json": json.dumps(report.to_dict(), ensure_ascii=False, indent=2),
        "generation.csv": report.to_csv(),
        "generation.md": report.to_markdown(),
        "examples.md": report.examples(),
    }
    for name, text in texts.items():
        with AtomicWriter(folder / name) as out:
            out.write_line(text.rstrip("\n"))
    with AtomicWriter(folder / "variants.jsonl") as out:
        for row in report.variant_rows():
            out.write_row(row)
    if plots_available():
        plot_figures(report, folder / "generation.png")
