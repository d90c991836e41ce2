"""Where Chinese sentences end, rule by rule."""

from __future__ import annotations

import re
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus_builder.kernels.sentences import sentence_spans
from corpus_builder.kernels.texts import encode_texts
from corpus_builder.segmentation import clean_text, split_sentences

# Expected sentences are separated by a bar.
CASES = {
    "end marks": "今天下雨。|我们不出门！|好吗？",
    "repeated marks": "真的吗？！|太好了！！！|什么？？",
    "half-width marks in Chinese": "你好!|在吗?|我到了.|真的?!|嗯",
    "semicolons": "价格不贵；|质量也好;|值得买",
    "full-width full stop": "提出了新模型．|利用该模型做实验．|误差为１．５％．",
    "half-width full stop in Chinese": "提出了新模型.|利用该模型做实验.",
    "ellipsis": "他等了整整一个下午……|谁也没有来...|后来天黑了。",
    "ellipsis as hesitation": "我……我不知道。|不是……不是我。|去……去哪儿？",
    "ellipsis of a list": "苹果、香蕉、葡萄……都很甜。|便宜、新鲜、热闹……|我天天去。",
    "dots of a chat": "那个。。。我想请假。|好的。。。|我知道了",
    "mark and ellipsis": "什么？……|你再说一遍……！|好",
    "quote after a colon": "他说：“走吧！”|我们就走了。",
    "speech tag": "“你好。”他说。|“走！”老周大喊一声。|“谁？”她小声问道，“是你吗？”",
    "no speech tag": "“不清楚。”|我真的不知道。|“走吧。”|他收起了伞。",
    "two turns": "“你好。”|“再见。”",
    "one quote around an action": "“路上堵车。”我把伞收起来，“等很久了吧？”",
    "several sentences in a quote": "他说：“别急。|我有办法。”|大家放心了。",
    "quote as part of the sentence": "他嘴里喊着“快跑！快跑！”冲下了山。|“为什么？凭什么？”是他的口头禅。",
    "quoted list": "墙上写着“安全第一！”“质量为本！”等标语。",
    "Japanese quotes": "「记得。」我说，「那时我们还小。|真快啊。」",
    "nested quotes": "他说：“我爸总讲‘吃亏是福！’，我不信。”|大家笑了。",
    "straight quotes": '他喊："快跑！"|大家都跑了。|"走吧，"她说，"天快黑了。"',
    "full stop behind a quote": "他问我“去不去？”。|我没回答。",
    "brackets within a sentence": "他（谁知道为什么？）没有来。|这家店（真的！）很好。",
    "brackets around sentences": "他来了。|（其实是我猜的。）|大家都走了。",
    "titles": "你看过《你好，李焕英！》吗？|《怎么办？》是一本书。|【重磅！】今天开业",
    "decimals and versions": "圆周率约是3.14，不是3.15。|请升级到v2.0.1。|浓度为0.5%.|很低",
    "addresses": "见 https://example.org/a?b=1;c=2!d 的说明。|写信到a.b@example.org，谢谢！",
    "file names": "打开setup.exe，再看README.md。|日志在/var/log/app.log里。",
    "programs": "当 a != b 时 x ? y : z 才对。|for (i = 0; i < n; i++) { s += i; }。|用 println!(x) 吧",
    "times": "会议12:30开始，14:00结束。|地点：3号楼",
    "numbered items in a line": "步骤有三：1.打开电源；|2.插入光盘；|3、重启。",
    "foreign names": "史蒂芬.金写了很多书。|约翰．史密斯也是。",
    "Latin sentences": "Mr. Smith came back from the U.S. yesterday.| He was tired.| 他睡着了。",
    "abbreviations": "带了资料，e.g. 论文和书。|No. 5公交车到那里。",
    "Latin word at the end": "我用的是Node.js.|它启动很快.",
    "spaces between clauses": "今天真的好累啊| 一点都不想动| 明天还要早起",
    "wide gaps": "刚才那个电影太好看了|  我都看哭了",
    "one space": "上半年运行总体平稳 就业形势稳定",
    "spaces between words": "我们 今天 去 公园 玩 好 不好",
    "number of an article": "第一条　为了规范市场秩序，制定本条例。",
    "emoji": "太好了！😂😂|生日快乐🎂|祝你天天开心😘|好",
    "laughter": "笑死我了哈哈哈哈|你看他的表情",
    "tilde": "在的呀~|马上发货哦～|需要3~5天，周一~周五都行",
    "line ends": "第一行\n|第二行\r\n\n|第三行",
    "speaker dashes": "- 你确定吗？|- 非常确定。",
    "references": "已进入预定轨道。[2]|随后开始工作。",
    "entities": "甲&nbsp;乙&lt;丙。|丁",
    "marks alone": "。。。",
    "laughter in a word": "他听了哈哈大笑起来。|我也乐呵呵地走了",
    "marks first": "……我不知道。|好",
    "marks first in a line": "！！！注意安全",
    "space around": "  前后有空白。|  \t",
}


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """Compiling takes seconds, the first time on a machine: not within the deadline of a property."""
    split_sentences("你好。")


@pytest.mark.parametrize("name", CASES)
def test_sentences_end_where_a_reader_would_end_them(name: str) -> None:
    marked = CASES[name]
    expected = [sentence for part in marked.split("|") if (sentence := clean_text(part))]
    assert split_sentences(marked.replace("|", "")) == expected


@pytest.mark.parametrize(
    "item", ["1. ", "2、", "（一）", "①", "a) ", "1.1 ", "二、", "3．", "(1)", "第二步："]
)
def test_the_number_of_an_item_belongs_to_the_item(item: str) -> None:
    assert split_sentences(f"{item}打开设置。关闭电源。") == [f"{item}打开设置。", "关闭电源。"]


@pytest.mark.parametrize("empty", ["", " \n\u3000", "\x00\u200b\ufeff\r\n"])
def test_a_text_without_characters_has_no_sentences(empty: str) -> None:
    assert split_sentences(empty) == []


@pytest.mark.parametrize("opener", "“「『（[《【\"'‘")
def test_what_is_never_closed_swallows_nothing(opener: str) -> None:
    sentences = [f"这是第{n}句话。" for n in range(60)]
    assert split_sentences(opener + "".join(sentences)) == [opener + sentences[0], *sentences[1:]]
    assert split_sentences("他说" + opener + "".join(sentences))[-50:] == sentences[-50:]


def test_control_characters_and_nul_become_one_space() -> None:
    assert clean_text(" 你\x00\t\n好\u200b ") == "你 好"
    assert split_sentences("你\x00好。\x07再见") == ["你 好。", "再见"]


LETTERS = "天地人的说道问我了吧是一月aB.hH1"
MARKS = "。！？!?；;….…～、，：“”‘’「」\"'（）()[]《》【】{}😀❤哈 \n\t\u3000\x00&=-@𠀀"


@given(st.text(alphabet=LETTERS + MARKS, max_size=80))
def test_no_character_but_space_is_lost_or_added(text: str) -> None:
    sentences = split_sentences(text)
    assert "".join("".join(sentences).split()) == "".join(clean_text(text).split())
    assert all(sentence == clean_text(sentence) != "" for sentence in sentences)


@given(st.text(max_size=60))
def test_any_text_at_all_is_cut_without_loss(text: str) -> None:
    found = "".join("".join(split_sentences(text)).split())
    assert found == "".join(clean_text(text).split())


@given(st.lists(st.text(alphabet=LETTERS + MARKS, max_size=40), max_size=8))
def test_a_batch_gives_for_each_text_what_it_gives_alone(texts: list[str]) -> None:
    starts, ends, owner = sentence_spans(*encode_texts(texts))
    whole = "".join(texts)
    found: list[list[str]] = [[] for _ in texts]
    for start, end, text in zip(starts.tolist(), ends.tolist(), owner.tolist(), strict=True):
        found[text].append(clean_text(whole[start:end]))
    assert found == [split_sentences(text) for text in texts]


@given(st.lists(st.text(alphabet=LETTERS + MARKS.replace("\n", ""), max_size=40), max_size=6))
def test_lines_are_cut_each_for_itself(lines: list[str]) -> None:
    assert split_sentences("\n".join(lines)) == [s for line in lines for s in split_sentences(line)]


@given(st.text(alphabet="天地玄黄。！？；\n ", max_size=60))
def test_plain_sentences_are_those_of_a_regular_expression(text: str) -> None:
    """Without quotes, brackets and the like a sentence is letters with the marks behind them."""
    text = text.replace(" ", "")
    expected = []
    for line in text.split("\n"):
        found = re.findall(r"[天地玄黄]+[。！？；]*", line)
        leading = re.match(r"[。！？；]*", line).group()  # type: ignore[union-attr]
        expected += [leading + found[0], *found[1:]] if found else [line] if line else []
    assert split_sentences(text) == expected


TURN = st.builds("“{}{}”".format, st.text("天地玄黄", min_size=1, max_size=6), st.sampled_from("。！？"))
NARRATION = st.builds("{}{}".format, st.text("天地玄黄", min_size=1, max_size=6), st.sampled_from("。！？"))


@given(st.lists(TURN | NARRATION, min_size=1, max_size=8))
def test_turns_and_narration_without_verbs_of_speech_stand_alone(parts: list[str]) -> None:
    assert split_sentences("".join(parts)) == parts


@pytest.mark.parametrize(
    "unit",
    [
        "字",
        "（",
        "“",
        '"',
        "字 ",
        "。”",
        "字……",
        "《“",
        "a.",
        " ",
        "，“字",
        "字。[1]",
        "～",
        "哈",
        "😀",
        "...",
        "![",
        "\u3000字",
    ],
)
def test_half_a_million_characters_of_anything_take_no_time(unit: str) -> None:
    # Any rule that looked further than a fixed reach would need minutes.
    text = " " * 100_000 + unit * (400_000 // len(unit))
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())


def test_letters_of_all_planes_are_letters() -> None:
    assert unicodedata.category("𠮷") == "Lo"
    assert split_sentences("𠮷野家好吃。😀真的") == ["𠮷野家好吃。😀", "真的"]
    assert split_sentences("半个\ud83d代理。对") == ["半个\ud83d代理。", "对"]


def test_importing_the_module_does_not_import_numba() -> None:
    program = "import sys, corpus_builder.segmentation; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
