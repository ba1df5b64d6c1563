"""Cells of Arrow columns: their distinct values, and those that mean missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...arrays import IntArray
from ...errors import InputError

MISSING_MARKS = frozenset({"-", "--", "?", ".", "n/a", "#n/a", "na", "nan", "null", "none", "<na>", "\\n", "nil"})
"""Texts, in lower case, by which tables often write an empty cell."""


def is_text(kind: Any) -> bool:
    """Whether an Arrow type, or that of a dictionary's values, is a text."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def check_texts(cells: Any, what: str, column: str) -> None:
    """Refuse a column whose cells are lists, mappings or bytes where texts are wanted."""
    kind = cells.type.value_type if pa.types.is_dictionary(cells.type) else cells.type
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        raise InputError(f"Column {column!r} of the {what} table is of type {kind}; give texts.")


def is_list(kind: Any) -> bool:
    """Whether an Arrow type is a list of any kind."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def distinct(cells: Any) -> tuple[list[Any], IntArray]:
    """The distinct values of an Arrow column, and every row's position among them, int64 (rows,), -1 where null."""
    if pa.types.is_null(cells.type):
        return [], np.full(len(cells), -1, dtype=np.int64)
    if not isinstance(cells, pa.ChunkedArray):
        cells = pa.chunked_array([cells])
    encoded = cells if pa.types.is_dictionary(cells.type) else cells.dictionary_encode()
    encoded = encoded.unify_dictionaries().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):  # no chunk at all
        return [], np.empty(0, dtype=np.int64)
    return encoded.dictionary.to_pylist(), encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)


def first_row(codes: IntArray, at: int) -> int:
    """The number, from 1, of the first row with a distinct value."""
    return int((codes == at).argmax()) + 1


def without_missing(cells: Any, missing: Sequence[str]) -> Any:
    """A column with null in place of the cells that a schema calls missing; numbers are compared by value."""
    if not missing:
        return cells
    if pa.types.is_dictionary(cells.type):
        cells = cells.cast(cells.type.value_type)
    wanted: list[Any] = list(missing)
    if is_text(cells.type):
        compared = pc.utf8_trim_whitespace(cells)
    elif pa.types.is_integer(cells.type) or pa.types.is_floating(cells.type):
        kind, compared = (int if pa.types.is_integer(cells.type) else float), cells
        wanted = [number for text in missing if (number := _number(text, kind)) is not None]
    else:
        return cells
    try:
        values = pa.array(wanted, cells.type)
    except (pa.ArrowException, OverflowError):  # such as -1 among unsigned numbers
        return cells
    return pc.if_else(pc.is_in(compared, value_set=values), pa.scalar(None, cells.type), cells)


def _number(text: str, kind: type[int] | type[float]) -> int | float | None:
    try:
        return kind(text)
    except ValueError:
        return None
