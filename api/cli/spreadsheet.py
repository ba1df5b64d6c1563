"""Texts in CSV that a spreadsheet would run as a formula, guarded by an apostrophe."""

from __future__ import annotations

import re

_RUN = re.compile(r"'*[=+\-@\t\r]")
"""What a spreadsheet would run, guarded any number of times."""


def guarded(text: str) -> str:
    """The text with an apostrophe in front where a spreadsheet would run it; :func:`unguarded` gives the text again."""
    return f"'{text}" if _RUN.match(text) else text


def unguarded(text: str) -> str:
    """A text as it was before :func:`guarded`."""
    return text[1:] if text.startswith("'") and _RUN.match(text) else text
