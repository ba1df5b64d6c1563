"""Columns as their distinct values and the place of every row among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from ...arrays import IntArray
from ...graph.cleaning import Tally, normalise_text
from ...graph.ids import Id
from ...graph.reading.cells import distinct
from ...graph.reading.own_ids import read_ids

V = TypeVar("V")


@dataclass(frozen=True, eq=False)
class Distinct(Generic[V]):
    """The distinct values of a column, ascending, and of every row the position among them, int64 (rows,), -1: none."""

    values: tuple[V, ...]
    code: IntArray

    @classmethod
    def of(cls, cells: Sequence[V | None], rows: IntArray) -> Distinct[V]:
        """From cells, equal ones and None among them, and each row's position among them, -1 where it has none."""
        values: tuple[V, ...] = tuple(sorted({cell for cell in cells if cell is not None}))  # type: ignore[type-var]  # texts, ints or tuples of texts
        place = {value: position for position, value in enumerate(values)}
        codes = [-1 if cell is None else place[cell] for cell in cells]
        return cls(values, np.array([*codes, -1], dtype=np.int64)[rows])

    def __len__(self) -> int:
        return len(self.values)

    def map(self, read: Callable[[V], Any]) -> Distinct[Any]:
        """The column with each value read as another one, or as None: missing."""
        return Distinct.of([read(value) for value in self.values], self.code)


def texts_of(column: Any) -> Distinct[str]:
    """An Arrow column as normalised texts."""
    cells, rows = distinct(column)
    return Distinct.of([normalise_text(str(cell)) or None for cell in cells], rows)


def ids_of(column: Any, own: str, tally: Tally) -> Distinct[Id]:
    """An Arrow column of own ids, called ``own`` in messages; :class:`InputError` where one is not exact."""
    return Distinct.of(*read_ids(column, "orders", own, tally))


@dataclass(frozen=True, eq=False)
class MostFrequent:
    """The most frequent value of each key.

    Attributes:
        value: its code, int64 (keys,), -1 where the key has none; of equally frequent ones the first.
        rows: number of rows with it, int64 (keys,).
        total: number of rows with any value, int64 (keys,).
        several: number of distinct values, int64 (keys,).
    """

    value: IntArray
    rows: IntArray
    total: IntArray
    several: IntArray


def most_frequent(key: IntArray, value: IntArray, keys: int) -> MostFrequent:
    """The most frequent value of each of ``keys`` keys over rows of codes, both int64 (rows,); -1 is not counted."""
    both = (key >= 0) & (value >= 0)
    width = int(value.max(initial=0)) + 1
    pairs, counts = np.unique(key[both] * width + value[both], return_counts=True)
    owner, code = pairs // width, pairs % width
    order = np.lexsort((code, -counts, owner))
    first = order[np.r_[True, np.diff(owner[order]) != 0]] if len(order) else order
    best, rows = np.full(keys, -1, dtype=np.int64), np.zeros(keys, dtype=np.int64)
    best[owner[first]], rows[owner[first]] = code[first], counts[first]
    total = np.bincount(owner, counts, keys).astype(np.int64)
    return MostFrequent(best, rows, total, np.bincount(owner, minlength=keys))
