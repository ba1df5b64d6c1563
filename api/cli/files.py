"""Where a command's result goes, to the screen or into a table file, and lists of users out of such files."""

from __future__ import annotations

import csv as csv_format
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .output import plain_cell, print_table

if TYPE_CHECKING:
    from ...graph import Id, Ids

Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Write all rows to a .csv or .parquet file.", show_default=False),
]
UserFile = Annotated[
    Path | None,
    typer.Option("--users", metavar="FILE", help="A .csv or .parquet file with a column 'user'.", show_default=False),
]

_KINDS = (".csv", ".parquet")


def check_out(path: Path | None) -> None:
    """Refuse, before any work is done, a file that could not be written.

    Raises:
        InputError: it is neither CSV nor Parquet, a folder, or in a folder that is not there.
    """
    from ...errors import InputError

    if path is None:
        return
    if path.suffix not in _KINDS:
        raise InputError(f"--out is {str(path)!r}; give a file that ends in .csv or .parquet.")
    if path.is_dir() or not path.parent.is_dir():
        raise InputError(f"The file {path} cannot be written: it is a folder, or its folder does not exist.")


def give(
    columns: Mapping[str, Sequence[Any]], *, out: Path | None, json: bool, csv: bool, most: int | None = None
) -> None:
    """Write a result to a file, or print it; with a file only what programs asked for is printed too.

    Args:
        columns: name -> one value per row.
        out: the file, CSV or Parquet by its ending; None for none.
        json: print JSON.
        csv: print CSV.
        most: rows shown to people; None for all.

    Raises:
        InputError: the file cannot be written.
    """
    rows = list(zip(*columns.values(), strict=True))
    if out is not None:
        _write(columns, rows, out)
        typer.echo(f"Wrote {out}: {len(rows):,} row{'' if len(rows) == 1 else 's'}", err=True)
    if json or csv:
        print_table(list(columns), rows, json=json, csv=csv)
    elif out is None:
        print_table(list(columns), rows[:most])
        if most is not None and len(rows) > most:
            typer.echo(f"and {len(rows) - most:,} more; --out FILE, --json and --csv give them all")


def _write(columns: Mapping[str, Sequence[Any]], rows: Sequence[Sequence[Any]], path: Path) -> None:
    """Write a draft beside the file, then put it in place."""
    from ...errors import InputError

    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
            draft = Path(folder) / path.name
            if path.suffix == ".csv":
                with draft.open("w", encoding="utf-8", newline="") as file:
                    writer = csv_format.writer(file, lineterminator="\n")
                    writer.writerow(columns)
                    writer.writerows([plain_cell(value) for value in row] for row in rows)
            else:
                import pyarrow as pa
                import pyarrow.parquet

                pa.parquet.write_table(pa.table({name: list(values) for name, values in columns.items()}), draft)
            draft.replace(path)
    except OSError as error:
        raise InputError(f"The file {path} cannot be written ({error.strerror or error}); choose another.") from error


def read_users(path: Path, users: Ids) -> list[Id]:
    """The users in the column ``user`` of a CSV or Parquet file, each once, in the order of the file.

    Args:
        path: the file.
        users: whose kind of ids they have.

    Raises:
        SourceError: the file cannot be read, has no such column or no user, or one is missing in a row.
        UnknownIdError: an id is no number where all of them are.
    """
    from ...errors import SourceError
    from ...loaders.tables import read_table

    if path.suffix not in _KINDS or not path.is_file():
        raise SourceError(f"There is no CSV or Parquet file {path}; give one with a column 'user'.")
    table = read_table(path)
    if "user" not in table.column_names:
        raise SourceError(
            f"{path}: there is no column 'user' (its columns: {', '.join(map(repr, table.column_names))}); rename one."
        )
    cells = table.column("user").to_pylist()
    if not cells:
        raise SourceError(f"{path}: there is no user in it; add one row or more.")
    for row, cell in enumerate(cells, start=1):
        if cell is None or cell == "":
            raise SourceError(f"{path}: row {row} names no user; fill or remove it.")
    return [users.parse(text) for text in dict.fromkeys(str(cell) for cell in cells)]
