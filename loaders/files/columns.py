"""The types of the columns of a text file: ids and texts stay as written, numbers become numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ...errors import SourceError
from .naming import Names

_MISSING = (
    *("NA", "N/A", "n/a", "#N/A", "#NA", "#N/A N/A", "NULL", "Null", "null", "None", "NaN", "nan", "-NaN", "-nan"),
    *("<NA>", "-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN"),
)
"""What programs write for a missing number."""

_SAMPLE = 1000
_CODE = r"^\s*[+-]?0[0-9A-Za-z]"
_COMMA = r"^\s*[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?\s*$"


def typed(table: pa.Table, known: Names, path: Path) -> pa.Table:
    """Type the columns of a table of texts; ``path`` is for messages.

    A column becomes int64, float64 or bool where all its cells are such; one with a number that begins with 0 holds
    codes and stays text, as does one that :meth:`Names.is_text` names.

    Raises:
        SourceError: the column ``group`` has other cells than true and false.
    """
    columns = {}
    for name in table.column_names:
        column = table.column(name)
        if known.standard.get(name) == "group":
            columns[name] = _flags(column, name, path)
        else:
            columns[name] = column if known.is_text(name) else _numbers(column, known.reading.cells.decimal)
    return pa.table(columns)


def with_missing(table: pa.Table, missing: Sequence[str]) -> pa.Table:
    """Empty the cells that are one of some texts."""
    if not missing:
        return table
    words = pa.array(list(missing), pa.string())
    for place, name in enumerate(table.column_names):
        column = table.column(name)
        if pa.types.is_string(column.type):
            column = pc.if_else(pc.is_in(column, words), pa.scalar(None, pa.string()), column)
            table = table.set_column(place, name, column)
    return table


def _numbers(column: pa.ChunkedArray, decimal: str | None) -> pa.ChunkedArray:
    cells = pc.if_else(pc.is_in(column, pa.array(_MISSING)), pa.scalar(None, pa.string()), column)
    if cells.null_count == len(cells):
        return cells
    numbers, kinds = cells, [pa.int64(), pa.float64()]
    if decimal == ",":
        if pc.all(pc.match_substring_regex(cells, _COMMA)).as_py():
            numbers = pc.replace_substring(pc.replace_substring(cells, ".", ""), ",", ".")
        else:
            kinds = []
    found = next((cast for kind in kinds if (cast := _cast(numbers, kind)) is not None), None)
    if found is not None:
        return column if pc.any(pc.match_substring_regex(cells, _CODE)).as_py() else found
    flags = _cast(cells, pa.bool_())
    return column if flags is None else flags


def _cast(cells: pa.ChunkedArray, kind: Any) -> pa.ChunkedArray | None:
    """Cells as numbers or flags; None where one of them is none."""
    for clean in (lambda texts: texts, pc.utf8_trim_whitespace):
        try:
            pc.cast(clean(cells.slice(0, _SAMPLE)), kind)  # a cast of texts that are no numbers is slow
            return pc.cast(clean(cells), kind)
        except pa.ArrowInvalid:
            continue
    return None


def _flags(column: pa.ChunkedArray, name: str, path: Path) -> pa.ChunkedArray:
    if (flags := _cast(column, pa.bool_())) is not None:
        return flags
    for row, cell in enumerate(column.to_pylist(), start=1):
        if cell is not None and not re.fullmatch(r"\s*(true|false|0|1)\s*", cell, re.IGNORECASE):
            raise SourceError(f"{path}: row {row} has {cell!r} in the column {name!r}; write true or false.")
    raise AssertionError("a cast fails only at a cell")
