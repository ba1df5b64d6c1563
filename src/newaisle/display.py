"""Foreign text for terminals, shells, spreadsheets and notebooks, and a short repr of large values."""

from __future__ import annotations

import re
import reprlib
import shlex
import unicodedata
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from html import escape
from typing import Any

_CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories: C0, C1 and DEL, halves of surrogate pairs, separators of lines and paragraphs."""
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that change the direction of the text behind them."""

_RUN = re.compile(r"'*[=+\-@\t\r]")
"""What a spreadsheet would run as a formula, guarded any number of times."""


def printable(text: str) -> str:
    r"""The text with control characters, line ends and marks of direction shown as ``\n``, ``\x1b``, ``\u202e``."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c.encode("unicode_escape").decode() if _acts(c) else c for c in text)


def one_line(text: str, most: int = 900) -> str:
    """The text printable, without the middle of a very long one."""
    shown = printable(text)
    return shown if len(shown) <= most else f"{shown[: most // 2]} … {shown[-most // 2 :]}"


def command_line(*words: object) -> str:
    """Words as one command that a shell (bash, zsh, ksh) reads as these words, without a character that acts."""
    return " ".join(_quoted(str(word)) for word in words)


def guarded(text: str) -> str:
    """The text with an apostrophe in front where a spreadsheet would run it; :func:`unguarded` gives the text again."""
    return f"'{text}" if _RUN.match(text) else text


def unguarded(text: str) -> str:
    """A text as it was before :func:`guarded`."""
    return text[1:] if text.startswith("'") and _RUN.match(text) else text


def summary_repr(value: object, summary: Mapping[str, object]) -> str:
    """The repr of a large value: counts by their nouns, other values behind their names."""
    parts = (_counted(x, name) if isinstance(x, int) else f"{name} {x}" for name, x in summary.items())
    return printable(f"{type(value).__name__}({', '.join(parts)})")


def summary_html(title: str, summary: Mapping[str, object]) -> str:
    """The same as a small table for notebooks, escaped."""
    left = "style='text-align:left'"
    cells = ((name, f"{x:,}" if isinstance(x, int) else str(x)) for name, x in summary.items())
    lines = "".join(
        f"<tr><th {left}>{_escaped(name)}</th><td {left}>{_escaped(text)}</td></tr>" for name, text in cells
    )
    return f"<table><caption {left}><b>{_escaped(title)}</b></caption>{lines}</table>"


def short_repr(value: Any) -> str:
    """The repr of a dataclass: arrays by their shape, of collections the first members, long texts without a middle."""
    shown = ", ".join(f"{each.name}={_SHORT.repr(getattr(value, each.name))}" for each in fields(value) if each.repr)
    return f"{type(value).__name__}({shown})"


def short(value: object) -> str:
    """The repr of any value for a message: one line, of large values the beginning, without a character that acts."""
    return printable(_SHORT.repr(value))


class _Short(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxstring, self.maxother = 2, 40, 60
        self.maxtuple = self.maxlist = self.maxdict = self.maxset = self.maxfrozenset = 2

    def repr_instance(self, x: Any, level: int) -> str:
        if hasattr(x, "shape") and not hasattr(x, "dtype"):
            return f"<{type(x).__name__}, {' x '.join(map(str, x.shape))}>"
        if hasattr(x, "shape") and x.shape:
            return f"<{type(x).__name__} of {x.dtype}, {' x '.join(map(str, x.shape))}>"
        return f"<{type(x).__name__}>" if is_dataclass(x) else super().repr_instance(x, level)


_SHORT = _Short()


def _escaped(text: str) -> str:
    return escape(printable(text))


def _counted(number: int, nouns: str) -> str:
    """A number with its noun, given in the plural."""
    one = f"{nouns[:-3]}y" if nouns.endswith("ies") else nouns[:-1]
    return f"{number:,} {one if number == 1 else nouns}"


def _acts(character: str) -> bool:
    return unicodedata.category(character) in _CONTROLS or character in _BIDI


def _quoted(word: str) -> str:
    if not any(map(_acts, word)):
        return shlex.quote(word)
    escaped = word.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + "".join(_octal(c) if _acts(c) else c for c in escaped) + "'"


def _octal(character: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "surrogateescape"))
