"""How a file of a table was read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...graph.cleaning import ColumnReading


@dataclass(frozen=True)
class FileReading:
    """How one file, or one folder of parts, was read.

    Attributes:
        table: what it holds, such as ``interactions``.
        rows: of the table, its header not counted.
        format: ``text``, ``Excel`` or ``Parquet``.
        parts: number of files, or of sheets of an Excel file.
        delimiter: between the cells of a text file, given or recognised; None for others.
        encoding: of a text file, such as ``utf-8``; None for others.
        compression: ``gzip`` or ``zip``; None for others.
        ignored: columns that are no part of the table, such as a nameless one that numbers the rows.
    """

    path: Path
    table: str
    rows: int
    format: str = "text"
    parts: int = 1
    delimiter: str | None = None
    encoding: str | None = None
    compression: str | None = None
    ignored: tuple[ColumnReading, ...] = ()
