"""Tables of any library (pandas, polars, Arrow) in and out, by way of narwhals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import narwhals as nw
import pyarrow as pa

from .errors import InputError

Table = Any
"""A pandas, polars or Arrow table (anything that narwhals reads eagerly)."""


def read_frame(table: Table, what: str, required: Sequence[str] = ()) -> nw.DataFrame[Any]:
    """Wrap a table and check that it has the required columns and at least one row.

    Args:
        table: a pandas, polars or Arrow table.
        what: the table's name in error messages, for example ``"categories"``.
        required: columns that must be there.

    Raises:
        InputError: not a table, a column is missing, or no rows.
    """
    try:
        frame: nw.DataFrame[Any] = nw.from_native(table, eager_only=True)
    except TypeError:
        raise InputError(
            f"The {what} table is a {type(table).__name__}; give a pandas, polars or Arrow table."
        ) from None
    missing = [name for name in required if name not in frame.columns]
    if missing:
        raise InputError(
            f"The {what} table has no column {', '.join(map(repr, missing))} "
            f"(its columns: {', '.join(map(repr, frame.columns)) or 'none'}); rename or add it."
        )
    if len(frame) == 0:
        raise InputError(f"The {what} table is empty; give at least one row.")
    return frame


def to_frame(columns: Mapping[str, Any], backend: ModuleType | None = None) -> Table:
    """Build a table in the wanted library (default: Arrow) from named columns."""
    arrow = pa.table(dict(columns))
    if backend is None or backend is pa:
        return arrow
    lists = {name: arrow.column(name).to_pylist() for name in arrow.column_names}
    return nw.from_dict(lists, backend=backend).to_native()
