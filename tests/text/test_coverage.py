"""Which characters of texts a vocabulary does not know, and which traditional ones."""

from __future__ import annotations

import pytest

from roformer_sim.text import SPECIAL_TOKENS, Tokenizer, Vocabulary, looks_like_word_vocabulary
from roformer_sim.text.coverage import measure_coverage


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer([*SPECIAL_TOKENS, *"我爱北京，。", "ap", "##p", "体", "里"])


def test_unknown_characters_are_counted_and_white_space_is_not(tokenizer: Tokenizer) -> None:
    found = measure_coverage(tokenizer, ["我 爱𠀀！", "\u200b", "龘龘𠀀"])
    assert (found.texts, found.characters, found.unknown) == (3, 7, 5)
    assert found.unknown_share == 5 / 7
    assert found.unknown_characters == {"𠀀": 2, "龘": 2, "！": 1}


def test_a_latin_word_with_an_unknown_letter_is_unknown_as_a_whole(tokenizer: Tokenizer) -> None:
    found = measure_coverage(tokenizer, ["app", "APx"])
    assert (found.characters, found.unknown) == (6, 3)
    assert set(found.unknown_characters) == {"a", "p", "x"}
    assert {"x", "##x"} <= set(found.missing_tokens())


def test_added_tokens_make_all_of_it_known(tokenizer: Tokenizer) -> None:
    texts = ["我爱𠀀！ αβ", "龘Café"]
    missing = measure_coverage(tokenizer, texts).missing_tokens()
    larger = Tokenizer(list(dict.fromkeys([*tokenizer.vocab, *missing])))
    assert measure_coverage(larger, texts).unknown == 0


def test_rare_characters_are_left_out(tokenizer: Tokenizer) -> None:
    found = measure_coverage(tokenizer, ["龘龘𠀀"])
    assert found.missing_tokens(min_count=2) == ["龘"]
    assert found.used_tokens(tokenizer) == ["[UNK]", "[CLS]", "[SEP]"]


def test_no_text_has_no_unknown_share(tokenizer: Tokenizer) -> None:
    assert measure_coverage(tokenizer, []).unknown_share == 0.0


def test_traditional_forms_are_opencc_s() -> None:
    pytest.importorskip("opencc")
    from roformer_sim.text.traditional import traditional_characters, traditional_coverage

    found = traditional_coverage(Vocabulary([*SPECIAL_TOKENS, "体", "里", "裡", "我"]))
    assert found.missing == {"體": "体", "裏": "里"}
    assert (found.pairs, found.known_pairs, found.known) == (2, 1, 1)
    assert traditional_characters()["龜"] == "龟"
    assert found.characters == len(traditional_characters()) > 3000


def test_word_vocabularies_are_told_from_characters() -> None:
    characters = [chr(code) for code in range(0x4E00, 0x4E00 + 995)]
    assert not looks_like_word_vocabulary([*SPECIAL_TOKENS, *characters, "##一", "iphone", "..."])
    assert not looks_like_word_vocabulary([*SPECIAL_TOKENS, *characters, "花呗", "借呗"]), "two in [unused]"
    assert looks_like_word_vocabulary([*SPECIAL_TOKENS, *characters[:300], "广州", "深圳", "天气", "明天"])
    assert not looks_like_word_vocabulary([])


@pytest.mark.parametrize(("words", "what"), [(True, "of characters"), (False, "of jieba's words")])
def test_reading_one_kind_as_the_other_warns(tmp_path, words: bool, what: str) -> None:
    tokens = [*SPECIAL_TOKENS, *"广州深圳", *([] if words else ["广州", "深圳"])]
    Vocabulary(tokens).save(tmp_path / "vocab.txt")
    with pytest.warns(UserWarning, match=f"vocabulary {what}"):
        Tokenizer.from_file(tmp_path / "vocab.txt", words=words)
    assert Tokenizer.from_file(tmp_path / "vocab.txt").words is not words
