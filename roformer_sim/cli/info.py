"""``roformer-sim info``: what a preset or checkpoint folder is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from roformer_sim.cli import options
from roformer_sim.cli.outputs import print_json

if TYPE_CHECKING:
    from roformer_sim.checkpoints import Preset
    from roformer_sim.models import ModelConfig


def info(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="PRESET",
            help="Preset name or folder; without it, the shipped presets.",
            show_default=False,
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Tell what a folder of any kind is: what was found, what is missing, what it can do, how it was made.

    \b
    roformer-sim info
    roformer-sim info roformer_sim_char_mini_zh
    roformer-sim info path/to/chinese_roformer-sim-char-ft_L-12_H-768_A-12 --json
    roformer-sim info junnyu/roformer_chinese_char_base
    """
    from roformer_sim.checkpoints import resolve_preset, shipped_presets

    if name is None:
        names = shipped_presets()
        if as_json:
            print_json({"shipped_presets": names})
        else:
            print("\n".join(names) or "no preset is shipped with this installation")
        return
    facts = describe(resolve_preset(name))
    if as_json:
        print_json(facts)
        return
    for key, value in facts.items():
        if isinstance(value, dict):
            print(f"{key}:")
            for inner, entry in value.items():
                print(f"  {inner}: {_short(entry)}")
        else:
            print(f"{key}: {value:,}" if isinstance(value, int) else f"{key}: {value}")


def describe(folder: Path) -> dict[str, Any]:
    """Facts of a folder, which is read whole: a damaged one is an error."""
    from roformer_sim.checkpoints import load_any
    from roformer_sim.checkpoints.folders import kind_of, title_of
    from roformer_sim.generation.engines.choose import best_engine
    from roformer_sim.retrieval.engines.choose import best_encoder

    preset, generating, encoding = load_any(folder), best_engine(), best_encoder()
    config = preset.config
    return {
        "folder": str(folder),
        "kind": kind_of(folder),
        "is": title_of(folder),
        "found": ", ".join(_found(preset)),
        "missing": ", ".join(_missing(config)) or "nothing",
        "can": "encode and generate" if config.has_lm_head else "encode (no language-model head)",
        "vectors": ", ".join(config.poolings) + f"; its own {config.pooling}",
        "parameters": sum(array.size for array in preset.weights.values()),
        "bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        "tokens": preset.tokenizer.vocab_size,
        "generation engine here": f"{generating.name}, because {generating.why}",
        "encoding engine here": f"{encoding.name}, because {encoding.why}",
        "config": config.model_dump(),
        "metadata": preset.metadata,
    }


def _found(preset: Preset) -> list[str]:
    config, tokenizer = preset.config, preset.tokenizer
    network = "RoFormer" if config.model_type == "roformer" else "BERT"
    found = [f"{network} of {config.num_hidden_layers} layers, {config.hidden_size} wide"]
    found += ["pooler (P2)"] * config.has_pooler + ["language-model head"] * config.has_lm_head
    units = "words" if tokenizer.words else "characters"
    case = "lower-cased" if tokenizer.do_lower_case else "case kept"
    return [*found, f"vocabulary of {tokenizer.vocab_size} tokens ({units}, {case})"]


def _missing(config: ModelConfig) -> list[str]:
    lacks = {
        "pooler (no P2; vectors are " + config.pooling + ")": not config.has_pooler,
        "language-model head (no sentences; train it on pairs to have one)": not config.has_lm_head,
    }
    return [name for name, is_missing in lacks.items() if is_missing]


def _short(value: Any, limit: int = 200) -> str:
    text = str(value)
    return text if len(text) <= limit else f"{text[:limit]}… (all of it with --json)"
