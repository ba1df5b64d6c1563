"""A table of any kind of file, read as Arrow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from ...errors import SourceError
from ...graph.frames import Table
from ...graph.reading.table_schema import CellFormat, TableReading
from .reading import FileReading

_TEXTS = ("id", "parent_id", "category_id", "name", "text", "user", "target", "event", "value", "parent_value")
"""Columns that a CSV file always gives as texts, so that ``001`` stays ``001``."""


def read_table(
    path: Path,
    reading: TableReading | None = None,
    cells: CellFormat | None = None,
    *,
    name: str | None = None,
) -> tuple[Table, FileReading]:
    """Read a file of a table, and how it was read.

    Args:
        path: a ``.csv`` file (UTF-8) or a ``.parquet`` file.
        reading: how the table is written; its ids, times with a format and attributes stay texts in a text file.
        cells: how the cells of a text file are written where ``reading`` leaves it open.
        name: of the table, for messages and reports; by default that of the file.

    Returns:
        An Arrow table with the columns of the file, and how it was read.

    Raises:
        SourceError: the file cannot be read.
    """
    try:
        table = (
            _read_csv(path, reading or TableReading(), cells or CellFormat())
            if path.suffix == ".csv"
            else pa.parquet.read_table(path)
        )
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise SourceError(f"{path}: cannot be read ({reason}); correct the file.") from None
    twice = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
    if twice:
        raise SourceError(f"{path}: the column {', '.join(map(repr, twice))} occurs twice; rename one of them.")
    return table, FileReading(path, name or path.stem, len(table))


def _read_csv(path: Path, reading: TableReading, cells: CellFormat) -> Table:
    try:
        data = path.read_bytes().decode("utf-8-sig").encode()
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: byte {error.start} is not UTF-8; save the file in UTF-8.") from None
    types: dict[str, Any] = dict.fromkeys((reading.columns.get(each, each) for each in _TEXTS), pa.string())
    types["group"] = pa.bool_()
    return pa.csv.read_csv(
        pa.BufferReader(data),
        # one block, since the types of a column are inferred from the first block alone
        read_options=pa.csv.ReadOptions(block_size=min(len(data) + 1, 2**31 - 1)),
        parse_options=pa.csv.ParseOptions(delimiter=cells.delimiter or ",", newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(column_types=types),
    )
