"""Tokenizer: which ids a text gets, how it is cut, where its tokens stand, what is refused."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from corpus_builder.errors import InputError
from roformer_sim.text import Tokenizer


def inner(tokenizer, text):
    return tokenizer.tokenize(text)[1:-1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("广州和深圳哪个好？", list("广州和深圳哪个好？")),
        ("我用iPhone15 Pro", ["我", "用", "iphone", "##1", "##5", "pro"]),
        ("Python3.11很好用", ["python", "##3", ".", "11", "很", "好", "用"]),
        ("C++/C#", ["c", "+", "+", "/", "c", "#"]),
        ("don't", ["don", "'", "t"]),
        ("Café CAFÉ cafe\u0301", ["cafe", "cafe", "cafe"]),
        ("ＩＰ", ["ｉｐ"]),  # full-width letters are not folded: unknown here, shown as read
        ("≠", ["="]),  # NFD takes the stroke off
        ("豈", ["豈"]),  # U+F900 decomposes into the plain ideograph
        ("龙𠀀", ["龙", "𠀀"]),
        ("アア", ["ア", "##ア"]),
        ("가", ["ᄀ", "##ᅡ"]),
        ("ΟΔΟΣ", ["οδος"]),
        ("ΣΣ", ["σ", "##ς"]),
        ("ΣΣΣ", ["σ", "##σ", "##ς"]),
        ("İ", ["i"]),
        ("[CLS][MASK]", ["[", "c", "##l", "##s", "]", "[", "m", "##a", "##s", "##k", "]"]),
    ],
)
def test_tokens_of_mixed_text(tokenizer, text, expected):
    assert inner(tokenizer, text) == expected


def test_what_has_no_token_is_unknown_as_a_whole_word(tokenizer):
    assert inner(tokenizer, "абв广ж") == ["абв", "广", "ж"]
    unknown = tokenizer.unk_id
    assert tokenizer.encode("абв广ж").token_ids[1:-1].tolist() == [
        unknown,
        tokenizer.vocab.index("广"),
        unknown,
    ]


@pytest.mark.parametrize(
    "text", ["", " ", "\t\r\n", "\u3000\u2028\u2029\xa0", "\x00", "\ufffd\u200b\x1c\x85", "\ud800"]
)
def test_text_without_anything_to_read_is_the_two_special_tokens(tokenizer, text):
    assert tokenizer.tokenize(text) == ["[CLS]", "[SEP]"]


@pytest.mark.parametrize("nothing", ["\x00", "\ufffd", "\u200b", "\xad", "\x1c", "\x85", "\ud83d", "\ufeff"])
def test_characters_without_meaning_do_not_part_a_word(tokenizer, nothing):
    assert inner(tokenizer, f"Pyt{nothing}hon{nothing}广") == ["python", "广"]


@pytest.mark.parametrize("space", [" ", "\t", "\r\n", "\u3000", "\xa0", "\u2028", "\u2009"])
def test_spaces_part_words(tokenizer, space):
    assert inner(tokenizer, f"pro{space}max") == ["pro", "max"]


def test_a_word_of_200_characters_is_read_and_a_longer_one_is_unknown(tokenizer):
    assert inner(tokenizer, "a" * 200) == ["a"] + ["##a"] * 199
    assert tokenizer.encode("a" * 201).token_ids[1:-1].tolist() == [tokenizer.unk_id]


def test_case_and_accents_stay_without_lower_casing():
    tokenizer = Tokenizer(
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "Pro", "pro", "é"], do_lower_case=False
    )
    assert tokenizer.encode("Pro pro PRO é").token_ids.tolist() == [2, 5, 6, 1, 7, 3]


def test_a_text_of_ten_thousand_characters_is_read_to_its_end(tokenizer):
    encoding = tokenizer.encode("广州和深圳" * 2000)
    assert len(encoding) == 10_002
    assert not encoding.truncated
    assert tokenizer.encode("广州和深圳" * 2000, maxlen=64).truncated


def test_truncation_keeps_the_beginning_and_says_so(tokenizer):
    assert tokenizer.tokenize("广州和深圳", maxlen=5) == ["[CLS]", "广", "州", "和", "[SEP]"]
    assert tokenizer.encode("广州和", maxlen=5).truncated is False
    assert tokenizer.encode("广州和深", maxlen=5).truncated is True
    assert tokenizer.tokenize("广州", maxlen=2) == ["[CLS]", "[SEP]"]


def test_a_pair_has_two_segments(tokenizer):
    encoding = tokenizer.encode("广州好", "深圳")
    assert [tokenizer.vocab[i] for i in encoding.token_ids] == [
        *["[CLS]", "广", "州", "好", "[SEP]"],
        *["深", "圳", "[SEP]"],
    ]
    assert encoding.segment_ids.tolist() == [0, 0, 0, 0, 0, 1, 1, 1]
    assert tokenizer.encode("广", "").token_ids[-2:].tolist() == [tokenizer.sep_id] * 2


@pytest.mark.parametrize(
    ("first", "second", "maxlen", "expected"),
    [
        ("广州和深圳", "好", 7, "广州和|好"),
        ("好", "广州和深圳", 7, "好|广州和"),
        ("广州和", "深圳好", 8, "广州|深圳好"),  # equally long: the first text gives way
        ("广州和", "深圳好", 7, "广州|深圳"),
        ("广州和", "深圳好", 3, "|"),
        ("广州和深圳", "", 6, "广州和|"),
    ],
)
def test_the_longer_text_of_a_pair_is_cut_first(tokenizer, first, second, maxlen, expected):
    encoding = tokenizer.encode(first, second, maxlen=maxlen)
    text = "".join(tokenizer.vocab[i] for i in encoding.token_ids[1:-1])
    assert text.replace("[SEP]", "|") == expected
    assert len(encoding) <= maxlen
    assert encoding.truncated


def test_offsets_are_places_in_the_text_as_given(tokenizer):
    text = "用 iPhoné15 Pro。"
    encoding = tokenizer.encode(text)
    assert [text[a:b] for a, b in encoding.offsets] == ["", "用", "iPhoné", "1", "5", "Pro", "。", ""]
    assert encoding.offsets[0].tolist() == encoding.offsets[-1].tolist() == [0, 0]


def test_offsets_of_a_pair_refer_to_each_text(tokenizer):
    encoding = tokenizer.encode("广州", "深圳好")
    assert encoding.offsets.tolist() == [[0, 0], [0, 1], [1, 2], [0, 0], [0, 1], [1, 2], [2, 3], [0, 0]]


def test_offsets_of_a_batch_are_those_of_each_text_alone(tokenizer):
    texts = ["我爱北京", "", "用 iPhone ok", "Python3.11", "  好"]
    for text, encoding in zip(texts, tokenizer.encode_batch(texts, maxlen=6), strict=True):
        alone = tokenizer.encode(text, maxlen=6)
        assert encoding.offsets.tolist() == alone.offsets.tolist()
        assert encoding.token_ids.tolist() == alone.token_ids.tolist()


def test_masking_by_token_position(tokenizer):
    plain = tokenizer.encode("科学技术是第一生产力。").token_ids
    masked = tokenizer.encode("科学技术是第一生产力。", mask_idxs=[6, 7]).token_ids
    assert [i for i in range(len(plain)) if plain[i] != masked[i]] == [6, 7]
    assert masked[6:8].tolist() == [tokenizer.mask_id] * 2
    again = tokenizer.encode("科学技术", mask_idxs=(position for position in [1, 1]))
    assert again.token_ids[1] == tokenizer.mask_id


@pytest.mark.parametrize("position", [-1, 0, 4, 5, 99])
def test_masking_outside_the_text_is_refused(tokenizer, position):
    with pytest.raises(InputError, match=f"position {position} is"):
        tokenizer.encode("北京的", mask_idxs=[1, position])


def test_the_separator_of_a_pair_cannot_be_masked(tokenizer):
    with pytest.raises(InputError, match="position 2 is"):
        tokenizer.encode("好", "好", mask_idxs=[2])


def test_batches_keep_order_and_agree_with_single_texts(tokenizer):
    texts = ["广州", "iPhone 15 Pro Max", "", "科学技术是第一生产力。" * 30, "ΟΔΟΣ。", "a\ud800b"] * 50
    pairs = texts[::-1]
    batch = tokenizer.encode_batch(texts, pairs, maxlen=40)
    assert isinstance(batch, list)
    for a, b, encoding in zip(texts, pairs, batch, strict=True):
        alone = tokenizer.encode(a, b, maxlen=40)
        assert encoding.token_ids.tolist() == alone.token_ids.tolist()
        assert encoding.segment_ids.tolist() == alone.segment_ids.tolist()
        assert encoding.truncated == alone.truncated


def test_a_large_batch_agrees_with_small_ones(tokenizer):
    texts = ["广州和深圳哪个好？" * 40, "iPhone 15", "", "很好" * 300] * 500
    batch = tokenizer.encode_batch(texts)
    assert all(
        one.token_ids.tolist() == encoding.token_ids.tolist()
        for one, encoding in zip(tokenizer.encode_batch(texts[:4]) * 500, batch, strict=True)
    )


def test_padding(tokenizer):
    encodings = tokenizer.encode_batch(["广州", "深"], ["好", ""])
    ids, segments = tokenizer.pad(encodings, multiple_of=8)
    assert ids.shape == segments.shape == (2, 8)
    assert ids.dtype == segments.dtype == np.int32
    assert ids[1].tolist() == [*encodings[1].token_ids.tolist(), *[tokenizer.pad_id] * 4]
    assert segments.tolist() == [[0, 0, 0, 0, 1, 1, 0, 0], [0, 0, 0, 1, 0, 0, 0, 0]]
    assert tokenizer.pad(encodings)[0].shape == (2, 6)
    assert tokenizer.pad(encodings, length=10)[0].shape == (2, 10)
    assert tokenizer.pad([])[0].shape == (0, 0)


def test_padding_encodings_of_several_batches_in_any_order(tokenizer):
    one, two = tokenizer.encode_batch(["广州", "深圳哪个好"])
    three = tokenizer.encode("好")
    ids, _ = tokenizer.pad([three, two, one])
    assert [row[row != tokenizer.pad_id].tolist() for row in ids] == [
        encoding.token_ids.tolist() for encoding in (three, two, one)
    ]


def test_padding_never_cuts(tokenizer):
    with pytest.raises(InputError, match="row 1 has 5 tokens"):
        tokenizer.pad(tokenizer.encode_batch(["广", "广州好"]), length=4)


def test_an_empty_batch(tokenizer):
    assert tokenizer.encode_batch([]) == []
    assert tokenizer.encode_batch([], [], maxlen=8) == []


@pytest.mark.parametrize(
    ("texts", "pairs", "message"),
    [
        (["广", None], None, r"texts\[1\] is NoneType"),
        (["广"], [3], r"text_pairs\[0\] is int"),
        ([b"abc"], None, r"texts\[0\] is bytes"),
        (["广"], ["州", "好"], "1 texts and 2 text_pairs"),
        ("广州", None, "one string"),
    ],
)
def test_what_is_no_list_of_strings_is_refused(tokenizer, texts, pairs, message):
    with pytest.raises(InputError, match=message):
        tokenizer.encode_batch(texts, pairs)


@pytest.mark.parametrize("nothing", [None, 3, b"abc", ["好"]])
def test_a_text_that_is_no_string_is_refused(tokenizer, nothing):
    for work in (tokenizer.encode, tokenizer.tokenize):
        with pytest.raises(InputError, match="not a string"):
            work(nothing)


@pytest.mark.parametrize(("pair", "maxlen"), [(None, 1), (None, 0), (None, -3), ("好", 2)])
def test_maxlen_without_room_for_special_tokens_is_refused(tokenizer, pair, maxlen):
    with pytest.raises(InputError, match=f"maxlen is {maxlen}"):
        tokenizer.encode("广州", pair, maxlen=maxlen)


def test_several_threads_share_a_tokenizer(tokens):
    tokenizer = Tokenizer(tokens)
    texts = [f"广州{number}和py{number * 7}" for number in range(3000)]
    expected = [encoding.token_ids.tolist() for encoding in Tokenizer(tokens).encode_batch(texts)]
    results = {}

    def work(name):
        results[name] = [tokenizer.encode(text).token_ids.tolist() for text in texts[name::4]]

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(results[name] == expected[name::4] for name in range(4))
