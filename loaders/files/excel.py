"""Excel files: one table, in one sheet or in several with the same header."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from ...errors import MissingExtraError, SourceError, name_some
from .memory import check_size
from .naming import Names
from .packed import BROKEN
from .part import EXCEL, Part

_CELL_BYTES = 64
_EXACT = 2**53


def read_workbook(data: bytes, path: Path, known: Names) -> Part:
    """Read the one sheet that has cells, that with the name of the table, or all where their headers are alike.

    Raises:
        MissingExtraError: the package ``python-calamine`` is not installed.
        SourceError: the file is damaged, absurdly large in memory, has no cells, or several tables.
    """
    sheets = _sheets(data, path)
    own = [name for name in sheets if name.casefold() == known.table.casefold()]
    used = own or list(sheets)
    if not used:
        raise SourceError(f"{path}: is empty; give a header and rows.")
    headers = [["" if cell is None else str(cell) for cell in sheets[name][0]] for name in used]
    names = headers[0]
    if any(header != names for header in headers):
        raise SourceError(
            f"{path}: its sheets {name_some(list(used))} have other columns; keep one of them, or call one "
            f"{known.table!r}."
        )
    known.check(names, path, 1)
    rows = [row for name in used for row in sheets[name][1:] if any(cell is not None for cell in row)]
    columns = [pa.chunked_array([_column([row[i] for row in rows])]) for i in range(len(names))]
    table, ignored = known.table_of(names, columns, path)
    return Part(table, EXCEL, ignored, sheets=len(used))


def _sheets(data: bytes, path: Path) -> dict[str, list[list[Any]]]:
    """Name -> rows of cells, of the sheets that have any."""
    try:
        import python_calamine
    except ImportError:
        raise MissingExtraError(
            f'{path}: Excel files need the package python-calamine; install it with: pip install "newaisle[excel]"'
        ) from None
    _check_extent(data, path)
    try:
        with python_calamine.CalamineWorkbook.from_object(io.BytesIO(data)) as book:
            sheets = {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}
    except (python_calamine.CalamineError, *BROKEN) as error:
        raise SourceError(f"{path}: is no Excel file that can be read ({error}); save it again.") from None
    return {name: [[_cell(cell) for cell in row] for row in rows] for name, rows in sheets.items() if rows}


def _column(cells: Sequence[Any]) -> pa.Array:
    """One column: numbers, flags or times where all its cells are such, else texts."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds == {date, datetime}:
        cells = [datetime(cell.year, cell.month, cell.day) if type(cell) is date else cell for cell in cells]
    if len(kinds) == 1 or kinds in ({int, float}, {date, datetime}):
        try:
            return pa.array(cells, pa.float64() if kinds == {int, float} else None)
        except (pa.ArrowException, OverflowError):
            pass
    return pa.array([None if cell is None else _text(cell) for cell in cells], pa.string())


def _cell(cell: Any) -> Any:
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _EXACT:
        return int(cell)
    if isinstance(cell, str):
        return cell.strip() or None
    if isinstance(cell, time | timedelta):
        return str(cell)
    return cell


def _text(cell: Any) -> str:
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def _check_extent(data: bytes, path: Path) -> None:
    """Refuse a sheet whose two farthest cells span more memory than there is, before it is laid out."""
    if not data.startswith(b"PK"):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            check_size(path, sum(member.file_size for member in archive.infolist()), len(data))
            for name in archive.namelist():
                if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                    check_size(path, _CELL_BYTES * _extent(archive.read(name)), len(data))
    except BROKEN as error:
        raise SourceError(f"{path}: is a damaged or incomplete Excel file ({error}); save it again.") from None


def _extent(sheet: bytes) -> int:
    """Rows times columns."""
    columns = {column for column, _ in (cell for cell in re.findall(rb'\br="([A-Z]{1,7})(\d{1,19})"', sheet))}
    rows = max((int(row) for row in re.findall(rb'\br="[A-Z]*(\d{1,19})"', sheet)), default=0)
    return rows * max((_number(column) for column in columns), default=0)


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number
