"""Rows of a table of events in order, and those that repeat the one before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...arrays import BoolArray, IntArray


def sorted_rows(keys: Sequence[npt.NDArray[Any]]) -> IntArray:
    """The rows in ascending order of the keys, the first one first, int64 (rows,); equal rows keep their order.

    The first two keys are positions, 0 or more. Most pairs of them are different, so that one sort by both leaves few
    rows to compare by the others.
    """
    pair = keys[0] * (int(keys[1].max(initial=0)) + 1) + keys[1]
    order = np.argsort(pair, kind="stable")
    same = pair[order][1:] == pair[order][:-1]
    tied = np.flatnonzero(np.r_[same, False] | np.r_[False, same])
    rows = order[tied]
    order[tied] = rows[np.lexsort([*(key[rows] for key in keys[:1:-1]), pair[rows]])]
    return order


def repeated_rows(columns: Sequence[npt.NDArray[Any]]) -> BoolArray:
    """Which rows, already in order, equal the one before in all columns, bool (rows,)."""
    same = np.zeros(len(columns[0]), dtype=np.bool_)
    same[1:] = np.logical_and.reduce([column[1:] == column[:-1] for column in columns])
    return same
