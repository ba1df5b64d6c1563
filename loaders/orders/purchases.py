"""The purchases in order lines: returns taken out, lines of one purchase added up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from ...arrays import BoolArray, IntArray
from ...errors import InteractionsError
from ...graph import Interactions
from ...graph.cleaning import EXAMPLES, Tally
from ...graph.ids import Id
from .distinct import Distinct
from .lines import Lines

RETURNED_KINDS = frozenset(
    {"return", "returned", "refund", "refunded", "cancel", "canceled", "cancelled", "cancellation"}
)
"""Kinds of events that take a purchase back."""
RETURN = "return or cancellation"
TAKEN_BACK = "purchase returned in full"
ADDED = "lines of one purchase added up"
_CANCELLED = re.compile(r"[Cc]-?\d+")


def purchases(lines: Lines, targets: Sequence[Id], tally: Tally) -> Interactions:
    """The purchases of targets: without returns, and without what a user returned in full.

    A purchase is taken back where its user returned, from the first purchase of the item on, as much of the item as was
    bought. Lines of one user, target, time and kind of event are one purchase, their quantities added up.

    Raises:
        InteractionsError: no purchase is left.
    """
    tally.read = len(lines)
    returned = _returned(lines)
    keep = np.ones(len(lines), dtype=np.bool_)
    for reason, mask in (
        (RETURN, returned),
        *lines.left_out.items(),
        ("quantity of 0", lines.quantity == 0),
        (TAKEN_BACK, _taken_back(lines, returned)),
    ):
        if len(rows := np.flatnonzero(keep & mask)):
            tally.drop(reason, len(rows), (_shown(lines, row) for row in rows[:EXAMPLES].tolist()))
        keep &= ~mask
    if not keep.any():
        raise InteractionsError(
            f"No order line is a purchase ({tally.report.describe()}); check which columns were recognised."
        )
    events = _added_up(lines, np.flatnonzero(keep), targets)
    named = {name: name for name in ("timestamp", "event") if name in events.column_names}
    interactions = Interactions.from_table(events, weight="weight", **named)
    if added := int(keep.sum()) - len(interactions):
        tally.change(ADDED, added)
    tally.kept = len(interactions)
    tally.notes += interactions.report.notes
    return replace(interactions, report=tally.report)


def _shown(lines: Lines, row: int) -> str:
    """A line for people, with its order or else its user."""
    for what, column in (("order", lines.order), ("user", lines.user)):
        if column is not None and (at := column.code[row]) >= 0:
            return f"row {row + 1} ({what} {column.values[at]!r})"
    return f"row {row + 1}"


def _returned(lines: Lines) -> BoolArray:
    """Lines of a negative quantity, a cancelled order (C536379 among numbers) or a kind of return, bool (lines,)."""
    returned = lines.quantity < 0
    if lines.event is not None:
        returned |= _among(lines.event, [kind.casefold() in RETURNED_KINDS for kind in lines.event.values])
    if lines.order is not None:
        cancelled = [_CANCELLED.fullmatch(str(order)) is not None for order in lines.order.values]
        numbers = sum(str(order).isdigit() for order in lines.order.values)
        if numbers > sum(cancelled):  # else every order has such a number
            returned |= _among(lines.order, cancelled)
    return returned


def _among(column: Distinct[Any], wanted: list[bool]) -> BoolArray:
    return np.array([*wanted, False], dtype=np.bool_)[column.code]


def _taken_back(lines: Lines, returned: BoolArray) -> BoolArray:
    """Purchases of a user and item of which as much was returned as bought, bool (lines,)."""
    known = np.flatnonzero((lines.user.code >= 0) & (lines.item >= 0))
    if not returned[known].any():
        return np.zeros(len(lines), dtype=np.bool_)
    pair = lines.user.code[known] * (int(lines.item.max(initial=0)) + 1) + lines.item[known]
    pairs, code = np.unique(pair, return_inverse=True)
    amount, back = np.abs(lines.quantity[known]), returned[known]
    late = np.ones(len(known), dtype=np.bool_)
    if lines.time is not None:
        time = lines.time[known].astype(np.int64)
        first = np.full(len(pairs), np.iinfo(np.int64).max)
        np.minimum.at(first, code[~back], time[~back])
        late = time >= first[code]
    bought = np.bincount(code, amount * ~back, len(pairs))
    given_back = np.bincount(code, amount * (back & late), len(pairs))
    result = np.zeros(len(lines), dtype=np.bool_)
    result[known] = ~back & ((given_back >= bought) & (given_back > 0))[code]
    return result


def _added_up(lines: Lines, kept: IntArray, targets: Sequence[Id]) -> Any:
    """The kept lines as a table of interactions, equal ones but for the quantity added up."""
    keys = [lines.user.code[kept], lines.target[kept]]
    keys += [] if lines.time is None else [lines.time[kept].astype(np.int64)]
    keys += [] if lines.event is None else [lines.event.code[kept]]
    order = np.lexsort(keys[::-1])
    starts = np.flatnonzero(np.r_[True, np.any([np.diff(key[order]) != 0 for key in keys], axis=0)])
    rows = kept[order[starts]]
    table = {
        "user": _cells(lines.user.code[rows], lines.user.values),
        "target": _cells(lines.target[rows], targets),
        "weight": np.add.reduceat(lines.quantity[kept][order], starts),
    }
    if lines.time is not None:
        table["timestamp"] = pa.array(lines.time[rows])
    if lines.event is not None:
        table["event"] = _cells(lines.event.code[rows], lines.event.values)
    return pa.table(table)


def _cells(code: IntArray, values: Any) -> Any:
    return pa.DictionaryArray.from_arrays(pa.array(code, pa.int64(), mask=code < 0), pa.array(list(values)))
