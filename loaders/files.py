"""Files of tables, opened and read as Arrow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from ..errors import SourceError
from ..graph.frames import Table
from .base import read_utf8

_TEXTS = ("id", "parent_id", "category_id", "name", "text", "user", "target", "event", "value", "parent_value")
"""Columns that a CSV file always gives as texts, so that ``001`` stays ``001``."""


def read_table(path: Path) -> Table:
    """Read a CSV (UTF-8; own ids stay texts) or Parquet file as Arrow; :class:`SourceError` where that fails."""
    try:
        table = _read_csv(path) if path.suffix == ".csv" else pa.parquet.read_table(path)
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise SourceError(f"{path}: cannot be read ({reason}); correct the file.") from None
    twice = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
    if twice:
        raise SourceError(f"{path}: the column {', '.join(map(repr, twice))} occurs twice; rename one of them.")
    return table


def _read_csv(path: Path) -> Table:
    data = read_utf8(path).encode()
    types: dict[str, Any] = dict.fromkeys(_TEXTS, pa.string())
    types["group"] = pa.bool_()
    return pa.csv.read_csv(
        pa.BufferReader(data),
        # one block, since the types of a column are inferred from the first block alone
        read_options=pa.csv.ReadOptions(block_size=min(len(data) + 1, 2**31 - 1)),
        parse_options=pa.csv.ParseOptions(newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(column_types=types),
    )
