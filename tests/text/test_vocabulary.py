"""Vocabulary: files that are read, files that are refused, smaller vocabularies."""

from __future__ import annotations

import numpy as np
import pytest

from corpus_builder.errors import InputError
from roformer_sim.text import SPECIAL_TOKENS, Tokenizer, Vocabulary

SPECIALS = "\n".join(SPECIAL_TOKENS)


def write(folder, content):
    path = folder / "vocab.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("end", [True, False])
def test_one_token_a_line(tmp_path, newline, end):
    content = newline.join([*SPECIAL_TOKENS, "广", "##ing"]) + (newline if end else "")
    tokenizer = Tokenizer.from_file(write(tmp_path, content))
    assert tokenizer.vocab == [*SPECIAL_TOKENS, "广", "##ing"]
    assert tokenizer.vocab_size == 7
    ids = (tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id)
    assert ids == (0, 1, 2, 3, 4)


def test_a_line_of_white_space_keeps_its_row(tmp_path):
    """Real vocabularies hold U+2028 as a token; it must not shift the rows after it."""
    tokenizer = Tokenizer.from_file(write(tmp_path, f"{SPECIALS}\n\u2028\n广\n"))
    assert tokenizer.vocab[5:] == ["", "广"]
    assert tokenizer.encode("\u2028广").token_ids.tolist() == [2, 6, 3]


def test_a_byte_order_mark_is_no_token(tmp_path):
    assert Vocabulary.from_file(write(tmp_path, f"\ufeff{SPECIALS}\n"))[0] == "[PAD]"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no tokens"),
        (f"{SPECIALS}\n广\n州\n广\n", r"line 8: the token '广' is already on line 6"),
        ("[PAD]\n[UNK]\n[CLS]\n[SEP]\n广\n", r"\[MASK\] missing"),
        ("广\n州\n", r"\[PAD\] \[UNK\] \[CLS\] \[SEP\] \[MASK\] missing"),
        (SPECIALS.encode() + b"\n\xb9\xe3\n", "line 6 is not UTF-8"),
    ],
)
def test_a_bad_file_is_refused_by_name_and_line(tmp_path, content, message):
    with pytest.raises(InputError, match=message) as refusal:
        Tokenizer.from_file(write(tmp_path, content))
    assert "vocab.txt" in str(refusal.value)


@pytest.mark.parametrize("name", ["absent.txt", ""])
def test_a_file_that_cannot_be_read_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="cannot read the vocabulary"):
        Tokenizer.from_file(tmp_path / name)


@pytest.mark.parametrize("tokens", [[*SPECIAL_TOKENS, "a b"], [*SPECIAL_TOKENS, " "], [*SPECIAL_TOKENS, 3]])
def test_tokens_that_no_file_can_hold_are_refused(tokens):
    with pytest.raises(InputError, match="line 6"):
        Tokenizer(tokens)


def test_a_path_in_place_of_tokens_is_refused():
    with pytest.raises(InputError, match="from_file"):
        Tokenizer("vocab.txt")


def test_saving_and_reading_again(tmp_path, tokenizer):
    tokenizer.save(tmp_path / "vocab.txt")
    assert Tokenizer.from_file(tmp_path / "vocab.txt").vocab == tokenizer.vocab
    assert b"\r" not in (tmp_path / "vocab.txt").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["vocab.txt"]


def test_saving_where_nothing_can_be_written(tmp_path, tokenizer):
    with pytest.raises(InputError, match="cannot write the vocabulary"):
        tokenizer.save(tmp_path / "absent" / "vocab.txt")


def test_keeping_tokens_gathers_their_embedding_rows(tokenizer):
    small, rows = tokenizer.keep_tokens(["州", "广", "##ing", "广"])
    assert set(small.vocab) == {*SPECIAL_TOKENS, "广", "州", "##ing"}
    embedding = np.arange(tokenizer.vocab_size)[:, None] * np.ones(3)
    assert [tokenizer.vocab[int(row[0])] for row in embedding[rows]] == small.vocab
    assert rows.dtype == np.int32
    text = "广州是"
    kept = [token if token in small.vocab else "[UNK]" for token in tokenizer.tokenize(text)]
    assert [small.vocab[i] for i in small.encode(text).token_ids] == kept


def test_keeping_a_token_that_is_not_there_is_refused(tokenizer):
    with pytest.raises(InputError, match="'鑫'"):
        tokenizer.keep_tokens(["鑫"])


def test_simplifying_leaves_out_what_no_text_yields():
    tokens = [
        "[PAD]",
        "[unused1]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "a",
        "##a",
        "广",
        "##广",
        "...",
        "##，",
        "。",
    ]
    small, rows = Tokenizer(tokens).simplified()
    assert small.vocab == [*SPECIAL_TOKENS, "a", "##a", "广", "。"]
    assert rows.tolist() == [0, 2, 3, 4, 5, 6, 7, 8, 12]


def test_simplifying_puts_the_named_tokens_first():
    tokens = ["[UNK]", "[MASK]", "[CLS]", "广", "##广", "[SEP]", "[PAD]"]
    small, rows = Tokenizer(tokens).simplified(["[PAD]", "[UNK]", "##广"])
    assert small.vocab == ["[PAD]", "[UNK]", "##广", "[CLS]", "[SEP]", "[MASK]", "广"]
    assert rows.tolist() == [6, 0, 4, 2, 5, 1, 3]
