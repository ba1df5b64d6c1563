"""Order lines as columns: who bought what, how much of it, when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...arrays import BoolArray, FloatArray, IntArray
from ...graph.cleaning import MISSING_ID, Tally
from ...graph.ids import Id
from ...graph.reading.cells import without_missing
from ...graph.reading.guests import GUEST, find_guests
from ...graph.reading.table_schema import TableReading
from ...graph.reading.times import read_times
from .columns import OrderColumns
from .distinct import Distinct, ids_of, texts_of
from .numbers import numbers_of


@dataclass(frozen=True, eq=False)
class Lines:
    """Order lines, one cell per line.

    Attributes:
        user: customers, or orders where the table has no customers.
        item: code of what was bought, its category where the table has no items; int64 (lines,), -1 for none.
        target: place among the ids of targets, int64 (lines,), -1 for none.
        quantity: finite, float64 (lines,), below 0 for returns.
        time: datetime64[us] (lines,), or None.
        event: kinds of events, or None.
        order: numbers of orders, or None.
        left_out: reason -> lines that are dropped for it, bool (lines,).
    """

    user: Distinct[Id]
    item: IntArray
    target: IntArray
    quantity: FloatArray
    time: npt.NDArray[np.datetime64] | None
    event: Distinct[str] | None
    order: Distinct[Id] | None
    left_out: Mapping[str, BoolArray]

    def __len__(self) -> int:
        return len(self.target)


def read_lines(
    rows: Any,
    columns: OrderColumns,
    reading: TableReading,
    tally: Tally,
    *,
    item: IntArray,
    target: IntArray,
    left_out: Mapping[str, BoolArray],
) -> Lines:
    """Read the columns of order lines (Arrow) that are neither items nor categories.

    Args:
        rows: the table.
        columns: which column is what.
        reading: how the table is written.
        tally: counts changes of cells; ids of users that may be guests are noted.
        item: as in :class:`Lines`.
        target: as in :class:`Lines`.
        left_out: lines without a target, as in :class:`Lines`; those of guests and without a user are added.

    Raises:
        InputError: an id, a quantity or a time cannot be read; the message names the column.
    """
    order, quantity, time, event = map(columns.get, ("order", "quantity", "timestamp", "event"))
    orders = None if order is None else ids_of(rows[order], order, tally)
    users = ids_of(without_missing(rows[columns.users], reading.cells.missing), columns.users, tally)
    guests, notes = find_guests(list(users.values), users.code)
    tally.notes += notes
    amount = np.ones(len(rows)) if quantity is None else numbers_of(rows[quantity], quantity, reading.cells, tally)
    if unknown := int(np.isnan(amount).sum()):
        tally.change("missing quantity taken as 1", unknown)
    return Lines(
        users,
        item,
        target,
        np.nan_to_num(amount, nan=1.0),
        None if time is None else read_times(rows[time], "orders", time, reading).values,
        None if event is None else texts_of(rows[event]),
        orders,
        {
            **left_out,
            MISSING_ID: (users.code < 0) | left_out.get(MISSING_ID, False),
            GUEST: np.append(guests, False)[users.code],
        },
    )
