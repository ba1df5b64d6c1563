"""Parquet files of a saved model: nothing is decoded before it is known how large and of what types it will be."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ...errors import ModelFormatError

ID, TEXT, INTEGER, NUMBER, FLAG = "id", "text", "integer", "number", "flag"
"""Types of columns: texts or integers that are ids, texts, int64, float64, booleans."""
_TYPES = {
    ID: (pa.string(), pa.large_string(), pa.int64()),
    TEXT: (pa.string(), pa.large_string()),
    INTEGER: (pa.int64(),),
    NUMBER: (pa.float64(),),
    FLAG: (pa.bool_(),),
}
_CELL = 12
"""Bytes of the largest cell in memory: the place in the dictionary of texts, and a reference to one."""
FREE, RATIO = 2**26, 256
"""A file may take FREE bytes in memory and RATIO times its size: repeated values take next to nothing in Parquet."""
_CODECS = {"SNAPPY", "UNCOMPRESSED"}
"""Snappy expands data at most 21 times; others have no such limit."""


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table that :func:`read_table` can read, however much its values repeat."""
    pq.write_table(table, path)
    if table.num_rows * table.num_columns * _CELL > _most(path.stat().st_size):
        pq.write_table(table, path, use_dictionary=False, compression="none")


def read_table(content: bytes, path: Path, columns: Mapping[str, str] | None) -> pa.Table:
    """Read a table in full; columns of texts are dictionary-encoded, and no cell is null.

    Args:
        content: the bytes of the file.
        path: where they are from, for messages.
        columns: name -> type (:data:`ID` and others); None for any number of columns of the type NUMBER.

    Raises:
        ModelFormatError: it has other columns or types, or would take too much memory.
    """
    # not pq.read_table, which imports pyarrow.dataset and with it pandas
    file = pq.ParquetFile(pa.BufferReader(content))
    metadata, schema = file.metadata, file.schema_arrow
    wanted = dict.fromkeys(schema.names, NUMBER) if columns is None else columns
    if len(schema.names) != len(wanted) or set(schema.names) != wanted.keys():
        raise ModelFormatError(f"{path} has the columns {schema.names}, a model those named {list(wanted)}.")
    for name, kind in wanted.items():
        found = schema.field(name).type
        if found not in _TYPES[kind] and not (found == pa.null() and metadata.num_rows == 0):
            raise ModelFormatError(f"The column {name!r} of {path} has the type {found}, which no model has.")
    if metadata.num_rows * max(len(wanted), 1) * _CELL > _most(len(content)):
        raise ModelFormatError(f"{path} has {metadata.num_rows:,} rows in {len(content):,} bytes, too many to be true.")
    if _codecs(metadata) - _CODECS:
        raise ModelFormatError(f"{path} is compressed in another way than newaisle does.")
    texts = [name for name in wanted if schema.field(name).type in _TYPES[TEXT]]
    table = pq.ParquetFile(pa.BufferReader(content), read_dictionary=texts).read()
    table.validate(full=True)
    if table.num_rows != metadata.num_rows or any(column.null_count for column in table.columns):
        raise ModelFormatError(f"{path} has empty cells, or other rows than it lists.")
    return table


def _codecs(metadata: Any) -> set[str]:
    groups = (metadata.row_group(group) for group in range(metadata.num_row_groups))
    return {group.column(column).compression for group in groups for column in range(group.num_columns)}


def _most(size: int) -> int:
    """Bytes that a file of so many bytes may take in memory."""
    return FREE + RATIO * size
