"""The one exception that means "your input is wrong", for both packages."""

from __future__ import annotations


class InputError(ValueError):
    """Something the user gave cannot be used: a file, a line, a key, a text.

    The message says what was wrong, where (file, line, key) and what to do. The command-line
    programs print it as one line and exit with code 2; library users catch it as ``ValueError``.
    """
