"""Public files to the benchmark's folder: layouts recognised, sets and splits named, nothing lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from corpus_builder.errors import InputError
from roformer_sim.evaluation import read_sts_table
from roformer_sim.evaluation.sts.hub import download
from roformer_sim.evaluation.sts.prepare import find_sources, prepare_sts

LAYOUTS = {
    "senteval_cn/ATEC/ATEC.valid.data": "花呗怎么还\t怎么还花呗\t1\n今天下雨\t花呗是什么\t0\n",
    "BQ/dev.csv": 'sentence1,sentence2,label\n花呗怎么还,怎么还花呗,1\n"今天,下雨",花呗是什么,0\n',
    "lcqmc/dev.txt": "花呗怎么还\t怎么还花呗\t1\n今天下雨\t花呗是什么\t0\n",
    "paws-x/zh/dev_2k.tsv": "id\tsentence1\tsentence2\tlabel\n1\t花呗怎么还\t怎么还花呗\t1\n2\t今\t明\t0\n",
    "CNSD/cnsd-sts-dev.txt": "1||花呗怎么还||怎么还花呗||5\n2||今天下雨||花呗是什么||0\n",
    "atec_nlp/atec_dev.csv": "1\t花呗怎么还\t怎么还花呗\t1\n2\t今天下雨\t花呗是什么\t0\n",
    "afqmc_public/dev.json": '{"sentence1": "花呗怎么还", "sentence2": "怎么还花呗", "label": "1"}\n' * 2,
    "sohu2021/短短匹配A类/valid.txt": '{"source": "今天下雨", "target": "雨", "labelA": "1"}\n' * 2,
    "QBQTC/dev.json": '{"id": 0, "query": "咳嗽", "title": "咳嗽怎么办", "label": "2"}\n' * 2,
}
SETS = ["ATEC", "BQ", "LCQMC", "PAWSX", "STS-B", "ATEC", "AFQMC", "SOHU21-SSA", "QBQTC"]


def write(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize(("name", "wanted"), zip(LAYOUTS, SETS, strict=True))
def test_a_published_layout_becomes_a_table(tmp_path: Path, name: str, wanted: str) -> None:
    write(tmp_path / "in", name, LAYOUTS[name])
    sources, passed = find_sources([str(tmp_path / "in")])
    [table] = prepare_sts(sources, tmp_path / "out")
    assert not passed and table.path == tmp_path / "out" / wanted / "valid.tsv"
    read = read_sts_table(table.path)
    assert (read.name, read.split, read.rows) == (wanted, "valid", 2)
    assert read.texts_a[0] in ("花呗怎么还", "今天下雨", "咳嗽")
    assert read.labels[0] in (1, 2, 5)


def test_set_and_split_can_be_named_and_files_of_one_table_are_put_together(tmp_path: Path) -> None:
    one = write(tmp_path, "a.csv", "text_a\ttext_b\tlabel\n今\t明\t0.5\n")
    two = write(tmp_path, "b.csv", "昨\t今\t3\n")
    sources, _ = find_sources([f"mine:part={one}", f"mine:part={two}"])
    [table] = prepare_sts(sources, tmp_path / "out")
    assert read_sts_table(table.path).labels == (0.5, 3.0)
    assert table.labels == {"0.5": 1, "3": 1}


def test_line_ends_and_tabs_within_texts_become_spaces(tmp_path: Path) -> None:
    row = {"sentence1": "今天\t下雨\n了", "sentence2": "雨", "score": 1}
    path = write(tmp_path, "BQ/valid.jsonl", json.dumps(row) + "\n" + json.dumps(row | {"score": 0}))
    [table] = prepare_sts(find_sources([str(path)])[0], tmp_path / "out")
    assert read_sts_table(table.path).texts_a == ("今天 下雨 了",) * 2


def test_rows_without_a_label_are_counted_and_left_out(tmp_path: Path) -> None:
    path = write(tmp_path, "afqmc/test.json", '{"id": 1, "sentence1": "今", "sentence2": "明"}\n')
    [table] = prepare_sts(find_sources([str(path)])[0], tmp_path / "out")
    assert (table.rows, table.without_label, table.path.exists()) == (0, 1, False)


def test_what_is_not_recognised_is_said(tmp_path: Path) -> None:
    other = write(tmp_path, "in/notes.txt", "今天\n")
    write(tmp_path, "in/BQ/test.tsv", "今\t明\t1\n")
    sources, passed = find_sources([str(tmp_path / "in")])
    assert [source.split for source in sources] == ["test"] and passed == [other]
    with pytest.raises(InputError, match=r"names no known set and split; write SET:SPLIT="):
        find_sources([str(other)])
    with pytest.raises(InputError, match="no such file"):
        find_sources([str(tmp_path / "none")])


def test_damaged_files_are_refused_with_their_line(tmp_path: Path) -> None:
    cells = write(tmp_path, "BQ/test.tsv", "今\t明\t1\n今\t明\n")
    with pytest.raises(InputError, match=r"test\.tsv, line 2: expected 3 or 4 cells"):
        prepare_sts(find_sources([str(cells)])[0], tmp_path / "out")
    label = write(tmp_path, "BQ/valid.tsv", "今\t明\t好\n")
    with pytest.raises(InputError, match=r"valid\.tsv, line 1: the label '好' is not a number"):
        prepare_sts(find_sources([str(label)])[0], tmp_path / "out")
    columns = write(tmp_path, "BQ/train.json", '{"premise": "今", "label": 1}')
    with pytest.raises(InputError, match="found no two texts among: premise, label"):
        prepare_sts(find_sources([str(columns)])[0], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_table_that_is_there_is_kept(tmp_path: Path) -> None:
    path = write(tmp_path, "in/BQ/valid.tsv", "今\t明\t1\n")
    sources, _ = find_sources([str(path)])
    prepare_sts(sources, tmp_path / "out")
    with pytest.raises(InputError, match="is there already"):
        prepare_sts(sources, tmp_path / "out")
    assert prepare_sts(sources, tmp_path / "out", replace=True)[0].rows == 1


def test_a_set_of_the_hub_is_read_from_its_cache_without_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real client, offline, over a cache folder laid out as the client lays it out."""
    import pyarrow as pa
    import pyarrow.parquet as parquet
    from huggingface_hub import constants

    repository = tmp_path / "hub" / "datasets--C-MTEB--BQ"
    data = repository / "snapshots" / ("0" * 40) / "data"
    data.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    columns = {"sentence1": ["今天下雨", "花呗"], "sentence2": ["今天有雨", "天气"], "score": [1, 0]}
    for split in ("validation", "test"):
        parquet.write_table(pa.table(columns), data / f"{split}-00000-of-00001-ab12.parquet")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    sources = download("BQ", ["valid"])
    [table] = prepare_sts(sources, tmp_path / "out")
    assert table.path == tmp_path / "out" / "BQ" / "valid.tsv"
    assert read_sts_table(table.path).labels == (1.0, 0.0)
    with pytest.raises(InputError, match="--hub ATEC: C-MTEB/ATEC cannot be had from the Hugging Face hub"):
        download("ATEC", ["valid"])
    with pytest.raises(InputError, match="must be one of ATEC, BQ"):
        download("SNLI", ["valid"])
