"""What a recipe will run, in words, before anything is loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from corpus_builder.errors import InputError
from corpus_builder.readers import find_inputs
from roformer_sim.training.recipe import Recipe
from roformer_sim.training.recipe_data import SimilarData

# Term: what it is, its formula as of roformer_sim.objectives.
FORMULAS = {
    "generation": (
        "next-token cross-entropy over the target sentence (UniLM)",
        "mean_t [ log sum_v exp z_tv - z_t,y_t ]",
    ),
    "mlm": (
        "cross-entropy of the masked words' tokens (BERT)",
        "mean_t [ log sum_v exp z_tv - z_t,y_t ] at the masked places",
    ),
    "rdrop": ("two dropout passes predict the same tokens (R-Drop)", "mean_t 1/2 [ KL(p||q) + KL(q||p) ]"),
    "in_batch": (
        "find the partner among all rows of the batch (SimBERT)",
        "mean_i [ log sum_j exp s_ij - s_i,partner(i) ], s_ij = scale cos(v_i, v_j), s_ii = -inf",
    ),
    "distillation": (
        "cosines as a teacher's (RoFormer-Sim, stage 2)",
        "mean_ij (cos(s_i, s_j) - cos(t_i, t_j))^2",
    ),
    "regression": (
        "the teacher's direction on its main axes, turned by a fixed rotation",
        "mean_i |s_i / |s_i| - P t_i / |P t_i||^2",
    ),
    "simcse": (
        "find the other pass of the row, or the entailed sentence (SimCSE)",
        "mean_i [ log sum_j exp s_ij - s_i,partner(i) ], s_ij = cos(v_i, v_j) / temperature",
    ),
    "sbert": (
        "classes of a pair from [u, v, |u - v|], other tasks' masked (Sentence-BERT)",
        "mean_i [ log sum_{c in task} exp z_ic - z_i,y_i ]",
    ),
    "cosent": (
        "a larger label, a larger cosine (CoSENT)",
        "log(1 + sum over y_i > y_j of exp(scale (cos_j - cos_i)))",
    ),
}
_ITEMS = {
    "similar": "pairs in both directions",
    "texts": "texts",
    "twice": "sentences, each twice",
    "labelled": "labelled pairs",
    "triples": "triples",
}


def explain(recipe: Recipe) -> str:
    """A page about the recipe: start, data, loss, steps, and every value that holds.

    Files are looked for and those that are missing are marked, but none is read.
    """
    return "\n".join([*_start(recipe), *_data(recipe), *_loss(recipe), *_steps(recipe), "", *_values(recipe)])


def _start(recipe: Recipe) -> Iterator[str]:
    start = recipe.start
    yield "start"
    if start.preset is not None:
        yield f"  weights, network and vocabulary of the preset {start.preset}"
    else:
        shape = start.config or {}
        yield (
            f"  a new {shape.get('model_type', 'roformer')} of {shape.get('num_hidden_layers', '?')} x "
            f"{shape.get('hidden_size', '?')}, random weights of seed {recipe.train.seed}; "
            f"vocabulary {_file(start.vocab or 'not given')}"
        )
    vector = start.pooling or (start.config or {}).get("pooling")
    yield f"  sentence vector: {vector or 'as the start says (P2 unless set)'}"


def _data(recipe: Recipe) -> Iterator[str]:
    data, train = recipe.data, recipe.train
    yield "data"
    for key, files in data.files.items():
        for name in files:
            yield f"  {key}: {_file(name)}"
    items = train.batch_rows // data.rows_per_item
    alone = ""
    if isinstance(data, SimilarData) and data.sentences:
        alone = f"; {100 * data.sentence_share:g} % of the rows are sentences that stand alone instead"
    yield f"  a batch: {train.batch_rows} rows = {items} {_ITEMS[data.rows]}{alone}"
    yield f"  a sentence: at most {data.maxlen} tokens"
    yield f"  kept back for validation: {data.held_out} of each kind"


def _loss(recipe: Recipe) -> Iterator[str]:
    yield "loss = sum of"
    for name, term in recipe.objectives.terms.items():
        what, formula = FORMULAS[name]
        settings = term.model_dump(exclude={"weight"}, exclude_none=True)
        given = "".join(f", {key} {value}" for key, value in settings.items())
        yield f"  {term.weight:g} x {name}: {what}{given}"
        yield f"      {formula}"
    if recipe.objectives.mask_false_negatives and {"in_batch", "simcse"} & recipe.objectives.terms.keys():
        yield "  equal texts and members of one group are not counted as negatives of one another"


def _steps(recipe: Recipe) -> Iterator[str]:
    train, watch = recipe.train, recipe.watch
    yield "steps"
    steps = train.last_epoch * train.steps_per_epoch
    yield (
        f"  {train.last_epoch} epochs x {train.steps_per_epoch:,} = {steps:,} batches, "
        f"{steps * train.batch_rows:,} rows; a checkpoint after each epoch"
    )
    clipped = f"at most {train.clip_norm:g}" if train.clip_norm else "not limited"
    falls = "then falling to 0" if train.schedule == "linear" else "then constant"
    yield (
        f"  AdamW, learning rate {train.learning_rate:g} after {train.warmup_steps:,} steps, {falls}; "
        f"weight decay {train.weight_decay:g}, gradient norm {clipped}"
    )
    if train.sub_batches > 1:
        yield f"  GradCache: {train.sub_batches} parts of a batch one at a time, negatives of the whole batch"
    if train.accumulate > 1:
        yield f"  a step of the optimiser every {train.accumulate} batches; negatives of one batch"
    best = watch.best or ("val_loss" if recipe.data.held_out else "loss")
    yield f"  kept: the best by {best} and the newest {watch.keep}"
    for name in watch.sts:
        yield f"  STS: {_file(name)}"


def _values(recipe: Recipe) -> Iterator[str]:
    yield "every value, as --set takes it"
    unset = []
    for key, value in _flat(recipe.model_dump(), ""):
        if value is None:
            unset.append(key)
        else:
            yield f"  {key} = {_toml(value)}"
    yield f"  not set: {', '.join(unset)}"


def _flat(values: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _toml(value: Any) -> str:
    """A value as TOML; keys of inline tables that are not set are left out."""
    if isinstance(value, dict):
        inside = ", ".join(f"{key} = {_toml(each)}" for key, each in value.items() if each is not None)
        return f"{{ {inside} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _file(name: str) -> str:
    try:
        find_inputs([name])
    except InputError:
        return f"{name} (MISSING)"
    return name
