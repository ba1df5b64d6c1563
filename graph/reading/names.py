"""Columns by their standard names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...errors import InputError, name_some
from ..frames import SHOWN_COLUMNS, check_columns
from .likely_names import likely_column
from .table_schema import STANDARD, TableReading


def own_names(columns: Sequence[str], table: str, reading: TableReading, required: Sequence[str]) -> dict[str, str]:
    """Standard name -> own name of the standard columns that a table has.

    Raises:
        InputError: a column that the schema names, or a required one, is missing.
    """
    title = table.replace("_", " ")
    check_columns(columns, [*reading.columns.values(), *reading.roles], title)
    found = {
        standard: own
        for standard in STANDARD[table]
        if (own := reading.columns.get(standard, standard)) in columns and own not in reading.roles
    }
    lacking = [name for name in required if name not in found]
    meant = _likely(lacking, [name for name in columns if name not in (*found.values(), *reading.roles)])
    if lacking and len(meant) == len(lacking):
        raise InputError(_renaming(columns, table, meant))
    check_columns(columns, [reading.columns.get(name, name) for name in lacking], title)
    return found


def _likely(standard: Sequence[str], columns: Sequence[str]) -> dict[str, str]:
    """Standard name -> the column that probably is it, for those that have one."""
    found: dict[str, str] = {}
    for name in standard:
        if column := likely_column(name, [each for each in columns if each not in found.values()]):
            found[name] = column
    return found


def _renaming(columns: Sequence[str], table: str, meant: Mapping[str, str]) -> str:
    other = table not in ("interactions", "categories")
    pairs = ",".join(
        f"{f'{table}.' if other and name in STANDARD['categories'] else ''}{name}={column}"
        for name, column in meant.items()
    )
    lines = ", ".join(f'{name} = "{column}"' for name, column in meant.items())
    return (
        f"The {table.replace('_', ' ')} table has no column {', '.join(map(repr, meant))} (its columns: "
        f"{name_some(list(columns), SHOWN_COLUMNS)}); if it is called {' and '.join(map(repr, meant.values()))}, state "
        f"it by --columns {pairs}, or by {lines} under [{table}] in a schema."
    )
