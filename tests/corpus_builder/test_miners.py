"""What each miner takes and leaves."""

from __future__ import annotations

import itertools
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_builder.clusters import complete_linkage
from corpus_builder.exclusion import Exclusion
from corpus_builder.miners.answers import answer_groups, merge_questions
from corpus_builder.miners.documents import document_groups
from corpus_builder.miners.groups import (
    clean_groups,
    distinct_texts,
    groups_from_labels,
    groups_from_shared_answers,
)
from corpus_builder.miners.questions import is_question, mine_questions
from corpus_builder.miners.run import Mining, mine
from corpus_builder.miners.sentences import TextGroup
from corpus_builder.rows import Document, Group, Pair, Question, StsRow
from corpus_builder.rules import Rules
from corpus_builder.similarity import jaccard, normalise

NOTHING = Exclusion()


def mined(groups: list[TextGroup], mining: Mining, exclusion: Exclusion, counts: Counter[str]) -> list[Pair]:
    with tempfile.TemporaryDirectory() as folder:
        rows = list(mine(groups, mining, Path(folder), {}, exclusion, counts))
    return [Pair(row["text_a"], row["text_b"], row["score"], row["source"]) for row in rows]


def mine_answers(
    questions: Iterable[Question],
    threshold: float,
    rules: Rules,
    exclusion: Exclusion,
    counts: Counter[str],
) -> list[Pair]:
    mining = Mining(threshold, "set", rules, across_texts=True)
    return mined(list(answer_groups(questions, counts)), mining, exclusion, counts)


def texts_of(pairs: Iterable[Pair]) -> set[frozenset[str]]:
    return {frozenset((pair.text_a, pair.text_b)) for pair in pairs}


class TestAnswers:
    QUESTION = Question(
        "煮米饭放多少水？",
        (
            "水面高出米一个指节就可以了。水要高出米面一个指节才行。",
            "水面比米高出一个指节就够了。",
            "不知道，我不会做饭。",
        ),
        "厨房",
    )

    def test_pairs_run_across_answers_and_never_within_one(self) -> None:
        pairs = list(mine_answers([self.QUESTION], 0.5, Rules(), NOTHING, Counter()))
        assert texts_of(pairs) == {
            frozenset(("水面高出米一个指节就可以了。", "水面比米高出一个指节就够了。")),
            frozenset(("水要高出米面一个指节才行。", "水面比米高出一个指节就够了。")),
        }
        # The two sentences of the first answer are as similar, and stay apart.
        assert jaccard("水面高出米一个指节就可以了。", "水要高出米面一个指节才行。") > 0.5

    def test_every_pair_carries_its_score_and_source(self) -> None:
        for pair in mine_answers([self.QUESTION], 0.5, Rules(), NOTHING, Counter()):
            assert pair.score == round(jaccard(pair.text_a, pair.text_b), 4)
            assert pair.source == "厨房"

    def test_a_question_with_one_answer_yields_nothing(self) -> None:
        counts: Counter[str] = Counter()
        lonely = Question("水？", ("水面高出米一个指节就可以了。水要高出米面一个指节才行。",))
        assert list(mine_answers([lonely], 0.1, Rules(), NOTHING, counts)) == []
        assert (counts["questions"], counts["questions with a single answer"]) == (1, 1)

    def test_questions_do_not_mix(self) -> None:
        apart = [
            Question("甲？", ("水面高出米一个指节就可以了。", "不会。")),
            Question("乙？", ("水面比米高出一个指节就够了。", "不懂。")),
        ]
        assert list(mine_answers(apart, 0.3, Rules(), NOTHING, Counter())) == []

    def test_a_benchmark_sentence_is_in_no_pair(self) -> None:
        excluded = Exclusion(["水面比米，高出一个指节就够了"])
        assert list(mine_answers([self.QUESTION], 0.1, Rules(), excluded, Counter())) == []

    def test_equal_questions_share_their_answers(self) -> None:
        rows = [
            Question("怎么煮饭？\n我是新手", ("先洗米。",), "a"),
            Question("天冷吗", ("冷。",), "a"),
            Question("怎么煮饭", ("先洗米。", "加水。"), "a"),
        ]
        merged = list(merge_questions(rows))
        assert [question.answers for question in merged] == [("先洗米。", "加水。"), ("冷。",)]

    def test_similar_questions_share_their_answers_when_asked(self) -> None:
        rows = [
            Question("怎么煮米饭", ("洗米。",)),
            Question("米饭怎么煮呢", ("加水。",)),
            Question("明天冷吗", ("冷。",)),
        ]
        assert len(list(merge_questions(rows))) == 3
        merged = list(merge_questions(rows, similarity=0.8))
        assert [question.answers for question in merged] == [("洗米。", "加水。"), ("冷。",)]


class TestDocuments:
    @staticmethod
    def mine(
        documents: list[Document], threshold: float = 0.5, *, max_documents: int = 5, window: int = 1
    ) -> list[Pair]:
        mining = Mining(threshold, "set", Rules(), max_documents=max_documents)
        return mined(list(document_groups(documents, window)), mining, NOTHING, Counter())

    HEADLINE = Document("1", "市图书馆新馆周六开放。\n本报讯：市图书馆的新馆将在周六开放。", "报纸")

    def test_sentences_of_one_document_pair(self) -> None:
        pairs = self.mine([self.HEADLINE])
        assert texts_of(pairs) == {
            frozenset(("市图书馆新馆周六开放。", "本报讯：市图书馆的新馆将在周六开放。"))
        }
        assert pairs[0].source == "报纸"

    def test_sentences_of_two_documents_pair_only_in_one_window(self) -> None:
        first, second = self.HEADLINE.text.split("\n")
        documents = [Document("1", first, "报纸"), Document("2", second, "报纸")]
        assert self.mine(documents) == []
        assert texts_of(self.mine(documents, window=2)) == {frozenset((first, second))}

    def test_boilerplate_is_removed_before_the_comparison(self) -> None:
        greeting = "请问还有什么可以帮到您的吗？"
        documents = [
            Document(str(n), f"{greeting}\n请问还有什么可以帮您的呢，{word}", "客服")
            for n, word in enumerate("天地人东")
        ]
        assert len(self.mine(documents, max_documents=4)) == 3  # at most 3 partners for the greeting
        assert self.mine(documents, max_documents=3) == []
        assert len(self.mine(documents, max_documents=0)) == 3

    def test_a_repeated_sentence_counts_once(self) -> None:
        document = Document("1", "今天天气真好啊。今天天气真好啊！今天天气真好啊？")
        assert self.mine([document], 0.1) == []


class TestGroups:
    @staticmethod
    def clean(groups: list[Group], **rules: int) -> list[Group]:
        return list(clean_groups(groups, Rules(min_chars=3, **rules), Exclusion(["明天见面吗"]), Counter()))

    def test_members_equal_after_normalisation_and_unusable_ones_go(self) -> None:
        group = Group(
            "今天冷吗？", ("今天 冷吗", "今天冷不冷", "冷", "hello world", "明天见面吗？", "字" * 70), "a"
        )
        assert self.clean([group]) == [Group("今天冷吗？", ("今天冷不冷",), "a")]

    def test_a_group_with_one_member_left_goes(self) -> None:
        assert self.clean([Group("今天冷吗", ("今天冷吗？", "冷"), "a")]) == []

    def test_the_same_group_twice_stays_once(self) -> None:
        groups = [Group("今天冷吗", ("今天冷不冷",), "a"), Group("今天冷不冷？", ("今天冷吗",), "b")]
        assert self.clean(groups) == groups[:1]

    def test_shared_answers_make_groups(self) -> None:
        rows = [
            Question("人为什么要睡觉", ("让大脑和身体得到休息",), "聊天"),
            Question("睡觉有什么用处呢", ("让大脑和身体得到休息。",), "聊天"),
            Question("鱼翔浅底", ("让大脑和身体得到休息",), "聊天"),
            Question("你好吗", ("是的",), "聊天"),
            Question("你很好吗", ("是的",), "聊天"),
        ]
        assert list(groups_from_shared_answers(rows)) == [
            Group("人为什么要睡觉", ("睡觉有什么用处呢",), "聊天")
        ]

    def test_an_answer_to_too_many_questions_joins_nothing(self) -> None:
        rows = [Question(f"你会第{n}种语言吗", ("这个我还没有学会呢",)) for n in range(6)]
        assert list(groups_from_shared_answers(rows, max_questions=5)) == []
        assert len(list(groups_from_shared_answers(rows, max_questions=6))) == 1

    def test_labels_at_the_threshold_are_chained(self) -> None:
        rows = [StsRow("甲", "乙", 4), StsRow("丙", "丁", 3), StsRow("戊", "己", 5), StsRow("己", "甲", 4)]
        assert list(groups_from_labels(rows, 4, "表")) == [Group("甲", ("乙", "戊", "己"), "表")]

    def test_distinct_texts_keep_the_first_of_each(self) -> None:
        rules = Rules(min_chars=1, min_chinese=0)
        assert list(distinct_texts(["b", "a", "b", "a ", "C"], rules, Exclusion(["c"]), Counter())) == [
            "b",
            "a",
        ]


class TestQuestions:
    @pytest.mark.parametrize(
        "text",
        [
            "你好吗",
            "几点了？",
            "怎么走",
            "哪里有网吧",
            "能不能便宜点",
            "你吃饭了没?",
            "如何看待此事",
            "这是为什么呢。",
        ],
    )
    def test_what_asks(self, text: str) -> None:
        assert is_question(text)

    @pytest.mark.parametrize(
        "text", ["我感冒了。", "无论什么时候都可以来。", "今天天气很好", "我不知道怎么说。"]
    )
    def test_what_does_not(self, text: str) -> None:
        assert not is_question(text)

    @staticmethod
    def mine(sentences: list[str], threshold: float = 0.6, **rules: object) -> list[Group]:
        guards = Rules(same_numbers=True, max_substituted=1, **rules)  # type: ignore[arg-type]
        return list(mine_questions(sentences, threshold, guards, NOTHING, Counter(), source="论坛"))

    def test_near_identical_questions_anywhere_in_the_source_form_a_group(self) -> None:
        sentences = [
            "高考后的暑假怎么安排？",
            "今天真冷啊。",
            "高考结束后的暑假应该怎么安排？",
            "西瓜怎么挑才甜？",
        ]
        groups = self.mine(sentences)
        assert [group.members for group in groups] == [
            ("高考后的暑假怎么安排？", "高考结束后的暑假应该怎么安排？")
        ]
        assert groups[0].score == jaccard(*groups[0].members)
        assert groups[0].source == "论坛"

    def test_equal_questions_are_no_group(self) -> None:
        assert self.mine(["高考后的暑假怎么安排？", "高考后的暑假，怎么安排"]) == []

    def test_questions_that_differ_in_the_number_or_the_thing_stay_apart(self) -> None:
        assert self.mine(["2021年高考难不难啊？", "2022年高考到底难不难？"]) == []
        assert self.mine(["618有哪些空调值得入手？", "618有哪些洗碗机值得入手？"]) == []

    def test_every_two_members_of_a_group_are_similar(self) -> None:
        # A chain: neighbours share most characters, the ends share few.
        letters = "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往"
        sentences = [f"{letters[n : n + 10]}吗" for n in range(8)]
        groups = list(mine_questions(sentences, 0.6, Rules(), NOTHING, Counter(), source="论坛"))
        assert groups
        for group in groups:
            for a, b in itertools.combinations(group.members, 2):
                assert jaccard(a, b) >= 0.6


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.tuples(st.integers(0, 8), st.integers(0, 8)).filter(lambda p: p[0] < p[1]), st.floats(0.5, 1)
    ),
    st.integers(2, 5),
)
def test_clusters_are_disjoint_complete_and_no_larger_than_asked(
    scores: dict[tuple[int, int], float], largest: int
) -> None:
    clusters = complete_linkage(scores, largest)
    members = [member for cluster in clusters for member in cluster]
    assert len(members) == len(set(members))
    for cluster in clusters:
        assert 2 <= len(cluster) <= largest
        assert all(pair in scores for pair in itertools.combinations(cluster, 2))
    # Nothing that could still be joined is left over.
    joined = set(members)
    assert not any(i not in joined and j not in joined for i, j in scores)


SENTENCES = st.text(alphabet="天气冷热不好要三3a", min_size=3, max_size=8)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(SENTENCES, max_size=5), min_size=2, max_size=4), st.sampled_from([0.3, 0.5, 2 / 3]))
def test_the_answer_miner_equals_a_plain_loop(answers: list[list[str]], threshold: float) -> None:
    rules = Rules(min_chars=3, min_chinese=0.0, max_length_ratio=9, max_partners=10**6)
    question = Question("问", tuple("。".join(sentences) for sentences in answers))
    expected = set()
    for left, right in itertools.combinations(answers, 2):
        for a, b in itertools.product(left, right):
            norm_a, norm_b = normalise(a), normalise(b)
            if jaccard(a, b) >= threshold and norm_a not in norm_b and norm_b not in norm_a:
                expected.add(frozenset((norm_a, norm_b)))
    found = mine_answers([question], threshold, rules, NOTHING, Counter())
    assert {frozenset((normalise(p.text_a), normalise(p.text_b))) for p in found} == expected
