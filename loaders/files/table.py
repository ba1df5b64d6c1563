"""A table of any kind of file, read as Arrow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pyarrow as pa

from ...errors import SourceError
from ...graph.frames import Table
from ...graph.reading.table_schema import TableReading
from .columns import typed, with_missing
from .delimited import read_delimited
from .excel import read_workbook
from .find import parts_of
from .memory import check_size
from .naming import Names
from .packed import is_workbook, unpack_gzip, unpack_zip
from .parquet import read_parquet
from .part import TEXT, Part, join
from .reading import FileReading

_GZIP, _ZIP, _OLD_EXCEL, _PARQUET = b"\x1f\x8b", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"PAR1"


def read_table(
    path: Path, reading: TableReading | None = None, *, name: str | None = None
) -> tuple[Table, FileReading]:
    """Read a file of a table, or a folder of files with its parts, and how it was read.

    Text files (``.csv``, ``.tsv``, ``.txt``) may have commas, semicolons, tabs or ``|`` between their cells, and be in
    UTF-8, or UTF-16 with a byte order mark; every row of theirs is a row of the table. They, Excel files (``.xlsx``)
    and Parquet files may be inside a gzip or zip file. The parts of a folder come in the order of their names; a
    folder such as ``year=2024`` in it gives one more column.

    Args:
        path: the file or folder.
        reading: how the table is written, where that is not recognised; its ids, texts, attributes and times with a
            format stay texts in text files.
        name: of the table, for reports; by default that of the file.

    Returns:
        An Arrow table with the columns of the file, null where a cell is empty, and how it was read.

    Raises:
        SourceError: the file is missing, damaged or of no known form; the message names the line where there is one.
        MissingExtraError: the package for Excel files is not installed.
    """
    known = Names.of(name or path.name.partition(".")[0], reading or TableReading())
    files = parts_of(path)
    parts = [_with_partition(_open(file, known), partition) for file, partition in files]
    first = parts[0]
    table = with_missing(join(parts, [file for file, _ in files]), known.reading.cells.missing)
    if first.format == TEXT:
        table = typed(table, known, path)
    return table, FileReading(
        path,
        known.table,
        len(table),
        first.format,
        sum(part.sheets for part in parts),
        first.delimiter,
        first.encoding,
        first.compression,
        first.ignored,
    )


def _open(path: Path, known: Names) -> Part:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            if file.read(len(_PARQUET)) == _PARQUET:
                return read_parquet(path, known.table)
            check_size(path, size, size)
            file.seek(0)
            data = file.read()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror or error}); check the path.") from None
    if data.startswith(_GZIP):
        name = path.name.removesuffix(".gz")
        return replace(_contents(unpack_gzip(data, path), name, path, known), compression="gzip")
    if data.startswith(_ZIP) and not is_workbook(data):
        data, name = unpack_zip(data, path)
        return replace(_contents(data, name, path, known), compression="zip")
    return _contents(data, path.name, path, known)


def _contents(data: bytes, name: str, path: Path, known: Names) -> Part:
    """What a file contains by its first bytes, its name having a word in messages only."""
    suffix = PurePosixPath(name).suffix.lower()
    if data.startswith(_PARQUET):
        return read_parquet(path, known.table, data)
    if data.startswith((_ZIP, _OLD_EXCEL)):
        return read_workbook(data, path, known)
    if suffix == ".parquet" or suffix.startswith(".xls"):
        kind = "Parquet" if suffix == ".parquet" else "Excel"
        raise SourceError(f"{path}: is no {kind} file that can be read; write it again, or correct its name.")
    if data.startswith(_GZIP):
        raise SourceError(f"{path}: is packed twice; unpack it once.")
    return read_delimited(data, path, known)


def _with_partition(part: Part, columns: Mapping[str, str | None]) -> Part:
    table = part.table
    for name, value in columns.items():
        if name not in table.column_names:
            table = table.append_column(name, pa.array([value] * len(table), pa.string()))
    return replace(part, table=table)
