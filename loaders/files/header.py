"""The header of a text file."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...errors import SourceError
from .naming import Names

_DELIMITERS = ",;\t|"
_SAMPLE_LINES = 50
_SAMPLE_BYTES = 1 << 18
_BLANK = re.compile(rb"[ \t]*\r?\n")


@dataclass(frozen=True)
class Header:
    """The names of the columns as in the file, the delimiter, and where the rows begin: byte and line (from 1)."""

    names: tuple[str, ...]
    delimiter: str
    end: int
    line: int


def read_header(data: bytes, path: Path, known: Names, delimiter: str | None = None) -> Header:
    """Read the first row; without ``delimiter`` the one that gives the most known names and divides the rows alike.

    A first line such as ``sep=;`` is that of a spreadsheet.

    Raises:
        SourceError: there is no row, the first is no header, or a quote in it is not closed.
    """
    line, at = 1, 0
    if stated := re.match(rb"sep=(.)\r?\n", data):
        line, at, delimiter = 2, stated.end(), delimiter or stated[1].decode("latin-1")
    while blank := _BLANK.match(data, at):
        line, at = line + 1, blank.end()
    if not data[at:].strip():
        raise SourceError(f"{path}: is empty; give a header and rows.")
    if delimiter is not None and (len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n'):
        raise SourceError(f"{path}: cannot be divided at {delimiter!r}; give one character such as ';' as delimiter.")
    delimiter = delimiter or _recognise(data[at : at + _SAMPLE_BYTES], known)
    lines = _Lines(data, at)
    try:
        names = tuple(name.strip() for name in next(csv.reader(lines, delimiter=delimiter, strict=True)))
    except csv.Error as error:
        raise SourceError(f"{path}: the header (line {line}) cannot be read ({error}); correct its quotes.") from None
    known.check(names, path, line)
    return Header(names, delimiter, lines.at, line + lines.count)


class _Lines(Iterator[str]):
    """The lines of some data from a byte on, counted."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at, self.count = data, at, 0

    def __next__(self) -> str:
        if self.at >= len(self.data):
            raise StopIteration
        end = self.data.find(b"\n", self.at) + 1 or len(self.data)
        line = self.data[self.at : end].decode()
        self.at, self.count = end, self.count + 1
        return line


def _recognise(sample: bytes, known: Names) -> str:
    lines = sample.decode("utf-8", "ignore").split("\n")
    if len(lines) > 1:
        del lines[min(len(lines) - 1, _SAMPLE_LINES) :]  # the last may be cut off

    def fit(delimiter: str) -> tuple[bool, int, float, int]:
        try:
            rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:  # a cell that never ends
            return False, 0, 0.0, 0
        names = [name.strip() for name in rows[0]]
        alike = sum(len(row) == len(names) for row in rows) / len(rows)
        return len(names) > 1, sum(map(known.knows, names)), alike, len(names)

    return max(_DELIMITERS, key=fit)  # the first of equals, so a comma where there is none
