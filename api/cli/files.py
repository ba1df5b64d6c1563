"""The rows of a result to a terminal or a table file, and user ids from a table file."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...display import unguarded
from ...errors import InputError, SourceError
from .output import print_line, print_table, write_csv

if TYPE_CHECKING:
    from ...graph import Id, Ids


def write_rows(
    columns: Mapping[str, Sequence[Any]],
    *,
    out: Path | None = None,
    json: bool = False,
    csv: bool = False,
    raw: bool = False,
    limit: int | None = None,
    buyers: str = "buyers",
) -> None:
    """Write a result to a file, print it, or both where a file and ``json`` or ``csv`` are given.

    Args:
        columns: name -> one value per row.
        out: a .csv or .parquet file; None for no file.
        json: print JSON.
        csv: print CSV.
        raw: do not guard the texts of CSV against spreadsheets.
        limit: number of rows in a table for people; None for all.
        buyers: what a table for people calls buyers in the names of its columns.

    Raises:
        InputError: the file cannot be written.
    """
    rows = list(zip(*columns.values(), strict=True))
    if out is not None:
        _write_file(columns, rows, out, raw)
        print_line(f"Wrote {out}: {len(rows):,} row{'' if len(rows) == 1 else 's'}", err=True)
    if json or csv:
        print_table(list(columns), rows, json=json, csv=csv, raw=raw)
    elif out is None:
        print_table([name.replace("buyers", buyers) for name in columns], rows[:limit])
        if limit is not None and len(rows) > limit:
            print_line(f"and {len(rows) - limit:,} more; --out FILE, --json and --csv give all rows")


def _write_file(columns: Mapping[str, Sequence[Any]], rows: Sequence[Sequence[Any]], path: Path, raw: bool) -> None:
    """Write a temporary file beside the file, then move it into place."""
    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
            draft = Path(folder) / path.name
            if path.suffix == ".csv":
                with draft.open("w", encoding="utf-8", newline="") as file:
                    write_csv(file, list(columns), rows, raw=raw)
            else:
                import pyarrow as pa
                import pyarrow.parquet

                pa.parquet.write_table(pa.table({name: list(values) for name, values in columns.items()}), draft)
            draft.replace(path)
    except OSError as error:
        raise InputError(f"The file {path} cannot be written ({error.strerror or error}); choose another.") from error


def read_users(path: Path, users: Ids) -> list[Id]:
    """The distinct user ids in the column ``user`` of a file of a table, in the order of the file.

    An id that only fits without the apostrophe that :func:`write_rows` puts before it in CSV is read without it.

    Args:
        path: the file.
        users: the known ids, which decide between texts and integers.

    Raises:
        SourceError: the file cannot be read, has no such column or no row, or a row without a user.
        UnknownIdError: an id is not an integer where the known ids are.
    """
    from ...loaders.files import read_table

    if not path.exists():
        raise SourceError(f"There is no file {path}; give one with a column 'user'.")
    table, _ = read_table(path, name="interactions")
    if "user" not in table.column_names:
        names = ", ".join(map(repr, table.column_names))
        raise SourceError(f"{path}: there is no column 'user' (its columns: {names}); rename one.")
    cells = table.column("user").to_pylist()
    if not cells:
        raise SourceError(f"{path}: there is no user in it; add one row or more.")
    for row, cell in enumerate(cells, start=1):
        if cell is None or cell == "":
            raise SourceError(f"{path}: row {row} has no user; fill in an id or remove the row.")
    ids = (users.parse(text if text in users else unguarded(text)) for text in map(str, cells))
    return list(dict.fromkeys(ids))
