"""Every figure of every system on the same sources."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from corpus_builder.errors import InputError
from roformer_sim.evaluation.generation.baselines import System
from roformer_sim.evaluation.generation.bleu import ibleu, mean_bleu, self_bleu
from roformer_sim.evaluation.generation.kept import kept_negation, kept_numbers
from roformer_sim.evaluation.generation.references import Source
from roformer_sim.evaluation.generation.tracking import Track, untracked
from roformer_sim.evaluation.generation.variety import distinct_n, new_variants

NAN = float("nan")
REFERENCES = "reference paraphrases"
"""The system that returns what people wrote."""

Encode = Callable[[Sequence[str]], npt.NDArray[np.float32]]
NatsPerToken = Callable[[Sequence[str], Sequence[str]], Sequence[float]]
"""Sources and variants to the mean negative log-probability of a variant's token given its source."""


@dataclass(frozen=True)
class SystemScores:
    """What one system returned, and its figures.

    Attributes:
        name: Shown in the report.
        variants: Of each source.
        values: A metric's name to (sources,) float64, NaN where a source has no such figure; ``perplexity``
            is kept as nats a token.
        seconds: Time the system took.
    """

    name: str
    variants: list[list[str]]
    values: dict[str, npt.NDArray[np.float64]]
    seconds: float


def evaluate_generation(
    systems: Mapping[str, System],
    sources: Sequence[Source],
    *,
    similarity: Encode | None = None,
    nats_per_token: NatsPerToken | None = None,
    block: int = 32,
    track: Track = untracked,
) -> list[SystemScores]:
    """Ask every system for variants of every source and measure them; people's own paraphrases come last.

    The references are measured as a system called :data:`REFERENCES`; each of them is compared with the
    other references of its source, where there are any.

    Args:
        systems: By name.
        sources: At least one.
        similarity: An encoder that knows nothing of the systems; without it no such figure.
        nats_per_token: A model's likelihood of variants; without it no perplexity.
        block: Sources handed to a system at once.
        track: Shows how far it is.

    Raises:
        InputError: No source, a system returns another number of lists than it got sources.

    Example:
        >>> sources = [Source("怎么开通花呗", ("花呗如何开通",))]
        >>> [copied, people] = evaluate_generation({"copying": copying(2)}, sources)
        >>> copied.values["new"].tolist(), people.values["new"].tolist()
        ([0.0], [1.0])
    """
    if not sources:
        raise InputError("there is no source to generate from")
    if REFERENCES in systems:
        raise InputError(f"{REFERENCES!r} is measured always; call the system something else")
    made = [(name, *_asked(name, system, sources, max(block, 1), track)) for name, system in systems.items()]
    made.append((REFERENCES, [list(source.references) for source in sources], 0.0))
    results = [
        SystemScores(name, variants, _text_figures(name, sources, variants, track), seconds)
        for name, variants, seconds in made
    ]
    if similarity is not None:
        _add_similarity(results, sources, similarity, track)
    if nats_per_token is not None:
        _add_perplexity(results, sources, nats_per_token)
    return results


def _asked(
    name: str, system: System, sources: Sequence[Source], block: int, track: Track
) -> tuple[list[list[str]], float]:
    texts = [source.text for source in sources]
    started = time.perf_counter()
    variants: list[list[str]] = []
    for start in track(range(0, len(texts), block), name):
        part = texts[start : start + block]
        answer = system(part)
        if len(answer) != len(part):
            raise InputError(f"{name}: {len(part)} sources gave {len(answer)} lists of variants")
        variants += map(list, answer)
    return variants, time.perf_counter() - started


def _text_figures(
    name: str, sources: Sequence[Source], variants: Sequence[Sequence[str]], track: Track
) -> dict[str, npt.NDArray[np.float64]]:
    rows = []
    pairs = list(zip(sources, variants, strict=True))
    for source, found in track(pairs, f"{name}: figures"):
        new = new_variants(source.text, found)
        to_source = mean_bleu(found, [source.text])
        # A reference against the other references of its source is what self-BLEU is.
        to_references = self_bleu(found) if name == REFERENCES else mean_bleu(found, source.references)
        rows.append(
            {
                "returned": len(found),
                "new": new,
                "new_share": new / len(found) if found else NAN,
                "distinct_1": distinct_n(found, 1),
                "distinct_2": distinct_n(found, 2),
                "self_bleu": self_bleu(found),
                "bleu_references": to_references,
                "bleu_source": to_source,
                "ibleu": ibleu(to_references, to_source),
                "kept_numbers": kept_numbers(source.text, found),
                "kept_negation": kept_negation(source.text, found),
            }
        )
    return {key: np.array([row[key] for row in rows], np.float64) for key in rows[0]}


def _add_similarity(
    results: Sequence[SystemScores], sources: Sequence[Source], encode: Encode, track: Track
) -> None:
    texts = dict.fromkeys(source.text for source in sources)
    texts.update(dict.fromkeys(text for result in results for found in result.variants for text in found))
    ordered = sorted(texts, key=len)  # an encoder wastes less on neighbours of one length
    blocks = [ordered[start : start + 512] for start in range(0, len(ordered), 512)]
    vectors = np.concatenate([encode(part) for part in track(blocks, "similarity")]).astype(np.float64)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    place = {text: row for row, text in enumerate(ordered)}
    for result in results:
        result.values["similarity"] = np.array(
            [
                float(np.mean(vectors[[place[text] for text in found]] @ vectors[place[source.text]]))
                if found
                else NAN
                for source, found in zip(sources, result.variants, strict=True)
            ]
        )


def _add_perplexity(
    results: Sequence[SystemScores], sources: Sequence[Source], nats_per_token: NatsPerToken
) -> None:
    pairs = [
        (source.text, text)
        for result in results
        for source, found in zip(sources, result.variants, strict=True)
        for text in found
    ]
    nats = iter(nats_per_token([a for a, _ in pairs], [b for _, b in pairs]))
    for result in results:
        result.values["perplexity"] = np.array(
            [float(np.mean([next(nats) for _ in found])) if found else NAN for found in result.variants]
        )
