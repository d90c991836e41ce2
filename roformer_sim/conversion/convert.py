"""From one kind of folder to another, both ends checked by running what reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.atomic import atomic_folder
from roformer_sim.checkpoints.folders import kind_of, load_any, resolve_preset
from roformer_sim.conversion.formats import FORMATS, Format
from roformer_sim.conversion.outputs import TEXTS, Outputs, Samples, largest_differences, own_outputs


@dataclass(frozen=True)
class Side:
    """One end of a conversion.

    Attributes:
        format: Its name.
        differences: Largest absolute difference by kind (see :data:`roformer_sim.conversion.outputs.Outputs`)
            between our network and the other tool; ``None`` if it was not run.
        tolerance: The most that was allowed.
    """

    format: str
    differences: dict[str, float] | None
    tolerance: float


@dataclass(frozen=True)
class Conversion:
    """What was done.

    Attributes:
        source, target: The two ends.
        has_pooler, has_lm_head: What the network can do at the other end.
        samples: Texts that both sides were run on.
    """

    source: Side
    target: Side
    has_pooler: bool
    has_lm_head: bool
    samples: int


def convert(
    source: str | Path,
    target: str | Path,
    to: str,
    *,
    texts: Sequence[str] = TEXTS,
    check: bool = True,
    model_type: Literal["roformer", "bert"] | None = None,
) -> Conversion:
    """Write ``source`` as a folder of another format.

    Both sides are run on ``texts`` before anything is seen at ``target``: what the tool of the source's
    format makes of the source against our network of it, and what the target's tool makes of the files that
    were written. If they differ by more than a format's tolerance, nothing is left behind.

    Args:
        source: A preset's name or any folder that :meth:`RoFormerSim.from_preset` reads.
        target: Folder to write; one that is there is replaced when all is well.
        to: Name of a format in :data:`FORMATS`.
        texts: Sentences the two sides are run on.
        check: ``False`` leaves running the other tools out.
        model_type: See :meth:`RoFormerSim.from_preset`.

    Raises:
        InputError: Unknown format or folder, a library the check needs is missing, the sides differ.
    """
    format_ = _format(to)
    place = resolve_preset(source)
    if Path(target).resolve() == place.resolve():
        raise InputError(f"{target}: is the source itself; write to another folder")
    origin = FORMATS.get(kind_of(place))
    preset = load_any(place, model_type=model_type)
    samples = Samples.of(preset, texts)
    ours = own_outputs(preset, samples) if check else {}
    read = check and origin is not None and origin.name != "preset"
    came_from = _checked(origin, place, samples, ours) if read and origin else None
    with atomic_folder(target) as folder:
        format_.write(preset, folder)
        written = _checked(format_, folder, samples, ours) if check else None
    tolerance = origin.tolerance if origin else 0.0
    return Conversion(
        Side(kind_of(place), came_from, tolerance),
        Side(to, written, format_.tolerance),
        preset.config.has_pooler,
        preset.config.has_lm_head,
        len(samples.texts),
    )


def _format(name: str) -> Format:
    writable = [format_.name for format_ in FORMATS.values() if format_.writes]
    if name not in writable:
        raise InputError(f"no format {name!r} to convert to; there are {', '.join(writable)}")
    return FORMATS[name]


def _checked(format_: Format, folder: Path, samples: Samples, ours: Outputs) -> dict[str, float]:
    try:
        differences = largest_differences(ours, format_.run(folder, samples))
    except InputError as error:
        raise InputError(f"the check of the {format_.name} folder failed: {error}") from error
    kind = max(differences, key=lambda kind: differences[kind])
    if differences[kind] > format_.tolerance:
        raise InputError(
            f"the {format_.name} folder gives other {kind} than our network: {differences[kind]:.2g} apart, "
            f"{format_.tolerance:.0e} allowed; nothing was written"
        )
    return differences
