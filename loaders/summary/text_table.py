"""Rows as lines of aligned text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any


def text_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """A header and one line per row, with numbers to the right."""
    cells = list(rows)
    texts = [list(columns), *([_text(value) for value in row] for row in cells)]
    numbers = [all(isinstance(value, int | float | None) for value in column) for column in zip(*cells, strict=True)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for line in texts:
        aligned = (
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numbers, strict=True)
        )
        yield "  ".join(aligned).rstrip()


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)
