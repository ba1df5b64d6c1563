"""Tables of any library (pandas, polars, Arrow) read and built through narwhals."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

import narwhals as nw
import pyarrow as pa

from ..errors import InputError, name_some

SHOWN_COLUMNS = 12
"""How many columns of a table a message lists."""

Table = Any
"""A pandas, polars or Arrow table (anything that narwhals reads eagerly)."""


def read_frame(table: Table, what: str, required: Sequence[str] = (), *, rest: bool = True) -> nw.DataFrame[Any]:
    """Wrap a table as Arrow, where a column has one type and one kind of missing cell, and check its columns.

    Other than ``required`` columns are kept only with ``rest``. Raises :class:`InputError`.
    """
    frame = _wrap(table, what)
    check_columns(frame.columns, required, what)
    if len(frame) == 0:
        raise InputError(f"The {what} table is empty; give at least one row.")
    columns = frame.columns if rest else list(dict.fromkeys(required))
    arrow: nw.DataFrame[Any] = nw.from_native(
        pa.table({name: _arrow(frame.get_column(name), name, what) for name in columns}), eager_only=True
    )
    return arrow


def check_columns(columns: Sequence[str], required: Iterable[str], what: str) -> None:
    """Refuse a table without a required column, with the nearest name that it has."""
    missing = [name for name in required if name not in columns]
    if missing:
        near = difflib.get_close_matches(missing[0], columns, 1)
        raise InputError(
            f"The {what} table has no column {', '.join(map(repr, missing))} "
            f"(its columns: {name_some(list(columns), SHOWN_COLUMNS) or 'none'}); "
            + (f"did you mean {near[0]!r}?" if near else "rename or add it.")
        )


def library_of(table: Table) -> str:
    """The name of a table's library, for :func:`to_frame`."""
    return str(_wrap(table, "given").implementation.value)


def column_names(table: Table, what: str) -> list[str]:
    """The names of the columns of a table."""
    return _wrap(table, what).columns


def _wrap(table: Table, what: str) -> nw.DataFrame[Any]:
    try:
        frame: nw.DataFrame[Any] = nw.from_native(table, eager_only=True)
    except TypeError:
        raise InputError(
            f"The {what} table is a {type(table).__name__}; give a pandas, polars or Arrow table."
        ) from None
    except nw.exceptions.DuplicateError:
        raise InputError(f"The {what} table has two columns of one name; rename one of them.") from None
    for name in frame.columns:
        if not isinstance(name, str):
            raise InputError(
                f"A column of the {what} table has the name {name!r} ({type(name).__name__}); name it by a text."
            )
        if not _is_unicode(name):
            raise InputError(f"A column of the {what} table has the name {name!r}, no valid Unicode; rename it.")
    return frame


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _arrow(series: nw.Series[Any], name: str, what: str) -> Any:
    """One column as Arrow, text views as plain texts (some kernels lack them)."""
    try:
        column = pa.array(series.to_list(), from_pandas=True) if series.dtype == nw.Object else series.to_arrow()
    except UnicodeEncodeError as error:
        raise InputError(
            f"Column {name!r} of the {what} table has a cell that is no valid Unicode ({error.object!r}: half of a "
            "pair of surrogates); correct it."
        ) from None
    except OverflowError:
        raise InputError(
            f"Column {name!r} of the {what} table has an integer of more than 64 bits; give the column as texts."
        ) from None
    except (pa.ArrowException, TypeError, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise InputError(
            f"Column {name!r} of the {what} table mixes types ({reason}); give all its cells one type."
        ) from None
    return column.cast(pa.large_string()) if pa.types.is_string_view(column.type) else column


def to_frame(columns: Mapping[str, Any], backend: str | None = None) -> Table:
    """Build a table of a library (default: Arrow) from named columns; integers stay so where some are missing."""
    arrow = pa.table(dict(columns))
    if backend in (None, "pyarrow"):
        return arrow
    library = import_module(backend)
    if hasattr(library, "from_arrow"):  # polars
        return library.from_arrow(arrow)
    lists: dict[str, Any] = {}
    for name, column in zip(arrow.column_names, arrow.columns, strict=True):
        cells = column.to_pylist()
        nullable = column.null_count and pa.types.is_integer(column.type) and hasattr(library, "Int64Dtype")
        lists[name] = library.array(cells, dtype=library.Int64Dtype()) if nullable else cells
    return nw.from_dict(lists, backend=library).to_native()
