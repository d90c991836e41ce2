"""A vocabulary: the tokens in the order of the embedding's rows."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import overload

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.text.characters import is_cjk, is_punctuation

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


class Vocabulary(Sequence[str]):
    """The tokens of a model, token ``i`` belonging to row ``i`` of its embedding.

    Args:
        tokens: the tokens in order, without white space in them. ``[PAD] [UNK] [CLS] [SEP] [MASK]`` must be
            among them, anywhere. One entry may be empty: real vocabularies hold a line that is white space
            only (U+2028), which no text ever yields.
        source: where they come from, for error messages.

    Raises:
        InputError: a special token is missing, a token occurs twice or holds white space.

    Example:
        >>> vocabulary = Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "广", "州"])
        >>> vocabulary.id("州")
        6
    """

    def __init__(self, tokens: Sequence[str], *, source: str | os.PathLike[str] = "vocabulary") -> None:
        if isinstance(tokens, str):
            raise InputError(
                f"{tokens!r} is one string; give a list of tokens, or read a file with from_file"
            )
        self._tokens = tuple(tokens)
        self._ids: dict[str, int] = {}
        if not self._tokens:
            raise InputError(f"{source}: no tokens; one token a line is expected")
        for row, token in enumerate(self._tokens):
            if not isinstance(token, str):
                raise InputError(f"{source}: line {row + 1}: {token!r} is not a string")
            if token.split() not in ([token], []) or (token and not token.strip()):
                raise InputError(f"{source}: line {row + 1}: the token {token!r} holds white space")
            first = self._ids.setdefault(token, row)
            if first != row:
                raise InputError(
                    f"{source}: line {row + 1}: the token {token!r} is already on line {first + 1}; "
                    "every token must be there once, or ids and embedding rows do not agree"
                )
        missing = [token for token in SPECIAL_TOKENS if token not in self._ids]
        if missing:
            raise InputError(f"{source}: {' '.join(missing)} missing; add it as a line of its own")

    @cached_property
    def has_words(self) -> bool:
        """:func:`looks_like_word_vocabulary`."""
        return looks_like_word_vocabulary(self._tokens)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Vocabulary:
        """Read ``vocab.txt``: one token a line (LF or CRLF), the first white-space separated field counting.

        Raises:
            InputError: not readable, not UTF-8, empty, or not a valid vocabulary; file and line are named.
        """
        try:
            raw = Path(path).read_bytes()
        except OSError as error:
            raise InputError(f"{path}: cannot read the vocabulary: {error.strerror}") from error
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            raise InputError(f"{path}: line {line} is not UTF-8; convert the file to UTF-8") from error
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        if not lines[-1]:
            lines.pop()
        return cls([(line.split() or [""])[0] for line in lines], source=path)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one token a line, UTF-8 with LF; the file appears whole or not at all."""
        target = Path(path)
        content = "".join(f"{token}\n" for token in self._tokens).encode()
        try:
            descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        except OSError as error:
            raise InputError(f"{path}: cannot write the vocabulary: {error.strerror}") from error
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
            Path(temporary).chmod(0o644)
            Path(temporary).replace(target)
        except OSError as error:
            Path(temporary).unlink(missing_ok=True)
            raise InputError(f"{path}: cannot write the vocabulary: {error.strerror}") from error

    def id(self, token: str) -> int | None:
        """The row of ``token``, or None where it is not in the vocabulary."""
        return self._ids.get(token)

    def row(self, token: str) -> int:
        """The row of a token that is known to be there, such as ``[CLS]``."""
        return self._ids[token]

    @property
    def ids(self) -> dict[str, int]:
        """A copy of the mapping from token to row."""
        return dict(self._ids)

    @cached_property
    def continuing(self) -> np.ndarray:
        """Which tokens go on with a word (``##ing``): bool (size,)."""
        return np.array([len(token) > 2 and token.startswith("##") for token in self._tokens])

    @cached_property
    def ordinary_ids(self) -> np.ndarray:
        """The ids of all tokens but the empty one and those in brackets (``[PAD]``, ``[unused1]``): int32."""
        ids = (i for i, token in enumerate(self._tokens) if token and not is_special(token))
        return np.fromiter(ids, np.int32)

    def keep(self, tokens: Iterable[str]) -> tuple[Vocabulary, np.ndarray]:
        """A smaller vocabulary of the special tokens and ``tokens``, in the order of this one.

        Returns:
            The new vocabulary and the rows of the old embedding that make the new one, int32 (new size,):
            ``new_embedding = old_embedding[rows]``.

        Raises:
            InputError: a token is not in this vocabulary.
        """
        rows = {self._ids[token] for token in SPECIAL_TOKENS}
        for token in tokens:
            row = self._ids.get(token)
            if row is None:
                raise InputError(f"cannot keep the token {token!r}: it is not in the vocabulary")
            rows.add(row)
        return self._gather(sorted(rows))

    def simplified(self, startswith: Sequence[str] = SPECIAL_TOKENS) -> tuple[Vocabulary, np.ndarray]:
        """Leave out the tokens no text can yield, as bert4keras's ``load_vocab(simplified=True)`` does.

        Redundant is a token of several characters that holds an ideograph or punctuation (``##中``, ``...``,
        ``[unused1]``). ``startswith`` comes first, in its order; a special token it does not name follows it,
        since every vocabulary here has all five (bert4keras would drop ``[MASK]``).

        Returns:
            As :meth:`keep`.
        """
        first = dict.fromkeys([*startswith, *SPECIAL_TOKENS])
        unknown = [token for token in first if token not in self._ids]
        if unknown:
            raise InputError(f"cannot start with {unknown[0]!r}: it is not in the vocabulary")
        rest = (t for t in self._tokens if t not in first and not _is_redundant(t))
        return self._gather([self._ids[token] for token in (*first, *rest)])

    def _gather(self, rows: Sequence[int]) -> tuple[Vocabulary, np.ndarray]:
        return Vocabulary([self._tokens[row] for row in rows]), np.array(rows, np.int32)

    def __len__(self) -> int:
        return len(self._tokens)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        return self._tokens[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._ids

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self._tokens == other._tokens

    def __hash__(self) -> int:
        return hash(self._tokens)


def looks_like_word_vocabulary(tokens: Sequence[str]) -> bool:
    """Whether a vocabulary is one of jieba's words, as RoFormer's 50,000, and not one of characters.

    It is where at least one token in a hundred is a word of two or more ideographs (``广州``): four in five
    of RoFormer's 50,000 are, none of BERT's, RoFormer-Sim's and SimBERT's characters. A few words that
    somebody put into ``[unused]`` places leave it one of characters, which never yields them.
    """
    words = sum(1 for token in tokens if len(token) > 1 and all(map(is_cjk, token)))
    return words * 100 >= max(len(tokens), 1)


def is_special(token: str) -> bool:
    """Whether ``token`` is in brackets, such as ``[CLS]`` and ``[unused1]``, and stands for no text."""
    return len(token) > 1 and token[0] == "[" and token[-1] == "]"


def _is_redundant(token: str) -> bool:
    stem = token.removeprefix("##")
    return len(token) > 1 and any(is_cjk(c) or is_punctuation(c) for c in stem)
