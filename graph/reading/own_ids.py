"""Columns of own ids: exact, texts normalised, every change counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ...arrays import IntArray
from ...errors import InputError
from ..cleaning import IDS_NORMALISED, Tally
from ..ids import Id, own_id
from .cells import distinct, first_row, is_list, is_text


def read_ids(
    cells: Any, what: str, column: str, tally: Tally, error: type[InputError] = InputError
) -> tuple[list[Id | None], IntArray]:
    """Read a column of own ids.

    Args:
        cells: an Arrow column.
        what: the table, for messages.
        column: the table's own name of the column.
        tally: counts ids that cleaning changes.
        error: raised for ids that are not exact, and for columns of another type.

    Returns:
        The distinct ids, of which cleaning may have made some equal, None for missing ones; and every row's position
        among them, int64 (rows,), -1 where it is missing.
    """
    kind = cells.type.value_type if pa.types.is_dictionary(cells.type) else cells.type
    if not (is_text(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
        raise error(f"Column {column!r} of the {what} table is of type {kind}; ids are texts or integers.")
    values, codes = distinct(cells)
    own: list[Id | None] = []
    for at, value in enumerate(values):
        try:
            own.append(own_id(value))
        except InputError as wrong:
            raise error(f"Row {first_row(codes, at)} of the {what} table, {column}: {wrong}") from None
    changed = [at for at, (raw, clean) in enumerate(zip(values, own, strict=True)) if clean and _differs(raw, clean)]
    if changed:
        tally.change(IDS_NORMALISED, int(np.isin(codes, changed).sum()), (repr(values[at]) for at in changed))
    missing = np.array([value is None for value in own] + [True])
    return own, np.where(missing[codes], -1, codes)


def _differs(raw: object, clean: Id) -> bool:
    return isinstance(raw, str) and raw != clean


def read_several_ids(cells: Any, what: str, column: str, rows: Sequence[object]) -> list[list[Id]]:
    """The ids, without repetition, that each row names: a column of ids, or of lists of them.

    ``rows`` are the ids of the rows themselves, for messages. Raises :class:`InputError` where an id is not exact.
    """
    kind = cells.type.value_type if is_list(cells.type) or pa.types.is_dictionary(cells.type) else cells.type
    if not (is_text(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
        raise InputError(f"Column {column!r} of the {what} table is of type {cells.type}; ids are texts or integers.")
    found: list[list[Id]] = []
    for number, (row, cell) in enumerate(zip(rows, cells.to_pylist(), strict=True), start=1):
        try:
            ids = {own_id(value) for value in (cell if isinstance(cell, list) else [cell])}
        except InputError as error:
            raise InputError(f"Row {number} of the {what} table (id {row!r}), {column}: {error}") from None
        found.append(sorted((own for own in ids if own is not None), key=str))
    return found
