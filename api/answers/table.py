"""What the tables of all answers share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from ...arguments import is_whole
from ...arrays import IntArray
from ...display import short
from ...errors import InputError
from ...gnn.serving.state import ModelState
from ...graph import Id
from ...graph.frames import Table, to_frame
from ...graph.ids import id_list


def target_table(state: ModelState, columns: Sequence[str], targets: IntArray, **values: Any) -> Table:
    """A table in the library of the history, one row per position: ``target``, ``name`` and the given columns."""
    places = pa.array(targets)
    values |= {"target": state.id_column.take(places), "name": state.name_column.take(places)}
    return to_frame({name: values[name] for name in columns}, state.backend)


def target_positions(state: ModelState, targets: Id | Sequence[Id]) -> IntArray:
    """Positions of one or several targets, at least one, in their order."""
    positions = state.graph.ids.positions(id_list(targets))
    if not len(positions):
        raise InputError("There is no target to answer for; give at least one target id.")
    return positions


def check_k(k: int, what: str = "target") -> None:
    """Raise InputError for a number of rows that is not whole or below 1."""
    if not is_whole(k) or k < 1:
        raise InputError(f"k is {short(k)}; ask for 1 {what} or more, as a whole number.")
