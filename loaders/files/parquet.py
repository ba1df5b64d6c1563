"""Parquet files, read within bounds and with types that catalogs and interactions know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...errors import SourceError
from ...graph.cleaning import ColumnReading
from .memory import check_size
from .part import PARQUET, Part

_INDEX = "__index_level_"
"""How pandas names the column of its row labels."""

_SMALL = 1 << 20


def read_parquet(path: Path, what: str, data: bytes | None = None) -> Part:
    """Read a Parquet file; columns that hold no cells for a table are left out and reported.

    Args:
        path: the file.
        what: name of the table.
        data: what is to be read in place of the file.

    Raises:
        SourceError: the file is missing or damaged, or its contents are absurdly large for it.
    """
    try:
        stored = path.stat().st_size
        source: Any = path if data is None else pa.BufferReader(data)
        # not pq.read_table, which imports pandas; texts in dictionaries take no more memory than in the file
        metadata = pq.read_metadata(source)
        _check_numbers(metadata, path, stored)
        with pq.ParquetFile(source, read_dictionary=_texts(metadata)) as file:
            table = file.read()
        table.validate(full=True)
        check_size(path, sum(_unfolded(chunk) for column in table.columns for chunk in column.chunks), stored)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise SourceError(f"{path}: is no Parquet file that can be read ({reason}); write it again.") from None
    columns: dict[str, Any] = {}
    ignored = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        plain = None if name.startswith(_INDEX) else _plain(column)
        if plain is None:
            reason = (
                "row labels of pandas" if name.startswith(_INDEX) else f"{column.type} is no text, number, time or list"
            )
            ignored.append(ColumnReading(what, name, "ignored", reason, missing=column.null_count))
        elif name in columns:
            raise SourceError(f"{path}: the column {name!r} occurs twice; rename one of them.")
        else:
            columns[name] = plain
    return Part(pa.table(columns), PARQUET, tuple(ignored))


def _texts(metadata: Any) -> list[str]:
    """The paths of columns of texts, those in lists too."""
    columns = [metadata.schema.column(i) for i in range(len(metadata.schema))]
    return [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]


def _check_numbers(metadata: Any, path: Path, stored: int) -> None:
    """A few bytes can repeat one number as often as they like."""
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    check_size(path, 8 * sum(group.column(i).num_values for group in groups for i in range(group.num_columns)), stored)


def _unfolded(chunk: pa.Array) -> int:
    """Bytes that the texts of a column take outside of their dictionary."""
    while isinstance(chunk, pa.ListArray | pa.LargeListArray | pa.FixedSizeListArray):
        chunk = chunk.flatten()
    if not isinstance(chunk, pa.DictionaryArray) or pa.types.is_primitive(chunk.type.value_type):
        return 0
    lengths = pc.binary_length(chunk.dictionary)
    if (pc.max(lengths).as_py() or 0) * len(chunk) < _SMALL:
        return 0
    return pc.sum(lengths.take(chunk.indices)).as_py() or 0


def _is_text(kind: Any) -> bool:
    return any(check(kind) for check in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """A column as texts, numbers, times or lists of them; None where it holds other things."""
    kind: Any = column.type
    if isinstance(kind, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type)
        kind = kind.storage_type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = kind.value_type
    if pa.types.is_decimal(kind):
        return _undecimal(column)
    if any(check(kind) for check in (pa.types.is_binary, pa.types.is_large_binary)):  # texts of some programs
        try:
            return column.cast(pa.string())
        except pa.ArrowInvalid:
            return None
    if pa.types.is_time(kind):
        return column.cast(pa.string())
    if _is_text(kind) or pa.types.is_null(kind) or pa.types.is_boolean(kind):
        return column
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return column
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        value = kind.value_type
        if pa.types.is_dictionary(value):
            value = value.value_type
            column = column.cast(pa.large_list(value) if pa.types.is_large_list(kind) else pa.list_(value))
        if _is_text(value) or pa.types.is_primitive(value):
            return column
    return None


def _undecimal(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whole decimals as int64, others as float64; what int64 cannot hold stays decimal."""
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        whole = pc.all(pc.equal(pc.round(column), column)).as_py()
        return column if whole else column.cast(pa.float64())
