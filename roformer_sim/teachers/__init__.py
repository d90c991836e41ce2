"""Teachers: anything that maps a list of sentences to vectors, for distillation.

``checked``   what a teacher is, and the checks that each of its answers must pass
``load``      a recipe's name of a teacher to the teacher
``e5``        multilingual-e5-small on the native engine
``cache``     vectors on disk, found by their text's hash
``fill``      computes what is missing in a cache, resumable
``texts``     the texts of training files, cut as training cuts them

Nothing here imports Keras before a preset is loaded. Training is given a teacher as a function; this folder
stands behind the model, since a preset of ours is a teacher too.
"""

from roformer_sim.teachers.cache import CachedTeacher
from roformer_sim.teachers.checked import CheckedTeacher, RememberingTeacher, Teacher
from roformer_sim.teachers.fill import Filled, fill_cache
from roformer_sim.teachers.load import load_teacher, needs_keras
from roformer_sim.teachers.texts import TrainingTexts

__all__ = [
    "CachedTeacher",
    "CheckedTeacher",
    "Filled",
    "RememberingTeacher",
    "Teacher",
    "TrainingTexts",
    "fill_cache",
    "load_teacher",
    "needs_keras",
]
