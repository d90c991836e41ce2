"""The page of a run: what it counts, what it shows, and that it needs nothing but itself."""

from __future__ import annotations

import gzip
import json
import random
import re
import tracemalloc
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from corpus_builder.errors import InputError
from corpus_builder.manifest import Manifest, describe_inputs, steps
from corpus_builder.report.page import write_report
from corpus_builder.report.statistics import RunStatistics
from corpus_builder.run import OnError, Run
from corpus_builder.similarity import jaccard
from corpus_builder.writers import ShardedWriter

VOID = {"meta", "br", "link", "img"}


class Page(HTMLParser):
    """The elements of a page, its visible text, and what stands open at the end."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.marked: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in {"td", "th"}:
            self.texts.append(" ")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data)
            if self.open[-1] == "mark":
                self.marked.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.texts))


def pair(a: str, b: str, score: float = 0.6, source: str = "论坛", **more: Any) -> dict[str, Any]:
    return {"text_a": a, "text_b": b, "score": score, "source": source, **more}


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    data = text.encode("utf-8")
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def report(run: Path, **arguments: Any) -> Page:
    output = run.parent / "report.html"
    write_report(run, output, **arguments)
    return Page(output.read_text("utf-8"))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    path = write_rows(
        tmp_path / "pairs.jsonl.gz",
        [
            pair("怎么选空调？", "怎么选冰箱？", 0.4286),
            pair("夏天去哪里玩好", "夏天去哪儿玩好", 0.75, "游记"),
            pair("夏天去哪里玩好", "夏天到哪里玩好", 0.75, "游记", origin="第三篇"),
        ],
    )
    summary = {
        "command": "documents",
        "settings": {"threshold": 0.4, "same_numbers": True},
        "versions": {"python": "3.11.9"},
        "inputs": [{"path": "游记.jsonl.xz", "bytes": 1234567, "sha256": "ab" * 32}],
        "counts": {
            "sentences": 40,
            "sentences dropped: length": 10,
            "sentences dropped: boilerplate": 5,
            "pairs above the threshold": 8,
            "pairs dropped: containment": 5,
            "pairs": 3,
            "rows written": 3,
        },
        "seconds": 1.25,
    }
    (tmp_path / "pairs.summary.json").write_text(json.dumps(summary, ensure_ascii=False), "utf-8")
    write_rows(
        tmp_path / "pairs.rejects.jsonl",
        [{"file": "游记.jsonl.xz", "line": 7, "reason": 'the field "text" is missing'}],
    )
    return path


def test_the_page_tells_what_the_run_read_dropped_and_kept(run: Path) -> None:
    text = report(run).text
    for said in (
        "documents: 3 rows in 1 file, 3 pairs, 1.2 s",
        "after: length 30 10 75.0%",
        "after: boilerplate 25 5 62.5%",
        "after: containment 3 5 37.5%",
        "游记 2 66.7%",
        "论坛 1 33.3%",
        '游记.jsonl.xz 7 the field "text" is missing',
        "游记.jsonl.xz 1,234,567 " + "ab" * 32,
        "threshold 0.4",
        "same_numbers true",
        "python 3.11.9",
        "0.4 to 0.5 1 pair ",
        "0.7 to 0.8 2 pairs",
        "第三篇",
        "line 3",
    ):
        assert said in text, said


def test_what_was_exchanged_is_marked(run: Path) -> None:
    assert report(run).marked[1:] == ["里", "儿", "去", "到", "空调", "冰箱"]  # the first explains the mark


def test_the_page_needs_no_network_no_script_and_no_other_file(run: Path) -> None:
    page = report(run)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "base", "a"}
    names = {name for _, attributes in page.elements for name in attributes}
    assert not names & {"src", "href", "srcset", "xlink:href", "action"}
    assert not any(name.startswith("on") for name in names)
    assert "url(" not in page.html and "@import" not in page.html and "://" not in page.html
    assert not page.open, "every element is closed"
    assert [child.name for child in run.parent.glob("report*")] == ["report.html"]


def test_the_page_has_colours_for_light_and_dark_and_rules_for_print(run: Path) -> None:
    html = report(run).html
    assert "prefers-color-scheme: dark" in html and "@media print" in html
    names = [re.findall(r"(--[\w-]+):", block) for block in re.findall(r":root \{([^}]*)\}", html)]
    assert len(names) == 2 and sorted(names[0]) == sorted(names[1])


def test_markup_in_texts_names_and_reasons_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    evil = "<script>alert('好')</script>&amp;\"><b>"
    path = write_rows(tmp_path / "pairs.jsonl", [pair(evil + "甲", evil + "乙", source=evil, origin=evil)])
    write_rows(tmp_path / "pairs.rejects.jsonl", [{"file": evil, "line": 1, "reason": evil}])
    summary = {"settings": {evil: evil}, "inputs": [evil], "counts": {evil: 1, f"{evil} dropped: {evil}": 1}}
    (tmp_path / "pairs.summary.json").write_text(json.dumps(summary), "utf-8")
    page = report(path)
    assert not {"script", "b"} & {tag for tag, _ in page.elements}
    assert page.text.count(evil) >= 9
    assert not page.open


def test_characters_that_html_cannot_hold_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"text_a": "好\\u0000吗\\u001b", "text_b": "好吗", "source": "\\ufdd0"}\n', "utf-8")
    html = report(path).html
    assert "\x00" not in html and "\x1b" not in html and "\ufdd0" not in html
    assert "好\ufffd吗\ufffd" in Page(html).text.replace(" ", "")


def test_the_same_run_gives_the_same_bytes_and_another_seed_other_samples(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "many.jsonl", [pair(f"第{n}句话", f"第{n}个话", 0.65) for n in range(200)])
    first, again, other = report(path), report(path), report(path, seed=1)
    assert first.html == again.html
    assert first.html != other.html
    assert first.text.count("line ") == other.text.count("line ") == 20
    assert report(path, samples=3).text.count("line ") == 3


def test_only_the_first_200_rejects_are_listed_and_all_are_counted(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "p.jsonl", [pair("甲乙丙", "甲乙丁")])
    rejects = [{"file": "f", "line": n, "reason": f"bad-{n}."} for n in range(1, 1235)]
    write_rows(tmp_path / "p.rejects.jsonl", rejects)
    text = report(path).text
    assert "1,234 rows could not be used; the first 200" in text
    assert "bad-200." in text and "bad-201." not in text


def test_groups_are_shown_as_pairs_of_their_first_text(tmp_path: Path) -> None:
    group = {"text": "怎么退货", "synonyms": ["如何退货", "退货怎么办"], "score": 0.5, "source": "客服"}
    path = write_rows(tmp_path / "groups.jsonl", [group])
    page = report(path)
    assert "1 row in 1 file, 2 pairs" in page.text
    assert "Members of a group mean 3.0" in page.text
    assert "如何退货" in page.text and "退货怎么办" in page.text


def test_a_pair_without_a_score_gets_the_character_jaccard_and_the_page_says_so(tmp_path: Path) -> None:
    row = {"text_a": "北京好吗", "text_b": "北京怎么样"}
    page = report(write_rows(tmp_path / "p.jsonl", [row]))
    assert f"{jaccard('北京好吗', '北京怎么样'):.3f}" in page.text
    assert "1 of 1 pairs carry no score" in page.text


@pytest.mark.parametrize("name", ["pairs.jsonl", "pairs.jsonl.gz"])
def test_the_page_of_a_run_that_found_nothing_says_so(tmp_path: Path, name: str) -> None:
    text = report(write_rows(tmp_path / name, [])).text
    assert "0 rows in 1 file, 0 pairs" in text and "The run has no pairs." in text


def test_a_folder_of_shards_is_read_by_its_manifest(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "游记.jsonl", [{"doc_id": "1", "text": "夏天去哪里玩好"}])
    with ShardedWriter(tmp_path / "out", "pairs", rows_per_shard=2) as out:
        for n in range(5):
            out.write_row(pair(f"第{n}天去哪里", f"第{n}天到哪里", 0.7))
        counts = steps({"sentences": 9, "sentences dropped: length": 2, "rows written": 5})
        out.commit(
            Manifest(
                command="mine-documents",
                settings={"threshold": 0.6},
                seed=11,
                inputs=describe_inputs([source]),
                counts=counts,
            )
        )
    text = report(tmp_path / "out").text
    assert "mine-documents: 5 rows in 3 files, 5 pairs" in text
    assert "after: length 7 2 77.8%" in text
    assert f"{source.stat().st_size:,}" in text and "seed 11" in text
    next((tmp_path / "out").glob("*-00001-*")).unlink()
    with pytest.raises(InputError, match="missing"):
        report(tmp_path / "out")


@pytest.mark.parametrize("name", ["pairs.jsonl.zst", "folder"])
def test_what_a_command_writes_beside_its_output_is_found(tmp_path: Path, name: str) -> None:
    source = tmp_path / "游记.jsonl"
    source.write_text('{"doc_id": "1", "text": "夏天去哪里玩好"}\n{"doc_id": 2}\n', "utf-8")
    run = Run("mine-documents", [source], tmp_path / name, {"threshold": 0.55}, OnError.SKIP)
    run.counts.update({"sentences": 5, "sentences dropped: length": 1})
    assert len(list(run.rows("documents"))) == 1
    run.write([pair("夏天去哪里玩好", "夏天到哪里玩好", 0.75)])
    text = report(tmp_path / name).text
    assert "mine-documents: 1 row in 1 file, 1 pair" in text
    assert "after: length 4 1 80.0%" in text and "threshold 0.55" in text
    assert f"{source.stat().st_size:,}" in text and "游记.jsonl 2 " in text
    assert "rows written 1" in text


def test_a_summary_that_does_not_fit_the_rows_is_pointed_out(run: Path) -> None:
    summary = run.with_name("pairs.summary.json")
    content = json.loads(summary.read_text("utf-8"))
    content["counts"] |= {"rows written": 4, "pairs": 6}
    summary.write_text(json.dumps(content), "utf-8")
    text = report(run).text
    assert "says 4 rows were written, the files hold 3" in text
    assert "The counts of pairs above the threshold do not add up" in text


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"question": "好吗", "answers": []}, "neither a pair"),
        (pair("甲乙", "甲丙", 1.5), "outside"),
        (pair("甲乙", "甲丙", "高"), '"score" must be a number'),  # type: ignore[arg-type]
        ({"text_a": "甲乙", "text_b": None}, "must be strings"),
    ],
)
def test_rows_that_no_miner_writes_are_refused_with_file_and_line(
    tmp_path: Path, row: dict[str, Any], complaint: str
) -> None:
    path = write_rows(tmp_path / "p.jsonl", [pair("甲乙丙", "甲乙丁"), row])
    with pytest.raises(InputError, match=rf"p\.jsonl, line 2: .*{complaint}"):
        write_report(path, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("summary", "key"),
    [
        ('{"counts": {"pairs": "many"}}', "counts"),
        ('{"counts": [3]}', "counts"),
        ('{"inputs": [7]}', "inputs"),
        ('{"settings": []}', "settings"),
        ("[]", "JSON object"),
        ("{", "cannot be read as JSON"),
    ],
)
def test_a_summary_that_cannot_be_used_is_refused_with_its_key(
    tmp_path: Path, summary: str, key: str
) -> None:
    path = write_rows(tmp_path / "p.jsonl", [pair("甲乙丙", "甲乙丁")])
    (tmp_path / "p.summary.json").write_text(summary, "utf-8")
    with pytest.raises(InputError, match=rf"p\.summary\.json.*{key}"):
        write_report(path, tmp_path / "report.html")


def test_a_missing_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        write_report(tmp_path / "none.jsonl", tmp_path / "report.html")


def test_memory_does_not_grow_with_the_run(tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        generator = random.Random(rows)
        path = tmp_path / f"{rows}.jsonl"
        with path.open("w", encoding="utf-8") as out:
            for n in range(rows):
                words = [f"句子{n}{side}{generator.random():.6f}" for side in "ab"]
                out.write(json.dumps(pair(*words, 0.5 + n % 50 / 100), ensure_ascii=False) + "\n")
        tracemalloc.start()
        statistics = RunStatistics.of([path], 20, 0, watched_sentences=1000)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert statistics.pairs == rows
        return most

    assert peak(12_000) < 1.3 * peak(3_000)
