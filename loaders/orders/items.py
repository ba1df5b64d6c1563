"""The items of order lines: what their lines say of each, the most frequent where they differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ...arrays import FloatArray, IntArray
from ...graph.catalog.schema import RESERVED
from ...graph.cleaning import EXAMPLES, ColumnReading, Tally
from ...graph.ids import Id
from ...graph.reading.cells import is_list, is_text
from ...graph.reading.roles import NEARLY_UNIQUE
from ...graph.reading.table_schema import TableReading
from .columns import OrderColumns
from .distinct import Distinct, MostFrequent, ids_of, most_frequent, texts_of
from .numbers import numbers_of
from .paths import Path, join_path

CONSTANT = 0.95
"""Share of the items with several lines whose lines must agree on a column that describes the item."""


@dataclass(frozen=True, eq=False)
class Items:
    """The n items of order lines.

    Attributes:
        ids: n, ascending, and of every line its item.
        names: n; the id where no line has a name.
        texts: n; empty where no line has one.
        path: place of each item's category among ``paths``, int64 (n,), -1 for none.
        numbers: column (``price``, and those with this role) -> median over its lines, float64 (n,), NaN for none.
        attributes: column -> value of each item, None for none, n.
    """

    ids: Distinct[Id]
    names: tuple[str, ...]
    texts: tuple[str, ...]
    paths: Distinct[Path]
    path: IntArray
    numbers: Mapping[str, FloatArray]
    attributes: Mapping[str, tuple[str | None, ...]]


def read_items(rows: Any, columns: OrderColumns, paths: Distinct[Path], reading: TableReading, tally: Tally) -> Items:
    """Collect what lines (Arrow) say of their items; ``tally`` counts where they differ, and how columns were read."""
    ids = ids_of(rows[columns.named["item"]], columns.named["item"], tally)
    names = _settled(ids, _column(rows, columns.get("name")), "name", tally)
    texts = [_settled(ids, _column(rows, columns.get("text")), "text", tally)]
    path = _most_frequent(ids, paths, "category", tally)
    attributes: dict[str, tuple[str | None, ...]] = {}
    price = columns.get("price")
    numbers = {} if price is None else {"price": _medians(numbers_of(rows[price], price, reading.cells, tally), ids)}
    for own in rows.column_names:
        if own in columns.used:
            continue
        role, reason, cells, found = _role(own, rows[own], ids, columns, reading)
        values = tuple(None if at < 0 else cells.values[at] for at in found.value.tolist())
        if role == "attribute":
            attributes[own] = values
        elif role == "number":
            numbers[own] = _medians(numbers_of(rows[own], own, reading.cells, tally), ids)
        elif role == "text":
            texts.append(values)
        missing = int((cells.code < 0).sum())
        tally.columns.append(ColumnReading("orders", own, role, reason, len(cells), missing, cells.values[:EXAMPLES]))
    return Items(
        ids,
        tuple(name or str(own) for name, own in zip(names, ids.values, strict=True)),
        tuple(", ".join(filter(None, several)) for several in zip(*texts, strict=True)),
        paths,
        path.value,
        numbers,
        attributes,
    )


def _column(rows: Any, own: str | None) -> Any | None:
    return None if own is None else rows[own]


def _settled(ids: Distinct[Id], column: Any | None, what: str, tally: Tally) -> tuple[str | None, ...]:
    """The most frequent text of each item."""
    if column is None:
        return (None,) * len(ids)
    cells = texts_of(column)
    return tuple(None if at < 0 else cells.values[at] for at in _most_frequent(ids, cells, what, tally).value.tolist())


def _most_frequent(ids: Distinct[Id], cells: Distinct[Any], what: str, tally: Tally) -> MostFrequent:
    """The most frequent value of each item; those with several are counted, the least certain ones as examples."""
    found = most_frequent(ids.code, cells.code, len(ids))
    differ = np.flatnonzero(found.several > 1)
    unsure = differ[np.argsort(found.rows[differ] / found.total[differ], kind="stable")][:EXAMPLES].tolist()
    tally.change(
        f"items with more than one {what}, the most frequent taken",
        len(differ),
        [
            f"{ids.values[i]}: {_shown(cells.values[found.value[i]])!r} in {found.rows[i]:,} of {found.total[i]:,} rows"
            for i in unsure
        ],
    )
    return found


def _shown(value: str | Path) -> str:
    return value if isinstance(value, str) else join_path(value)


def _role(
    own: str, column: Any, ids: Distinct[Id], columns: OrderColumns, reading: TableReading
) -> tuple[str, str, Distinct[str], MostFrequent]:
    """The role of a further column and why, its texts, and the most frequent one of each item."""
    cells = Distinct((), np.full(len(column), -1, dtype=np.int64)) if is_list(column.type) else texts_of(column)
    found = most_frequent(ids.code, cells.code, len(ids))
    role, reason = _decided(own, column, cells, found, columns, reading)
    return role, reason, cells, found


def _decided(
    own: str,
    column: Any,
    cells: Distinct[str],
    found: MostFrequent,
    columns: OrderColumns,
    reading: TableReading,
) -> tuple[str, str]:
    if own in reading.roles:
        role = reading.roles[own]
        return ("ignored" if role == "ignore" else role), "the schema says so"
    if own in RESERVED:
        return "ignored", "the graph reserves its name; rename it to make it an attribute"
    if columns.numbers_a_level(own):
        return "ignored", "it numbers a level of the categories"
    if not (is_text(column.type) or pa.types.is_boolean(column.type)):
        return "ignored", "neither price nor quantity nor text; the schema may give it a role"
    if len(cells) < 2:
        return "ignored", "the same in all lines"
    repeated = found.total > 1
    if not repeated.any():
        return "ignored", "no item has two lines that could show whether it belongs to the item"
    same = (found.several[repeated] == 1).mean()
    if same < CONSTANT:
        return "ignored", f"it differs between the lines of {1 - same:.0%} of the items"
    if len(cells) > NEARLY_UNIQUE * (found.total > 0).sum():
        return "ignored", "nearly every item has a value of its own"
    return "attribute", f"the same in all lines of {same:.0%} of the items"


def _medians(numbers: FloatArray, ids: Distinct[Id]) -> FloatArray:
    """The median over the lines of each item, float64 (n,), NaN where no line has a finite number."""
    medians = np.full(len(ids), np.nan)
    known = (ids.code >= 0) & np.isfinite(numbers)
    if not known.any():
        return medians
    code, value = ids.code[known], numbers[known]
    order = np.lexsort((value, code))
    code, value = code[order], value[order]
    starts = np.flatnonzero(np.r_[True, np.diff(code) != 0])
    sizes = np.diff(np.r_[starts, len(code)])
    medians[code[starts]] = (value[starts + (sizes - 1) // 2] + value[starts + sizes // 2]) / 2
    return medians
