"""The Spark engine gives what the local engine gives: the same pairs, order, scores, origins and counts."""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from corpus_builder import build
from corpus_builder.cli import main
from corpus_builder.errors import InputError
from corpus_builder.exclusion import Exclusion
from corpus_builder.kernels.partners import KEPT, PairGate, pair_keys
from corpus_builder.miners.run import Mining
from corpus_builder.rules import Rules
from corpus_builder.run import OnError, Run

# Short jobs: half of the time would go into compiling for speed that nothing here needs.
QUICK_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"

pytestmark = pytest.mark.usefixtures("spark")

SUBJECTS = ["我们公司", "隔壁的王老师", "这家小饭馆", "新来的同事", "楼下的邻居", "北京的朋友", "我的妹妹"]
TIMES = ["昨天下午", "上个星期", "今年春天", "每天早上", "去年冬天", "周末的时候", "刚才"]
ACTIONS = ["买了一台新电脑", "做了一顿好吃的饭", "去公园里散步", "看了一部老电影", "修好了那辆自行车"]
ENDINGS = ["，大家都很高兴", "，心情好多了", "，可是下雨了", "，花了不少钱", ""]
BOILERPLATE = ["本文版权归作者所有，转载请注明出处。", "本文的版权归作者所有，转载请注明来源。"]
EXCLUDED = "昨天下午我们公司买了一台新电脑，大家都很高兴。"
# More than a thousand sentences, each of which resembles every other.
FLOWERS = "梅兰竹菊荷桂桃杏梨李樱棠榴莲葵芍药蔷薇玫瑰茉莉牡丹杜鹃海芙蓉松柏枫柳"
DENSE = "".join(f"我们今天在城南的公园里看到了许多漂亮的{a}花和{b}花。" for a in FLOWERS for b in FLOWERS)


def sentence(rng: random.Random) -> str:
    parts = [rng.choice(TIMES), rng.choice(SUBJECTS)]
    rng.shuffle(parts)
    return "".join(parts) + rng.choice(ACTIONS) + rng.choice(ENDINGS) + "。"


def text(rng: random.Random, most: int = 14) -> str:
    said = [sentence(rng) for _ in range(rng.randint(0, most))]
    if rng.random() < 0.1:
        said += BOILERPLATE
    if rng.random() < 0.1:
        said.append(EXCLUDED)
    rng.shuffle(said)
    return "".join(said) or "嗯。"


def write_documents(folder: Path, count: int, files: int = 3, *, dense: bool = False) -> list[Path]:
    """Documents, some of them twice and one long, in several files; some rows cannot be used."""
    rng = random.Random(7)
    rows = [
        {"doc_id": f"文/{n}", "text": text(rng), "source": rng.choice(["甲", "乙"])} for n in range(count)
    ]
    rows += rng.sample(rows, count // 20)
    rows.append({"doc_id": "长", "text": text(rng, 400), "source": "丙"})
    if dense:
        rows.append({"doc_id": "密", "text": DENSE, "source": "丙"})
    rng.shuffle(rows)
    paths = []
    for number in range(files):
        path = folder / f"文档{number}.jsonl"
        lines = [json.dumps(row, ensure_ascii=False) for row in rows[number::files]]
        path.write_text("\n".join([*lines[:5], "{这不是JSON", *lines[5:], '{"doc_id": "无文"}']), "utf-8")
        paths.append(path)
    return paths


def write_questions(folder: Path, count: int) -> list[Path]:
    rng = random.Random(8)
    rows = []
    for n in range(count):
        question = f"第{n % (count // 2)}个问题怎么办" + rng.choice(["？", "", "？\n在线等。"])
        rows.append({"question": question, "answers": [text(rng, 5) for _ in range(rng.randint(0, 4))]})
    path = folder / "问答.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    return [path]


def new_run(command: str, paths: list[Path], output: Path) -> Run:
    return Run(command, paths, output, {}, on_error=OnError.SKIP)


def both(paths: list[Path], mining: Mining, folder: Path, shape: str = "documents", **options) -> Run:
    """Mine on both engines; everything written and counted must be equal."""
    from corpus_builder.engines.spark import run_on_spark

    local, spark = (new_run("mine", paths, folder / name / "pairs.jsonl") for name in ("local", "spark"))
    mine = build.mine_documents if shape == "documents" else build.mine_answers
    mine(local, mining, processes=1, **options)
    run_on_spark(spark, mining, shape=shape, **options)
    for ending in ("jsonl", "rejects.jsonl"):
        files = [run.output.with_name(f"pairs.{ending}") for run in (local, spark)]
        assert [file.exists() for file in files] in ([True, True], [False, False])
        if files[0].exists():
            assert files[1].read_bytes() == files[0].read_bytes()
    assert dict(spark.counts) == dict(local.counts)
    return spark


@pytest.mark.parametrize(("variant", "max_partners"), [("set", 1), ("multiset", 2), ("bigram", 3)])
def test_documents_give_the_same_file_as_on_one_machine(tmp_path, variant, max_partners):
    rules = Rules(max_partners=max_partners, same_numbers=True, max_substituted=2)
    threshold = 0.5 if variant == "bigram" else 0.7
    mining = Mining(threshold, variant, rules, max_documents=40)
    paths = write_documents(tmp_path, 1000, dense=True)
    run = both(paths, mining, tmp_path, exclusion=Exclusion([EXCLUDED]))
    # The data are such that every step has something to do.
    for step in ("in a benchmark", "said before"):
        assert run.counts[f"sentences dropped: {step}"] > 10
    for step in ("boilerplate", "seen before", "enough partners"):
        assert run.counts[f"pairs dropped: {step}"] > 0
    assert run.counts["dense groups"] == 1
    assert run.counts["pairs"] > 100
    assert run.counts["rows rejected"] == 6


def test_windows_run_across_files_as_on_one_machine(tmp_path):
    mining = Mining(0.75, "set", Rules(max_partners=0), max_documents=20)
    run = both(write_documents(tmp_path, 200), mining, tmp_path, window=7, source="报")
    assert run.counts["groups"] == -(-211 // 7)
    assert json.loads(run.output.read_text("utf-8").split("\n")[0])["source"] == "报"


@pytest.mark.parametrize("question_similarity", [None, 1.0])
def test_answers_give_the_same_file_as_on_one_machine(tmp_path, question_similarity):
    mining = Mining(0.65, "set", Rules(max_partners=2), across_texts=True)
    paths = write_questions(tmp_path, 600)
    run = both(paths, mining, tmp_path, "qa", question_similarity=question_similarity)
    assert run.counts["questions"] == (600 if question_similarity is None else 300)
    assert run.counts["questions with a single answer"] > 0
    assert run.counts["pairs dropped: seen before"] > 10


def test_pairs_too_many_for_the_driver_take_another_way_to_the_same_result(spark, tmp_path):
    from corpus_builder.engines.spark import Tuning, mine_documents, read_documents

    mining = Mining(0.7, "set", Rules(max_partners=2), max_documents=10)
    documents = read_documents(spark, write_documents(tmp_path, 300), on_error="skip")
    ways = [Tuning(), Tuning(str(tmp_path / "work"), partitions=3, most_on_driver=10)]
    results = []
    for tuning in ways:
        counts: Counter[str] = Counter()
        pairs = mine_documents(documents, mining, counts=counts, tuning=tuning)
        assert pairs.columns == ["text_a", "text_b", "score", "source", "origin"]
        results.append((sorted(map(tuple, pairs.collect())), counts))
    assert results[0] == results[1]
    assert results[0][1]["boilerplate sentences"] > 0
    assert (tmp_path / "work" / "round-1").is_dir()


def test_documents_of_any_dataframe_in_an_order_that_does_not_depend_on_how_they_lie(spark):
    from corpus_builder.engines.spark import mine_documents

    rng = random.Random(9)
    rows = [(n, text(rng)) for n in range(150)]
    rows += rows[:10]  # the same documents once more
    mining = Mining(0.7, "set", Rules(max_partners=1))
    found = []
    for parts in (1, 3):
        rng.shuffle(rows)
        documents = spark.createDataFrame(rows, "doc_id int, text string").repartition(parts)
        found.append(sorted(map(tuple, mine_documents(documents, mining).collect())))
    assert found[0] == found[1]
    sentences = Counter(text for row in found[0] for text in row[:2])
    assert max(sentences.values()) == 1
    assert {row[3] for row in found[0]} == {""}


def random_pairs(rng: np.random.Generator) -> np.ndarray:
    """A list of pairs: sparse or dense, a star, or a path in order, with repeats either way round."""
    kind, size = rng.integers(4), int(rng.integers(0, 40))
    if kind == 0:
        pairs = rng.integers(1, 5 + size // 2, (size, 2))
    elif kind == 1:
        pairs = rng.integers(1, 8, (size, 2))
    elif kind == 2:
        pairs = np.stack([np.where(rng.random(size) < 0.6, 1, 2), rng.integers(3, 30, size)], axis=1)
    else:
        length = min(size, 9)  # takes as many rounds as it is long
        pairs = np.stack([np.arange(1, length + 1), np.arange(2, length + 2)], axis=1)
    return pairs[pairs[:, 0] != pairs[:, 1]]


@pytest.mark.parametrize("most_on_driver", [0, 2000, 10**6])
def test_the_gate_is_that_of_the_local_engine(spark, most_on_driver):
    """Hundreds of lists of pairs in one DataFrame: they share no sentence, so each is a case by itself."""
    from corpus_builder.engines.spark.partners import admitted, first_of_equal
    from corpus_builder.engines.spark.sessions import stored

    rng = np.random.default_rng(most_on_driver)
    for max_partners in (1, 3) if most_on_driver == 0 else (2,):
        lists = [random_pairs(rng) + 1000 * (n + 1) for n in range(400)]
        gate, every = PairGate(max_partners), np.concatenate(lists).astype(np.uint64)
        every *= np.uint64(0x9E3779B97F4A7C15)  # over the whole range, with and without the highest bit
        verdicts = gate.admit(every)
        keys = pair_keys(every)
        places = np.arange(len(every))
        columns = [keys.view(np.int64), places // 7 - 50, places % 7, *every.view(np.int64).T]
        rows = list(zip(*(column.tolist() for column in columns), strict=True))
        rng.shuffle(rows)
        frame = spark.createDataFrame(rows, "key long, position long, rank long, a long, b long")
        edges = stored(first_of_equal(frame), "", "")
        found = admitted(edges, max_partners, most_on_driver=most_on_driver).collect()
        order = sorted((row["position"] + 50) * 7 + row["rank"] for row in found)
        assert order == np.flatnonzero(verdicts == KEPT).tolist()
        times = Counter(keys.tolist())
        assert {row["key"]: row["times"] for row in found} == {
            key - (key >> 63 << 64): times[key] for key in keys[order].tolist()
        }


class TestErrors:
    MINING = Mining(0.6, "set", Rules())

    def test_a_row_that_cannot_be_used_is_named_as_on_one_machine(self, tmp_path):
        from corpus_builder.engines.spark import run_on_spark

        path = tmp_path / "坏.jsonl"
        path.write_text('{"doc_id": "一", "text": "好。"}\n{"doc_id": "二"}\n', "utf-8")
        said = []
        for mine in (build.mine_documents, run_on_spark):
            run = Run("mine", [path], tmp_path / "out.jsonl", {})
            with pytest.raises(InputError) as caught:
                mine(run, self.MINING)
            said.append(str(caught.value))
        assert said[0] == said[1]
        assert "line 2" in said[1]
        assert not (tmp_path / "out.jsonl").exists()

    def test_a_missing_column_is_named(self, spark):
        from corpus_builder.engines.spark import mine_documents

        frame = spark.createDataFrame([("一", "好。")], "id string, text string")
        with pytest.raises(InputError, match="lacks the column doc_id; it has id, text"):
            mine_documents(frame, self.MINING)

    def test_a_null_text_is_named(self, spark):
        from corpus_builder.engines.spark import mine_documents

        frame = spark.createDataFrame([("一", "好。"), ("二", None)], "doc_id string, text string")
        with pytest.raises(InputError, match='row "二": text or answers must not be null'):
            mine_documents(frame, self.MINING)

    @pytest.mark.parametrize("positions", [[0, 2], [1, 2], [0, 0], [0, None]])
    def test_windows_need_consecutive_positions(self, spark, positions):
        from corpus_builder.engines.spark import mine_documents

        rows = [("一", "好。", position) for position in positions]
        frame = spark.createDataFrame(rows, "doc_id string, text string, position long")
        with pytest.raises(InputError, match="must number the rows without gaps"):
            mine_documents(frame, self.MINING, window=2)

    def test_windows_need_positions(self, spark):
        from corpus_builder.engines.spark import mine_documents

        frame = spark.createDataFrame([("一", "好。")], "doc_id string, text string")
        with pytest.raises(InputError, match="lacks the column position; window > 1 needs it"):
            mine_documents(frame, self.MINING, window=2)

    def test_similar_questions_are_for_the_local_engine(self, spark):
        from corpus_builder.engines.spark import mine_answers

        frame = spark.createDataFrame([("问？", ["答。"])], "question string, answers array<string>")
        with pytest.raises(InputError, match=r"question similarity must be 1 \(is 0.8\)"):
            mine_answers(frame, self.MINING, question_similarity=0.8)


def test_the_command_line_writes_the_same_file_on_either_engine(spark, tmp_path, capsys, monkeypatch):
    # In this process, with the session there is: a second Java would take longer than all else.
    example = Path(__file__).resolve().parents[3] / "examples" / "documents.jsonl"
    outputs = []
    for engine in (("local",), ("spark", "--master", "local[2]")):
        output = tmp_path / f"{engine[0]}.jsonl"
        command = ["corpus-builder", "mine-documents", str(example), "--engine", *engine, "-o", str(output)]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        outputs.append((output.read_bytes(), capsys.readouterr().out.splitlines()[:-1]))
    assert outputs[0] == outputs[1]
    assert outputs[0][0].count(b"\n") >= 5
