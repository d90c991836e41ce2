"""A teacher whose answer cannot be learned from is refused, with its name and the sentence."""

from __future__ import annotations

import numpy as np
import pytest

from corpus_builder.errors import InputError
from roformer_sim.teachers import CheckedTeacher, RememberingTeacher

TEXTS = ["怎么开通花呗", "花呗如何开通", "今天下雨吗"]
GOOD = np.arange(12.0).reshape(3, 4) + 1


def with_row(values: float | list[float]) -> np.ndarray:
    answer = GOOD.copy()
    answer[1] = values
    return answer


def test_any_numbers_become_float32_vectors() -> None:
    for answer in (GOOD, GOOD.astype(int).tolist(), GOOD.astype(np.float16)):
        teacher = CheckedTeacher(lambda texts, answer=answer: answer, "t")
        vectors = teacher(TEXTS)
        assert vectors.dtype == np.float32
        assert vectors.tolist() == GOOD.tolist()
        assert teacher.dimension == 4


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        (GOOD[:2], r"expected shape \(3, d\), a row for each sentence, found \(2, 4\)"),
        (GOOD[0], r"found \(4,\)"),
        (GOOD[None], r"found \(1, 3, 4\)"),
        (np.zeros((3, 0)), r"found \(3, 0\)"),
        (["a", "b", "c"], "expected an array of numbers of shape"),
        ([[1.0], [1.0, 2.0], [3.0]], "expected an array of numbers of shape"),
        (None, "teacher wrong: "),
        (with_row(np.nan), "'花呗如何开通' holds NaN or infinity"),
        (with_row([1, np.inf, 1, 1]), "'花呗如何开通' holds NaN or infinity"),
        (with_row(0), "'花呗如何开通' is all zeros, so that it has no cosine"),
        (np.zeros((3, 4)), "'怎么开通花呗' is all zeros.*and 2 more of 3"),
    ],
)
def test_an_answer_that_is_no_vectors_is_refused(answer: object, part: str) -> None:
    with pytest.raises(InputError, match=part) as error:
        CheckedTeacher(lambda texts: answer, "wrong")(TEXTS)
    assert "teacher wrong" in str(error.value)


def test_finite_numbers_whose_squares_are_not_are_vectors() -> None:
    assert CheckedTeacher(lambda texts: with_row(1e30), "large")(TEXTS)[1, 0] == np.float32(1e30)
    assert CheckedTeacher(lambda texts: with_row(1e-30), "small")(TEXTS)[1, 0] == np.float32(1e-30)


def test_another_dimension_than_before_is_refused() -> None:
    answers = iter([GOOD, GOOD[:, :2]])
    teacher = CheckedTeacher(lambda texts: next(answers), "changing")
    teacher(TEXTS)
    with pytest.raises(InputError, match="teacher changing: expected 4 dimensions as before, found 2"):
        teacher(TEXTS)


def test_what_a_teacher_raises_is_told_with_its_name() -> None:
    def fails(texts: list[str]) -> np.ndarray:
        raise RuntimeError("out of memory")

    with pytest.raises(InputError, match="teacher python:a:b: failed: RuntimeError: out of memory"):
        CheckedTeacher(fails, "python:a:b")(TEXTS)


def test_no_sentences_are_refused() -> None:
    with pytest.raises(InputError, match="was given no sentences"):
        CheckedTeacher(lambda texts: np.zeros((0, 4)), "t")([])


def test_a_long_sentence_is_cut_in_the_message() -> None:
    with pytest.raises(InputError) as error:
        CheckedTeacher(lambda texts: np.zeros((1, 4)), "t")(["很" * 500])
    assert len(str(error.value)) < 250


def test_a_remembering_teacher_asks_for_new_sentences_alone_and_forgets_the_oldest() -> None:
    asked: list[list[str]] = []

    def lengths(texts: list[str]) -> np.ndarray:
        asked.append(texts)
        return np.array([[len(text), 1] for text in texts])

    teacher = RememberingTeacher(CheckedTeacher(lengths, "lengths"), size=2)
    assert teacher(["一", "二二", "一"]).tolist() == [[1, 1], [2, 1], [1, 1]]
    assert teacher(["二二", "三三三"]).tolist() == [[2, 1], [3, 1]]
    assert teacher(["二二", "三三三"]).tolist() == [[2, 1], [3, 1]]
    assert teacher(["一", "二二", "三三三"]).tolist() == [[1, 1], [2, 1], [3, 1]]
    assert asked == [["一", "二二"], ["三三三"], ["一"]]
    with pytest.raises(InputError, match="no sentences"):
        teacher([])
