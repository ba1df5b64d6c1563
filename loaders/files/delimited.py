"""Text files of cells between delimiters, read as Arrow without losing a row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv

from ...errors import SourceError
from .header import read_header
from .naming import Names
from .part import TEXT, Part
from .quotes import count_rows
from .rows import Grid, check_rows
from .text import to_utf8

_BLOCK = 1 << 25


def read_delimited(data: bytes, path: Path, known: Names) -> Part:
    """Read a text file as texts, null where a cell is empty; ``path`` is for messages.

    Raises:
        SourceError: the file is damaged or of another form; the message names the line.
    """
    cells = known.reading.cells
    text, encoding = to_utf8(data, path, cells.encoding)
    header = read_header(text, path, known, cells.delimiter)
    grid = Grid(path, header.names, header.delimiter, header.line, frozenset(filter(known.is_single, header.names)))
    table, ignored = known.table_of(header.names, _columns(text[header.end :], grid), path)
    return Part(table, TEXT, ignored, delimiter=header.delimiter, encoding=encoding)


def _columns(body: bytes, grid: Grid) -> list[pa.ChunkedArray]:
    if not body.strip():
        return [pa.chunked_array([], pa.string()) for _ in grid.names]
    rows = count_rows(body, grid.delimiter)
    if rows is None:
        rows = check_rows(body, grid)
    try:
        table = _parse(body, grid.delimiter, [str(i) for i in range(len(grid.names))])  # their own may be empty
    except pa.ArrowException as error:
        check_rows(body, grid)  # says it by line
        reason = " ".join(str(error).split()).rstrip(".")
        raise SourceError(f"{grid.path}: cannot be read ({reason}); correct the file.") from None
    if len(table) != rows and len(table) != (rows := check_rows(body, grid)):
        raise SourceError(f"{grid.path}: has {rows:,} rows, but {len(table):,} can be read; correct its quotes.")
    columns: list[pa.ChunkedArray] = table.columns
    return columns


def _parse(body: bytes, delimiter: str, names: Sequence[str]) -> pa.Table:
    quoted = b'"' in body

    def skip_blank(row: Any) -> str:
        blank = not row.text.strip(f" \t\r{delimiter}")
        return "skip" if blank and row.actual_columns < row.expected_columns else "error"

    return pa.csv.read_csv(
        pa.BufferReader(body),
        # with quotes one block, since a cell may be long
        read_options=pa.csv.ReadOptions(
            column_names=list(names), block_size=min(len(body) + 1, 2**31 - 1) if quoted else _BLOCK
        ),
        parse_options=pa.csv.ParseOptions(
            delimiter=delimiter,
            quote_char='"' if quoted else False,
            newlines_in_values=quoted,
            invalid_row_handler=skip_blank,
        ),
        convert_options=pa.csv.ConvertOptions(
            check_utf8=False,  # done
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
        ),
    )
