"""An index finds what comparing with every vector finds, through every change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from corpus_builder.errors import InputError
from roformer_sim.retrieval.whitening import Whitening
from roformer_sim.search import IndexRow, SentenceIndex, TextEncoder
from roformer_sim.search.exact import exact_neighbours

KINDS = ["flat", "ivf", "hnsw"]


@pytest.fixture(params=KINDS)
def index(request: pytest.FixtureRequest, tmp_path: Path, encoder, questions) -> SentenceIndex:
    return SentenceIndex.build(tmp_path / "faq", encoder, questions, kind=request.param)


def test_a_sentence_finds_itself_first_with_cosine_one(index, questions) -> None:
    for text, hits in zip(questions[::97], index.search(questions[::97], 3), strict=True):
        assert (hits[0].text, hits[0].id) == (text, str(questions.index(text)))
        assert hits[0].score == pytest.approx(1, abs=1e-5)
        assert [hit.score for hit in hits] == sorted([hit.score for hit in hits], reverse=True)


def test_scores_are_cosines(index, encoder) -> None:
    (hit,) = index.search(["怎么把花呗开通"], 1)[0]
    a, b = encoder(["怎么把花呗开通", hit.text])
    assert hit.score == pytest.approx(float(a @ b), abs=1e-5)


def test_recall_is_nearly_that_of_comparing_with_all(index, encoder) -> None:
    asked = encoder(["花呗怎样才能开通", "我的密码忘了", "手机升级", "快递到哪了", "发票如何开"])
    assert index.recall(10, asked) >= 0.8
    assert index.recall(10) >= 0.95
    if index.kind.value == "flat":
        assert index.recall(10, asked) == 1


def test_most_similar_gives_texts_and_cosines_as_upstream(index) -> None:
    found = index.most_similar("如何开通花呗", topn=2)
    assert found[0] == ("如何开通花呗", pytest.approx(1, abs=1e-5))
    assert len(found) == 2


def test_deleted_rows_are_not_found_before_and_after_saving(index, questions) -> None:
    assert index.delete(["0", "1", "2"]) == 3
    for opened in (index, _saved(index)):
        assert len(opened) == 997
        assert questions[0] not in [hit.text for hit in opened.search([questions[0]], 50)[0]]


def test_added_rows_are_found_before_and_after_saving(index) -> None:
    assert index.add([IndexRow("新出的理财产品靠谱吗", "a1"), IndexRow("宠物能上飞机吗", "a2")]) == 2
    for opened in (index, _saved(index)):
        assert opened.search(["宠物能上飞机吗"], 1)[0][0].id == "a2"
        assert len(opened) == 1002


def test_running_numbers_go_on_behind_those_given(index) -> None:
    index.add(["宠物能上飞机吗"])
    index = _saved(index)
    index.delete(["1000"])
    index.add(["新出的理财产品靠谱吗"])
    assert index.search(["新出的理财产品靠谱吗"], 1)[0][0].id == "1001"


def test_many_deleted_rows_leave_the_files(index) -> None:
    index.delete([str(i) for i in range(300)])
    index = _saved(index)
    assert (index.manifest.rows, index.manifest.deleted, len(index)) == (700, 0, 700)
    assert index.search(["如何开通花呗"], 5)[0][0].id not in {str(i) for i in range(300)}


def test_few_rows_are_found_all(tmp_path: Path, encoder) -> None:
    index = SentenceIndex.build(tmp_path / "two", encoder, ["怎么开通花呗", "手机多少钱"])
    assert [hit.text for hit in index.search(["手机"], 10)[0]] == ["手机多少钱", "怎么开通花呗"]
    index.delete(["0", "1"])
    assert index.search(["手机"], 10) == [[]]


def test_an_index_of_whitened_vectors_searches_with_whitened_queries(
    tmp_path: Path, encoder, questions
) -> None:
    whitening = Whitening.fit([encoder.encode(questions)], 8)
    whitened = TextEncoder(encoder.encode, encoder.about, whitening)
    index = SentenceIndex.build(tmp_path / "white", whitened, questions)
    assert index.manifest.dimension == 8
    assert index.most_similar(questions[5], 1)[0] == (questions[5], pytest.approx(1, abs=1e-5))
    opened = SentenceIndex.load(tmp_path / "white")
    assert (opened.whitening.transform(np.ones(32)) == whitening.transform(np.ones(32))).all()


def test_exact_neighbours_are_those_of_sorting_all_products() -> None:
    rng = np.random.default_rng(1)
    vectors, queries = rng.normal(size=(500, 8)).astype("f4"), rng.normal(size=(20, 8)).astype("f4")
    gone = rng.random(500) < 0.3
    own = rng.integers(0, 500, 20)
    products = np.where(gone, -np.inf, queries @ vectors.T)
    products[np.arange(20), own] = -np.inf
    expected = np.argsort(-products, axis=1)[:, :7]
    assert (exact_neighbours(queries, vectors, 7, gone, own) == expected).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda i: i.search("一句话"), "texts is one string"),
        (lambda i: i.search(["花呗", " "]), r"text 1 \(from 0\) is empty"),
        (lambda i: i.search(["花呗", 3]), "is no string but int"),
        (lambda i: i.search(["花呗"], 0), "k must be at least 1"),
        (lambda i: i.search_vectors(np.ones((1, 31))), "holds vectors of 32 numbers"),
        (lambda i: i.search_vectors(np.full((1, 32), np.nan)), "holds NaN"),
        (lambda i: i.search_vectors(np.zeros((1, 32))), "is all zeros"),
        (lambda i: i.add([IndexRow("花呗", "7")]), "has a row with the id '7' already"),
        (lambda i: i.add([IndexRow("花呗", "x"), IndexRow("借呗", "x")]), "the id 'x' is given twice"),
        (lambda i: i.add([IndexRow("花呗", "x"), IndexRow("借呗")]), "some have none"),
        (lambda i: i.delete(["5", "none"]), "holds no row with the id 'none'.*nothing was deleted"),
        (lambda i: i.delete("5"), "ids is one string"),
        (lambda i: i.recall(2000), "needs more than 2000 sentences"),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(
    tmp_path: Path, encoder, questions, change, message
) -> None:
    index = SentenceIndex.build(tmp_path / "faq", encoder, questions)
    with pytest.raises(InputError, match=message):
        change(index)
    assert len(index) == 1000


def _saved(index: SentenceIndex) -> SentenceIndex:
    index.save()
    return SentenceIndex.load(index.folder, index.encoder)
