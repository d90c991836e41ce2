"""The guards every miner shares: which sentences are worth comparing and which pairs are worth keeping."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b

from corpus_builder.exclusion import Exclusion
from corpus_builder.segmentation import clean_text
from corpus_builder.similarity import normalise

_CHINESE = re.compile(r"[\u3400-\u9fff]")
NUMERALS = "二三四五六七八九十百千万亿两〇零"
"""Chinese numerals except a bare 一, which is mostly an article (一个, 一下)."""
ORDINAL_NUMERALS = "一二三四五六七八九十百千两"
"""Those that may stand behind 第."""
_NUMBER = re.compile(rf"\d+|第[{ORDINAL_NUMERALS}]+|[{NUMERALS}]+")
_LATIN = re.compile(r"[a-z]+[a-z0-9]*")
DENIALS = "不没无未非勿别莫"
"""Characters that deny."""
DENIALS_OF_A_CHOICE = "不没"
"""Those of A-not-A questions (是不是, 有没有), which deny nothing."""
NO_DENIALS = (
    *("不同", "不少", "不断", "不仅", "不过", "不管", "不论", "无论", "差不多", "特别", "分别", "别人"),
    *("区别", "级别", "性别", "非常", "除非", "非洲", "未来"),
)
"""Words whose 不, 没, 无, 非, 别 denies nothing."""
_NO_DENIAL = re.compile(rf"(.)[{DENIALS_OF_A_CHOICE}]\1|{'|'.join(NO_DENIALS)}")
_DENIAL = re.compile(f"[{DENIALS}]")
# Characters that carry grammar or politeness; two texts that differ in these alone mean the same.
FUNCTION_CHARACTERS = frozenset(
    "的地得了着过吗呢么吧啊呀嘛哦哪啥谁几什怎样如何为会能可以该应当要想请问你您我他她它们咱大家自己"
    "这那此其之个些种次位名一下是有在到从由对于和与及或把被让给将向往用就都也还又再才很太更最真较比"
    "而且但所因如果则时候后前中上里内外来去做办行呵哈呗嗯某本该每各另等即便只已曾正便说称据道"
)

Counts = Counter[str]


@dataclass(frozen=True, slots=True)
class Rules:
    """Guards on sentences and pairs. Lengths are in characters of the text as it is written.

    Attributes:
        min_chars, max_chars: shorter and longer sentences are left out.
        min_chinese: least share of Chinese characters among the letters and digits.
        max_length_ratio: longer / shorter of a pair, after normalisation.
        allow_containment: keep pairs of which one contains the other (北京好吗 / 你说北京好吗).
        same_numbers: drop pairs whose numbers or Latin words differ (2 元 / 3 元, iOS / Android).
        same_negation: drop pairs of which one denies more often than the other (要 / 不要); 有没有 and 特别
            deny nothing.
        max_substituted, substituted_share: with F the function characters (的, 吗, 怎, 你 ...), drop a
            pair when BOTH texts have more other characters that the partner lacks,
            ``min(|A - B - F|, |B - A - F|) > max(max_substituted, substituted_share * min(|A|, |B|))``.
            A word put in is no harm, a word put in place of another is: 选空调 / 选洗碗机. None turns it off.
        max_partners: at most so many pairs for one sentence, the most similar first; 0 sets no limit.
        simplified: compare traditional characters as the simplified ones (needs the ``opencc`` extra).
    """

    min_chars: int = 5
    max_chars: int = 64
    min_chinese: float = 0.5
    max_length_ratio: float = 2.0
    allow_containment: bool = False
    same_numbers: bool = False
    same_negation: bool = False
    max_substituted: int | None = None
    substituted_share: float = 0.0
    max_partners: int = 3
    simplified: bool = False

    def usable(self, text: str, normalised: str) -> bool:
        """Whether a sentence may enter the comparison."""
        if not self.min_chars <= len(text) <= self.max_chars or not normalised:
            return False
        return len(_CHINESE.findall(normalised)) / len(normalised) >= self.min_chinese

    def compatible(self, a: str, b: str) -> bool:
        """Whether two normalised sentences may form a pair, their similarity aside.

        The definition; among many pairs :class:`corpus_builder.miners.similar.PairSearch` decides the same.
        """
        short, long = sorted((a, b), key=len)
        if a == b or len(long) / len(short) > self.max_length_ratio:
            return False
        if not self.allow_containment and short in long:
            return False
        return not any(refuses(a, b) for _, refuses in self.meaning_guards())

    def asks_meaning(self) -> tuple[bool, bool, bool]:
        """Whether substituted words, negation, numbers are guarded against."""
        return self.max_substituted is not None, self.same_negation, self.same_numbers

    def meaning_guards(self) -> list[tuple[str, Callable[[str, str], bool]]]:
        """The guards on what two normalised sentences say that are on: name, and what refuses a pair.

        Sameness, length ratio and containment are not among them: the search itself sees to those.
        """
        guards: list[tuple[str, Callable[[str, str], bool]]] = []
        if self.max_substituted is not None:
            guards.append(("substituted words", self._substitutes_too_much))
        if self.same_negation:
            guards.append(("negation", lambda a, b: _denials(a) != _denials(b)))
        if self.same_numbers:
            guards.append(("numbers", lambda a, b: _numbers(a) != _numbers(b)))
        return guards

    def must_agree(self, normalised: str) -> tuple[Hashable, ...]:
        """What a text shares with every text that ``same_numbers`` and ``same_negation`` let it stand with.

        Example:
            >>> Rules(same_numbers=True).must_agree("苹果2元一斤")
            (('2',), ())
        """
        numbers = tuple(map(tuple, _numbers(normalised))) if self.same_numbers else ()
        return (*numbers, _denials(normalised)) if self.same_negation else numbers

    def _substitutes_too_much(self, a: str, b: str) -> bool:
        assert self.max_substituted is not None
        share = self.substituted_share * min(len(set(a)), len(set(b)))
        return substituted(a, b) > max(self.max_substituted, share)


def prepare(
    candidates: Iterable[str], rules: Rules, exclusion: Exclusion, counts: Counts
) -> Iterator[tuple[str, str]]:
    """Yield ``(text, normalised)`` of the sentences that pass the guards and are in no benchmark."""
    for candidate in candidates:
        counts["sentences"] += 1
        text = clean_text(candidate)
        if not rules.min_chars <= len(text) <= rules.max_chars:
            counts["sentences dropped: length"] += 1
            continue
        normalised = normalise(text, simplified=rules.simplified)
        if not rules.usable(text, normalised):
            counts["sentences dropped: not Chinese"] += 1
        elif exclusion.has_normalised(normalised):
            counts["sentences dropped: in a benchmark"] += 1
        else:
            yield text, normalised


def key(normalised: str) -> bytes:
    """Twelve bytes that stand for a sentence in sets of millions."""
    return blake2b(normalised.encode("utf-8", "surrogatepass"), digest_size=12).digest()


def substituted(a: str, b: str) -> int:
    """Content characters that stand in place of others: the smaller of ``|A - B - F|`` and ``|B - A - F|``.

    Example:
        >>> substituted("有哪些空调值得买", "有哪些洗碗机值得买")
        2
        >>> substituted("怎么选空调", "请问空调如何选择")
        0
    """
    set_a, set_b = set(a), set(b)
    return min(len(set_a - set_b - FUNCTION_CHARACTERS), len(set_b - set_a - FUNCTION_CHARACTERS))


def _denials(normalised: str) -> int:
    return len(_DENIAL.findall(_NO_DENIAL.sub("", normalised)))


def _numbers(normalised: str) -> tuple[list[str], list[str]]:
    return sorted(_NUMBER.findall(normalised)), sorted(_LATIN.findall(normalised))
