"""A file with a table, or with a part of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from ...errors import SourceError
from ...graph.cleaning import ColumnReading

TEXT, EXCEL, PARQUET = "text", "Excel", "Parquet"


@dataclass(frozen=True)
class Part:
    """What a file contains, and how it was read (as in :class:`FileReading`); that of a text file is texts alone."""

    table: pa.Table
    format: str
    ignored: tuple[ColumnReading, ...] = ()
    delimiter: str | None = None
    encoding: str | None = None
    compression: str | None = None
    sheets: int = 1


def join(parts: Sequence[Part], paths: Sequence[Path]) -> pa.Table:
    """The table whose rows are those of all parts in turn.

    Raises:
        SourceError: their columns differ in name, or in type other than between whole and broken numbers.
    """
    first = parts[0].table
    if len(parts) == 1:
        return first
    for part, path in zip(parts, paths, strict=True):
        if odd := sorted(set(first.column_names) ^ set(part.table.column_names)):
            where = paths[0] if odd[0] in first.column_names else path
            raise SourceError(
                f"{path}: has other columns than {paths[0].name} (only {where.name} has {odd[0]!r}); give all parts "
                "of a table the same header."
            )
        if part.format != parts[0].format:
            raise SourceError(
                f"{path}: is of another kind than {paths[0].name}; keep the parts of a table in one format."
            )
    tables = [part.table.select(first.column_names) for part in parts]
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException:
        for name in first.column_names:
            for table, path in zip(tables, paths, strict=True):
                one, other = first.schema.field(name).type, table.schema.field(name).type
                try:
                    pa.unify_schemas(
                        [pa.schema([(name, one)]), pa.schema([(name, other)])], promote_options="permissive"
                    )
                except pa.ArrowException:
                    raise SourceError(
                        f"{path}: its column {name!r} is {other}, but {one} in {paths[0].name}; write both alike."
                    ) from None
        raise
