"""``roformer-sim vocab simplify``, ``extend``, ``coverage``: the vocabulary of a model that is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from corpus_builder.errors import InputError
from roformer_sim.cli import options
from roformer_sim.cli.outputs import print_json
from roformer_sim.cli.preset_out import check_new_folder, load_model, save_model

if TYPE_CHECKING:
    from roformer_sim.checkpoints import Preset
    from roformer_sim.text import Tokenizer
    from roformer_sim.text.coverage import Coverage

Model = Annotated[
    str,
    typer.Argument(metavar="PRESET", help="Shipped preset, preset folder, or checkpoint folder."),
]
Out = Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the new preset.", show_default=False)]
MinCount = Annotated[int, typer.Option(min=1, help="Tokens and characters seen less often do not count.")]
_TEXTS = "Text or JSON-lines file or glob; also .gz and .xz. May be repeated."


def simplify(
    preset: Model,
    out: Out,
    keep: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Keep the tokens of this file, one a line, in the present order.",
            show_default=False,
        ),
    ] = None,
    used_in: Annotated[
        list[str] | None,
        typer.Option(
            "--used-in", metavar="TEXTS", help=f"Keep what these texts use. {_TEXTS}", show_default=False
        ),
    ] = None,
    min_count: MinCount = 1,
    as_json: options.AsJson = False,
) -> None:
    """Leave tokens out of a model's vocabulary, with their embedding rows and biases.

    \b
    roformer-sim vocab simplify path/to/chinese_simbert_L-12_H-768_A-12 simbert_simplified
    roformer-sim vocab simplify my_model smaller --used-in 'corpus/*.jsonl.gz' --min-count 5
    roformer-sim vocab simplify my_model smaller --keep tokens.txt --json

    Without --keep and --used-in by bert4keras's rule (`load_vocab(simplified=True)`): what no Chinese text
    yields, such as ##中 and [unused1], goes. Texts of kept tokens get the same vectors as before. OUT also
    gets kept_tokens.json, with which bert4keras reads the original checkpoint alike.
    """
    if keep is not None and used_in:
        raise InputError("give --keep or --used-in, not both")
    check_new_folder(out)
    whole = load_model(preset)
    from roformer_sim.checkpoints import keep_tokens

    tokenizer = whole.tokenizer
    if keep is not None:
        chosen = tokenizer.keep_tokens(_read_tokens(keep))
    elif used_in:
        found = _coverage(tokenizer, used_in)
        chosen = tokenizer.keep_tokens(found.used_tokens(tokenizer, min_count))
    else:
        chosen = tokenizer.simplified()
    _save(out, keep_tokens(whole, *chosen), whole, as_json)


def extend(
    preset: Model,
    out: Out,
    tokens: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="One token a line; after a tab, the tokens whose mean it begins as, parted by spaces.",
            show_default=False,
        ),
    ] = None,
    from_texts: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXTS", help=f"Add the unknown characters of these. {_TEXTS}", show_default=False
        ),
    ] = None,
    min_count: MinCount = 2,
    traditional: Annotated[
        bool,
        typer.Option(
            "--traditional",
            help="Add the usual traditional form of every character of the vocabulary (OpenCC).",
        ),
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Add tokens to a model's vocabulary; their rows begin as means of rows that are there.

    \b
    roformer-sim vocab extend my_model larger --tokens tokens.txt
    roformer-sim vocab extend my_model larger --from-texts forum.txt --min-count 20
    roformer-sim vocab extend my_model larger --traditional --json

    A new row begins as the mean of the tokens given for it, else of those that the token was cut into, else
    of those of its simplified form (OpenCC, where it is installed), else of all. The report, also in OUT's
    metadata.json, says which. Old rows stay as they are: texts without new tokens get the same vectors.
    """
    if tokens is None and not from_texts and not traditional:
        raise InputError("nothing to add: give --tokens, --from-texts or --traditional")
    check_new_folder(out)
    whole = load_model(preset)
    from roformer_sim.checkpoints import extend_tokens

    sources: dict[str, list[str]] = {} if tokens is None else _read_sources(tokens)
    new = list(sources)
    if from_texts:
        new += _coverage(whole.tokenizer, from_texts).missing_tokens(min_count)
    if traditional:
        from roformer_sim.text.traditional import traditional_coverage

        missing = traditional_coverage(whole.tokenizer.vocabulary).missing
        new += missing
        sources = {form: [character] for form, character in missing.items()} | sources
    given = {token: of for token, of in sources.items() if of and token not in whole.tokenizer.vocabulary}
    larger = extend_tokens(whole, new, sources=given, simplified=_has_opencc())
    _save(out, larger, whole, as_json)


def coverage(
    preset: Annotated[
        str,
        typer.Argument(metavar="PRESET", help="Shipped preset, preset or checkpoint folder, or a vocab.txt."),
    ],
    texts: Annotated[
        list[str],
        typer.Argument(
            metavar="TEXTS", help="Text or JSON-lines files or globs; also .gz and .xz.", show_default=False
        ),
    ],
    top: Annotated[int, typer.Option(min=0, help="How many unknown characters are listed.")] = 20,
    as_json: options.AsJson = False,
) -> None:
    """Tell which share of the characters of texts a vocabulary does not know.

    \b
    roformer-sim vocab coverage roformer_sim_char_mini_zh 'corpus/*.jsonl.gz'
    roformer-sim vocab coverage path/to/vocab.txt forum.txt --top 50 --json

    And which share of the traditional characters it has (by OpenCC's dictionary, where that is installed).
    """
    tokenizer = _tokenizer(preset)
    found = _coverage(tokenizer, texts)
    facts: dict[str, Any] = {
        "tokens": tokenizer.vocab_size,
        "words": tokenizer.words,
        "texts": found.texts,
        "characters": found.characters,
        "unknown": found.unknown,
        "unknown_share": found.unknown_share,
        "tokens_used": int((found.token_counts > 0).sum()),
        "unknown_characters": dict(found.unknown_characters.most_common(top)),
        "traditional": _traditional(tokenizer),
    }
    if as_json:
        print_json(facts)
        return
    kind = "jieba words" if tokenizer.words else "characters"
    print(f"{tokenizer.vocab_size:,} tokens ({kind}), {facts['tokens_used']:,} of them used")
    print(
        f"{found.texts:,} texts, {found.characters:,} characters, of which {found.unknown:,} become [UNK] "
        f"({found.unknown_share:.4%})"
    )
    listed = "  ".join(f"{c} {count:,}" for c, count in facts["unknown_characters"].items())
    if listed:
        print(f"most frequent unknown characters: {listed}")
    print(f"traditional characters: {_say_traditional(facts['traditional'])}")


def _traditional(tokenizer: Tokenizer) -> dict[str, Any] | None:
    if not _has_opencc():
        return None
    from roformer_sim.text.traditional import traditional_coverage

    found = traditional_coverage(tokenizer.vocabulary)._asdict()
    return found | {"missing": list(found["missing"])}


def _say_traditional(found: dict[str, Any] | None) -> str:
    if found is None:
        return "not known, OpenCC is not installed: pip install 'roformer-sim[opencc]'"
    return (
        f"the vocabulary has {found['known']:,} of OpenCC's {found['characters']:,}; of its "
        f"{found['pairs']:,} simplified characters {found['known_pairs']:,} have a usual traditional form too"
    )


def _has_opencc() -> bool:
    import importlib.util

    return importlib.util.find_spec("opencc") is not None


def _tokenizer(name: str) -> Tokenizer:
    if Path(name).is_file():
        from roformer_sim.text import Tokenizer

        return Tokenizer.from_file(name)
    return load_model(name).tokenizer


def _coverage(tokenizer: Tokenizer, inputs: list[str]) -> Coverage:
    from corpus_builder.run import find_inputs
    from corpus_builder.sentences import training_texts
    from roformer_sim.text.coverage import measure_coverage

    found = measure_coverage(tokenizer, training_texts(find_inputs(inputs)))
    if not found.characters:
        raise InputError(f"{', '.join(inputs)}: no text in it")
    return found


def _read_tokens(path: Path) -> list[str]:
    return list(_read_sources(path))


def _read_sources(path: Path) -> dict[str, list[str]]:
    """``token`` or ``token<TAB>source source`` a line; empty lines are passed over."""
    from corpus_builder.readers import read_lines

    found: dict[str, list[str]] = {}
    for number, line in read_lines(path):
        token, _, given = line.partition("\t")
        if not line.strip():
            continue
        if token.split() != [token]:
            raise InputError(
                f"{path}, line {number}: {token!r} is no token: it is empty or holds white space"
            )
        if token in found:
            raise InputError(f"{path}, line {number}: the token {token!r} is there twice")
        found[token] = given.split()
    if not found:
        raise InputError(f"{path}: no tokens; one a line is expected")
    return found


def _save(out: Path, changed: Preset, whole: Preset, as_json: bool) -> None:
    from roformer_sim.checkpoints.vocabulary_map import KEPT_TOKENS, STEPS, write_kept_tokens

    written = save_model(out, changed, lambda place: write_kept_tokens(place, changed.metadata))
    step = changed.metadata[STEPS][-1]
    before, after = whole.tokenizer.vocab_size, changed.tokenizer.vocab_size
    sizes = {
        name: sum(a.size for a in p.weights.values()) for name, p in (("before", whole), ("after", changed))
    }
    if as_json:
        kept = KEPT_TOKENS if written else None
        print_json(
            {"output": str(out), "tokens_before": before, "tokens": after, "parameters": sizes["after"]}
            | {"kept_tokens": kept}
            | ({"added": step["added"]} if "added" in step else {})
        )
        return
    print(
        f"{before:,} -> {after:,} tokens, {sizes['before']:,} -> {sizes['after']:,} parameters, "
        f"written to {out}"
    )
    for kind, new in _by_kind(step.get("added", {})).items():
        shown = " ".join(new[:20]) + (" …" if len(new) > 20 else "")
        print(f"  {len(new):,} begin as the mean of {kind}: {shown}")


def _by_kind(added: dict[str, dict[str, str]]) -> dict[str, list[str]]:
    says = {
        "sources": "the tokens given",
        "pieces": "the tokens they were cut into",
        "simplified": "their simplified form",
        "mean of all": "all tokens",
    }
    kinds: dict[str, list[str]] = {}
    for token, entry in added.items():
        kinds.setdefault(says[entry["mean_of"]], []).append(token)
    return kinds
