"""The README.md of a trained preset: what its config.json and metadata.json say, for people to read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from roformer_sim.checkpoints.preset import CONFIG, METADATA, WEIGHTS, read_json
from roformer_sim.training.watching.metric_names import COLUMNS, higher_is_better
from roformer_sim.training.watching.metrics_file import Row
from roformer_sim.training.watching.replaced_file import replace_file

CARD, CURVES = "README.md", "curves.png"


def training_facts(
    rows: Sequence[Row], *, step: int, batch_rows: int, machine: Mapping[str, Any], chosen_by: str
) -> dict[str, Any]:
    """What the metadata of the checkpoint of ``step`` says of its training, as JSON values.

    Args:
        rows: Of metrics.csv.
        step: Steps that the checkpoint has done.
        batch_rows: Rows of a batch.
        machine: From :func:`roformer_sim.training.watching.machine.machine_facts`.
        chosen_by: The figure that the best checkpoint is chosen by.

    Returns:
        ``training`` (steps, rows, tokens, seconds), ``machine``, ``chosen_by`` and ``figures``: of each
        measure of the model the first value with its step, and the one that stands for this checkpoint.
    """
    seen = [row for row in rows if row["step"] <= step]
    figures: dict[str, dict[str, float]] = {}
    for row in seen:
        for name in row.keys() - set(COLUMNS):
            if not math.isfinite(row[name]):
                continue
            figure = figures.setdefault(name, {"first": row[name], "first_step": int(row["step"])})
            figure.update(last=row[name], last_step=int(row["step"]))
    training: dict[str, Any] = {"steps": step, "rows": step * batch_rows}
    for name, key in (("tokens", "tokens"), ("seconds", "seconds")):
        known = [row[key] for row in seen if key in row]
        if known:
            training[name] = round(max(known), 1) if name == "seconds" else int(max(known))
    names = sorted(figures, key=lambda name: (name.removeprefix("val_"), name))
    return {
        "training": training,
        "machine": dict(machine),
        "chosen_by": chosen_by,
        "figures": {name: figures[name] for name in names},
    }


def write_model_card(folder: str | Path, name: str | None = None, curves: str | Path | None = None) -> Path:
    """Write ``README.md`` into a preset's folder, and ``curves.png`` beside it.

    Args:
        folder: A preset; a link is followed.
        name: What the model is called; the folder's name by default.
        curves: A picture to copy in, if there is one.

    Raises:
        InputError: No preset there, or the file cannot be written.
    """
    place = Path(folder)
    name, place = name or place.name, place.resolve()
    config, metadata = read_json(place / CONFIG), read_json(place / METADATA)
    if curves is not None and Path(curves).is_file():
        replace_file(place / CURVES, Path(curves).read_bytes())
    text = model_card(
        name, config, metadata, _parameters(place / WEIGHTS), has_curves=(place / CURVES).is_file()
    )
    replace_file(place / CARD, text.encode("utf-8"))
    return place / CARD


def model_card(
    name: str,
    config: Mapping[str, Any],
    metadata: Mapping[str, Any],
    parameters: int | None = None,
    *,
    has_curves: bool = False,
) -> str:
    """The card as Markdown; what the metadata does not say is left out, nothing is invented."""
    recipe = metadata.get("recipe", {})
    sections = [
        "---\nlanguage: zh\nlibrary_name: keras\npipeline_tag: sentence-similarity\n"
        "tags: [roformer-sim, paraphrase, sentence-vectors]\n---",
        f"# {name}",
        "Generates Chinese sentences of the same meaning and encodes sentences as vectors. Trained with "
        "roformer-sim; this card is made from `metadata.json`, which says more.",
        _table(("", ""), _network(config, parameters) + _training(metadata, recipe)),
        *_figures(metadata, has_curves),
        *_data(metadata, recipe),
        *_settings(recipe),
        _usage(name),
        _limits(config, metadata, recipe),
        "## Licence\n\nNot stated by the program that wrote this. Whoever passes the model on states it "
        "here, with the terms of the texts it was trained on.",
    ]
    return "\n\n".join(sections) + "\n"


def _network(config: Mapping[str, Any], parameters: int | None) -> list[tuple[str, str]]:
    kind = "RoFormer" if config.get("model_type") == "roformer" else "BERT"
    shape = (
        f"{kind}, {config.get('num_hidden_layers')} layers x {config.get('hidden_size')}, "
        f"{config.get('num_attention_heads')} heads, feed-forward {config.get('intermediate_size')} "
        f"({config.get('hidden_act')})"
    )
    rows = [("network", shape + (f", {parameters:,} parameters" if parameters else ""))]
    if config.get("vocab_size"):
        rows.append(("vocabulary", f"{config['vocab_size']:,} entries"))
    if config.get("pooling"):
        rows.append(("vector", f"{config['pooling']} (`encode`'s default here)"))
    return rows


def _training(metadata: Mapping[str, Any], recipe: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = []
    if "start" in recipe:
        started = recipe["start"].get("preset")
        rows.append(("started from", _file_name(started) if started else "random weights"))
    terms = _objectives(recipe)
    if terms:
        rows.append(("objectives", ", ".join(terms)))
    training = metadata.get("training", {})
    if training:
        counts = [f"{training['steps']:,} steps", f"{training['rows']:,} rows"]
        if "tokens" in training:
            counts.append(f"{training['tokens']:,} tokens without padding")
        if "seconds" in training:
            counts.append(_duration(training["seconds"]))
        rows.append(("training", ", ".join(counts)))
    machine = metadata.get("machine", {})
    if machine:
        rows.append(
            (
                "machine",
                f"{machine.get('cores')} cores of {machine.get('processor')}; "
                f"{', '.join(machine.get('devices', []))}; Keras on {machine.get('backend')}",
            )
        )
    versions = machine.get("versions") or metadata.get("versions", {})
    if versions:
        rows.append(("versions", ", ".join(f"{package} {number}" for package, number in versions.items())))
    return rows


def _objectives(recipe: Mapping[str, Any]) -> list[str]:
    named = recipe.get("objectives", {})
    return [
        f"{name} x {values.get('weight', 1.0):g}"
        for name, values in named.items()
        if isinstance(values, Mapping)
    ]


def _figures(metadata: Mapping[str, Any], has_curves: bool) -> list[str]:
    figures = metadata.get("figures", {})
    if not figures:
        return []
    rows = [
        (
            f"`{name}`",
            f"{figure['first']:.4g} (step {figure['first_step']:,})",
            f"{figure['last']:.4g} (step {figure['last_step']:,})",
            "higher" if higher_is_better(name) else "lower",
        )
        for name, figure in figures.items()
    ]
    chosen = metadata.get("chosen_by")
    said = (
        "`val_` are means over held-out pairs; the others over the steps before. `sts_` are Spearman x 100 "
        "of the cosine with the label, alignment and uniformity those of arXiv:2005.10242, on a fixed sample "
        "of the tables named." + (f" The best checkpoint was chosen by `{chosen}`." if chosen else "")
    )
    table = _table(("figure", "first", "this checkpoint", "better is"), rows, right=(1, 2))
    return ["## Figures", said, table] + ([f"![curves of the training]({CURVES})"] if has_curves else [])


def _data(metadata: Mapping[str, Any], recipe: Mapping[str, Any]) -> list[str]:
    files = [
        _file_name(entry["path"] if isinstance(entry, Mapping) else entry)
        for key, value in recipe.get("data", {}).items()
        if key != "exclude" and isinstance(value, list | tuple)
        for entry in value
    ]
    if not files:
        return []
    items = metadata.get("training_sets")
    counts = f" Training items, by kind: {', '.join(f'{n:,}' for n in items)}." if items else ""
    return ["## Trained on", ", ".join(f"`{name}`" for name in files) + "." + counts]


def _settings(recipe: Mapping[str, Any]) -> list[str]:
    rows = [
        (f"{section}.{key}", f"`{value}`")
        for section in ("data", "train")
        for key, value in recipe.get(section, {}).items()
        if isinstance(value, bool | int | float | str)
    ]
    return ["## Recipe", _table(("value", ""), rows)] if rows else []


def _usage(name: str) -> str:
    return f"""## How to use it

```python
from roformer_sim import RoFormerSim
model = RoFormerSim.from_preset("{name}")
print(model.gen_synonyms("广州和深圳哪个好？", n=20, k=5), model.encode(["怎么开通花呗"]).shape)
```

```
roformer-sim synonyms --model {name} 广州和深圳哪个好？
```"""


def _limits(config: Mapping[str, Any], metadata: Mapping[str, Any], recipe: Mapping[str, Any]) -> str:
    points = [f"Chinese text; what the {config.get('vocab_size', 0):,} entries of `vocab.txt` lack is [UNK]."]
    maxlen = recipe.get("data", {}).get("maxlen")
    if maxlen:
        points.append(f"Sentences of more than {maxlen} tokens were cut in training.")
    if any(name.startswith("sts_") for name in metadata.get("figures", {})):
        points.append("The STS figures were looked at while training; they are no test of the result.")
    points.append(
        "Sampled sentences may be false, offensive, or of another meaning. Look at them before use."
    )
    return "## Limits\n\n" + "\n".join(f"- {point}" for point in points)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    rule = "|" + "|".join("---:" if i in right else "---" for i in range(len(head))) + "|"
    lines = [[cell.replace("|", "\\|") for cell in row] for row in [head, *rows]]
    text = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([text[0], rule, *text[1:]])


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 3600:.1f} hours" if seconds >= 5400 else f"{seconds / 60:.0f} minutes"


def _file_name(path: str) -> str:
    # The folders of the author do not travel with the model.
    return Path(path).name


def _parameters(path: Path) -> int | None:
    try:
        with safe_open(path, framework="numpy") as file:
            return sum(math.prod(file.get_slice(key).get_shape()) for key in file.keys())  # noqa: SIM118
    except (OSError, SafetensorError):
        return None
