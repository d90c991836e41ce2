"""From the name of a teacher in a recipe to the teacher."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import cast

import numpy as np

from corpus_builder.errors import InputError
from corpus_builder.study.teachers import TEACHERS as READY_MADE
from corpus_builder.study.teachers import load_teacher as load_ready_made
from roformer_sim.teachers.cache import CachedTeacher
from roformer_sim.teachers.checked import CheckedTeacher, Teacher

SENTENCE_TRANSFORMERS, PYTHON, CACHE = "sentence-transformers:", "python:", "cache:"
_POOLING = re.compile(r"(?P<preset>.+)@(?P<pooling>P[1-4])")


def load_teacher(spec: str) -> CheckedTeacher | CachedTeacher:
    """The teacher that a recipe or a command names.

    ``roformer_sim_char_mini_zh``: a shipped preset; also a preset folder or a bert4keras / Google checkpoint
    folder. ``NAME@P3`` chooses the vector (P1 to P4) instead of the preset's own.

    ``use``, ``e5``: Universal Sentence Encoder multilingual and multilingual-e5-small, offline. (``./use`` is
    a folder of that name.)

    ``sentence-transformers:NAME``: a model of that library, by name or folder.

    ``python:package.module:function``: your own function, list of strings to array (n, d). The module is
    imported and the function called: this runs whatever they hold.

    ``cache:FOLDER``: what ``roformer-sim teacher-cache`` has written.

    All but a cache are asked for three sentences at once: a broken one is known before the first step.

    Raises:
        InputError: There is no such teacher, its library is not installed, or its first answer is wrong.
    """
    if spec.startswith(CACHE):
        return CachedTeacher(spec.removeprefix(CACHE))
    teacher = CheckedTeacher(_teach(spec), spec)
    teacher.probe()
    return teacher


def needs_keras(spec: str) -> bool:
    """Whether it is a preset, which runs on Keras."""
    return spec not in READY_MADE and not spec.startswith((SENTENCE_TRANSFORMERS, PYTHON, CACHE))


def _teach(spec: str) -> Teacher:
    if spec in READY_MADE:
        return load_ready_made(spec).encode
    if spec.startswith(SENTENCE_TRANSFORMERS):
        return _sentence_transformers(spec.removeprefix(SENTENCE_TRANSFORMERS))
    if spec.startswith(PYTHON):
        return _python_function(spec)
    return _preset(spec)


def _preset(spec: str) -> Teacher:
    name, pooling = preset_and_pooling(spec)
    from roformer_sim.model import RoFormerSim

    model = RoFormerSim.from_preset(name)
    return lambda texts: model.encode(texts, pooling=pooling)


def preset_and_pooling(spec: str, role: str = "teacher") -> tuple[str, str | None]:
    """The preset of ``NAME`` or ``NAME@P3``, which exists, and the vector that is asked for.

    Args:
        spec: What a recipe or a command names.
        role: What messages call it.

    Raises:
        InputError: There is no such preset, or it is a folder of another kind.
    """
    found = _POOLING.fullmatch(spec)
    name, pooling = (found["preset"], found["pooling"]) if found else (spec, None)
    _refuse_other_names(spec, name, role)
    return name, pooling


def _refuse_other_names(spec: str, name: str, role: str) -> None:
    from roformer_sim.checkpoints import resolve_preset

    try:
        folder = resolve_preset(name)
    except InputError as error:
        raise InputError(
            f"{role} {spec}: {error}; name a preset (NAME, FOLDER or NAME@P1 to @P4), "
            f"{', '.join(READY_MADE)}, {SENTENCE_TRANSFORMERS}NAME, {PYTHON}module:function or {CACHE}FOLDER"
        ) from None
    if (folder / "modules.json").is_file():
        raise InputError(f"{name}: is a sentence-transformers folder; write {SENTENCE_TRANSFORMERS}{name}")
    if CachedTeacher.is_cache(folder):
        raise InputError(f"{name}: is a teacher cache; write {CACHE}{name}")


def _sentence_transformers(name: str) -> Teacher:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise InputError(
            f"teacher {SENTENCE_TRANSFORMERS}{name}: the library cannot be imported ({error}): "
            "pip install 'roformer-sim[sentence-transformers]'"
        ) from None
    try:
        model = SentenceTransformer(name)
    except Exception as error:  # it raises a dozen kinds, of its own and of what it is built on
        raise InputError(f"teacher {SENTENCE_TRANSFORMERS}{name}: cannot be loaded: {error}") from error
    return lambda texts: np.asarray(model.encode(texts, convert_to_numpy=True, show_progress_bar=False))


def _python_function(spec: str) -> Teacher:
    module, _, name = spec.removeprefix(PYTHON).partition(":")
    if not module or not name:
        raise InputError(f"teacher {spec}: expected {PYTHON}package.module:function")
    if (here := str(Path.cwd())) not in sys.path:  # `roformer-sim` does not look there, `python -m` does
        sys.path.append(here)
    try:
        function = getattr(importlib.import_module(module), name)
    except AttributeError:
        raise InputError(f"teacher {spec}: the module {module} has no {name!r}") from None
    except Exception as error:
        raise InputError(
            f"teacher {spec}: {module} cannot be imported ({type(error).__name__}: {error}); "
            "is it in this folder or on PYTHONPATH?"
        ) from error
    if not callable(function):
        raise InputError(f"teacher {spec}: {name} is no function but {type(function).__name__}")
    return cast(Teacher, function)
