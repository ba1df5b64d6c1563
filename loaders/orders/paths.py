"""Category paths: one column of texts such as ``Home > Kitchen``, or one column for each level."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...graph.reading.cells import is_list
from ..path_lists import JOINED
from .columns import OrderColumns
from .distinct import Distinct, most_frequent, texts_of

Path = tuple[str, ...]
"""The names of a category from the broadest to its own."""

SEPARATORS: Mapping[str, re.Pattern[str]] = {
    ">": re.compile(r"\s*>+\s*"),
    "|": re.compile(r"\s*\|+\s*"),
    "/": re.compile(r"\s*/+\s*"),
    ".": re.compile(r"(?<=\S)\.(?=\S)"),
}
"""The separators that are recognised, in this order."""
NO_SEPARATOR = "none"
NESTED = 0.75
"""How far a narrow level must determine the wide one above it: 0 not at all, 1 in every row."""


def read_paths(rows: Any, columns: OrderColumns, separator: str | None = None) -> tuple[Distinct[Path], OrderColumns]:
    """The category path of each line (Arrow), and the columns with those levels that were used.

    ``separator`` is as for :func:`split_paths`.
    """
    if not columns.category:
        return Distinct((), np.full(len(rows), -1, dtype=np.int64)), columns
    if is_list(rows[columns.category[0]].type):
        texts = pc.binary_join(rows[columns.category[0]].cast(pa.list_(pa.string())), JOINED)
        return split_paths(texts_of(texts), JOINED), columns
    levels = {own: texts_of(rows[own]) for own in columns.category}
    if len(levels) == 1:
        return split_paths(levels[columns.category[0]], separator), columns
    if not columns.ordered:
        columns = replace(columns, category=nested_levels(levels))
    return join_levels([levels[own] for own in columns.category]), columns


def join_path(path: Path) -> str:
    """A path as a category's id and text."""
    return JOINED.join(path)


def find_separator(cells: Sequence[str]) -> str | None:
    """The first separator that more than half of the distinct cells contain; None for single names."""
    for separator, pattern in SEPARATORS.items():
        if sum(pattern.search(cell) is not None for cell in cells) * 2 > len(cells):
            return separator
    return None


def split_paths(cells: Distinct[str], separator: str | None = None) -> Distinct[Path]:
    """Split the cells of one column at a separator, None: at the recognised one, ``none``: not at all."""
    found = find_separator(cells.values) if separator is None else separator
    if found is None or found == NO_SEPARATOR:
        return cells.map(lambda cell: (cell,))
    pattern = SEPARATORS.get(found.strip()) or re.compile(rf"\s*{re.escape(found.strip() or found)}\s*")
    return cells.map(lambda cell: tuple(filter(None, pattern.split(cell))) or None)


def join_levels(levels: Sequence[Distinct[str]]) -> Distinct[Path]:
    """The paths of rows with one value for each level, from broad to narrow; missing levels are left out."""
    paths: list[Path] = [()]
    code = np.zeros(len(levels[0].code), dtype=np.int64)
    for level in levels:
        width = len(level) + 1
        pairs, code = np.unique(code * width + level.code + 1, return_inverse=True)
        paths = [paths[at // width] + level.values[at % width - 1 : at % width] for at in pairs.tolist()]
    return Distinct.of([path or None for path in paths], code)


def nested_levels(levels: Mapping[str, Distinct[str]]) -> tuple[str, ...]:
    """Those of the levels that lie one above the other, from broad to narrow, the one with the most values last."""
    by_size = sorted(levels, key=lambda name: len(levels[name]))
    chain: list[str] = []
    for name in reversed(by_size):
        if not chain or _determines(levels[chain[0]], levels[name]):
            chain.insert(0, name)
    return tuple(chain)


def _determines(narrow: Distinct[str], wide: Distinct[str]) -> bool:
    """Whether guessing the wide level from the narrow one errs that much less than without (Goodman and Kruskal)."""
    known = (narrow.code >= 0) & (wide.code >= 0)
    right = most_frequent(narrow.code, wide.code, len(narrow)).rows.sum()
    by_chance = int(np.bincount(wide.code[known], minlength=1).max())
    return bool(right - by_chance >= NESTED * (known.sum() - by_chance) > 0)
