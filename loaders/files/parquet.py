"""Parquet files, read within bounds and with types that catalogs and interactions know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...errors import SourceError
from ...graph.cleaning import ColumnReading
from .memory import check_size, limit
from .part import PARQUET, Part

_INDEX = "__index_level_"
"""How pandas names the column of its row labels."""

_BATCH = 1 << 16


def read_parquet(source: Any, path: Path, stored: int, what: str) -> Part:
    """Read a Parquet file; columns that hold no cells for a table are left out and reported.

    Args:
        source: a path, or a buffer of the file.
        path: for messages.
        stored: size of the file in bytes.
        what: name of the table.

    Raises:
        SourceError: the file is damaged, or its contents are absurdly large for it.
    """
    try:
        # not pq.read_table, which imports pandas; texts in dictionaries take no more memory than in the file
        with pq.ParquetFile(source, read_dictionary=_texts(source)) as file:
            _check_numbers(file.metadata, path, stored)
            table = _bounded(file, path, stored)
        table.validate(full=True)
        _check_texts(table, path, stored)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise SourceError(f"{path}: cannot be read ({reason}); write the Parquet file again.") from None
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


def _texts(source: Any) -> list[str]:
    """Columns of texts."""
    with pq.ParquetFile(source) as file:
        return [field.name for field in file.schema_arrow if _is_text(field.type)]


def _check_numbers(metadata: Any, path: Path, stored: int) -> None:
    cells = sum(
        metadata.row_group(group).column(column).num_values
        for group in range(metadata.num_row_groups)
        for column in range(metadata.row_group(group).num_columns)
    )
    check_size(path, 4 * cells, stored)


def _bounded(file: Any, path: Path, stored: int) -> pa.Table:
    batches, size = [], 0
    for batch in file.iter_batches(_BATCH):
        batches.append(batch)
        size += batch.nbytes
        check_size(path, size, stored)
    return pa.Table.from_batches(batches, batches[0].schema if batches else file.schema_arrow)


def _check_texts(table: pa.Table, path: Path, stored: int) -> None:
    """Texts out of their dictionaries must not take absurdly more memory than in them."""
    size = 0
    for column in table.columns:
        if pa.types.is_dictionary(column.type) and _is_text(column.type.value_type):
            for chunk in column.chunks:
                lengths = pc.binary_length(chunk.dictionary)
                longest = pc.max(lengths).as_py() or 0
                if longest * len(chunk) > limit(stored) // 8:
                    size += pc.sum(lengths.take(chunk.indices)).as_py() or 0
    check_size(path, size, stored)


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
        value = kind.value_type.value_type if pa.types.is_dictionary(kind.value_type) else kind.value_type
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
