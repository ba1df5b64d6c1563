"""The rows of a text file one by one: slow, but knows the line of every fault."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ...errors import SourceError

_SAMPLE = 200


@dataclass(frozen=True)
class Grid:
    """What is known of a text file from its header.

    Attributes:
        names: of the columns, in order.
        line: in which the rows begin, from 1.
        single: names of columns that never contain line breaks, such as ids.
    """

    path: Path
    names: tuple[str, ...]
    delimiter: str
    line: int
    single: frozenset[str] = frozenset()


def check_rows(body: bytes, grid: Grid) -> int:
    """The number of rows, each with a cell for every column; blank lines are no rows.

    Raises:
        SourceError: a row has more or fewer cells, or a quote is not closed, or closed so late that rows vanish in it;
            the message names row and line.
    """
    lines = io.TextIOWrapper(io.BytesIO(body), encoding="utf-8", newline="\n")
    reader = csv.reader(lines, delimiter=grid.delimiter, strict=True)
    row, before = 1, 0
    shapes: set[str] | None = None
    with _cells_of_any_size():
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise SourceError(_sentence(error, grid, row, before, reader.line_num)) from None
            if cells is None:
                return row - 1
            if cells and not is_blank(cells, grid):
                if len(cells) != len(grid.names):
                    raise SourceError(
                        f"{_place(grid, row, before)} has {_number(len(cells), 'cell')}, the header "
                        f"{len(grid.names)}; correct the row (a cell that contains {grid.delimiter!r} needs quotes)."
                    )
                if reader.line_num > before + 1:
                    shapes = _shapes(body, grid) if shapes is None else shapes
                    _check_breaks(cells, shapes, grid, row, before, reader.line_num)
                row += 1
            before = reader.line_num


def is_blank(cells: list[str], grid: Grid) -> bool:
    """Whether a row has blanks alone, in fewer cells than there are columns."""
    return len(cells) < len(grid.names) and not any(map(str.strip, cells))


def _place(grid: Grid, row: int, before: int) -> str:
    return f"{grid.path}: row {row} (line {grid.line + before})"


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _sentence(error: csv.Error, grid: Grid, row: int, before: int, line: int) -> str:
    place, reason, last = _place(grid, row, before), str(error), grid.line + line - 1
    remedy = "remove the quote, or write quotes inside a quoted cell twice"
    if "unexpected end" in reason:
        return f"{place} opens a quote that is never closed; {remedy}."
    if "expected after" in reason:
        until = "" if line == before + 1 else f" of line {last}"
        return f"{place} opens a quote that closes inside a cell{until}; {remedy}."
    if "new-line character" in reason:
        return f"{place} has a carriage return inside a cell; remove it, or put the cell into quotes."
    return f"{place} cannot be read ({reason}); correct the row."


def _check_breaks(cells: list[str], shapes: set[str], grid: Grid, row: int, before: int, line: int) -> None:
    """Refuse cells whose line breaks show that a quote was closed too late."""
    for place, (name, cell) in enumerate(zip(grid.names, cells, strict=True)):
        if "\n" in cell and (name in grid.single or _hides_rows(cell, place, shapes, grid)):
            raise SourceError(
                f"{_place(grid, row, before)} opens a quote in the column {name!r} that closes only in line "
                f"{grid.line + line - 1}, so that rows vanish in one cell; remove the quote, or write quotes inside a "
                "quoted cell twice."
            )


def _hides_rows(cell: str, place: int, shapes: set[str], grid: Grid) -> bool:
    """Whether the lines of a cell look like rows, each with the delimiters and a first cell of the usual shape."""
    first, *inner, last = cell.split("\n")
    most = len(grid.names) - 1
    if _delimiters(first, grid) != most - place or _delimiters(last, grid) != place or not (inner or place):
        return False
    starts = [line.partition(grid.delimiter)[0] for line in (*inner, *([last] if place else ()))]
    return all(_delimiters(line, grid) == most for line in inner) and all(_shape(start) in shapes for start in starts)


def _delimiters(line: str, grid: Grid) -> int:
    """Delimiters as tables have them; in sentences a blank follows."""
    return len(re.findall(re.escape(grid.delimiter) + r"(?! )", line))


def _shapes(body: bytes, grid: Grid) -> set[str]:
    """The shapes of first cells of rows."""
    lines = body[: 1 << 20].decode("utf-8", "ignore").split("\n")[:_SAMPLE]
    return {
        _shape(line.partition(grid.delimiter)[0]) for line in lines if _delimiters(line, grid) == len(grid.names) - 1
    }


def _shape(text: str) -> str:
    return re.sub(r"[^\W\d]+", "a", re.sub(r"\d+", "9", text.strip().strip('"')))


@contextmanager
def _cells_of_any_size() -> Iterator[None]:
    former = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(former)
