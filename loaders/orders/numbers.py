"""Columns of numbers in order lines: prices and quantities, also where they are written as texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ...arrays import FloatArray
from ...errors import InputError
from ...graph.cleaning import Tally
from ...graph.reading.cells import distinct, is_text, without_missing
from ...graph.reading.numbers import parse_number, read_numbers
from ...graph.reading.roles import STRAYS
from ...graph.reading.table_schema import CellFormat


def numbers_of(column: Any, own: str, cells: CellFormat, tally: Tally) -> FloatArray:
    """An Arrow column as float64 (rows,), NaN where it is empty; ``own`` names it in messages.

    Raises:
        InputError: the cells are no numbers, or it is not clear what their commas mean.
    """
    column = without_missing(column, cells.missing)
    if is_text(column.type):
        texts, rows = distinct(column)
        plain = [text.strip() for text in texts]
        counts = np.bincount(rows[rows >= 0], minlength=len(texts)).tolist()
        filled: dict[str, int] = {}
        for text, count in zip(plain, counts, strict=True):
            if text:
                filled[text] = filled.get(text, 0) + count
        found = read_numbers(filled, cells.decimal)
        numbers = None if isinstance(found, str) else found.numbers
        if numbers is None and all(text.lstrip("+-").isdecimal() for text in filled):
            numbers = {text: number for text in filled if (number := parse_number(text)) is not None}
        if numbers is None:
            raise InputError(f"Column {own!r} of the orders table should hold numbers, but has {found}; correct it.")
        if strays := [text for text in filled if text not in numbers]:
            tally.change(STRAYS, sum(filled[text] for text in strays), map(repr, strays))
        return np.array([*(numbers.get(text, np.nan) for text in plain), np.nan], dtype=np.float64)[rows]
    try:
        return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    except pa.ArrowException:
        raise InputError(f"Column {own!r} of the orders table is of type {column.type}; give numbers.") from None
