"""The role of every further column of a catalog table: attribute, number, text, or left out; found by its cells."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ...errors import InputError
from ..cleaning import ColumnReading, Tally
from .cells import MISSING_MARKS, distinct, is_list, is_text, without_missing
from .numbers import read_numbers
from .table_schema import Role, TableReading

FEW_ROWS = 20
"""An attribute column with no more filled cells is never left out."""
NEARLY_UNIQUE = 0.9
"""An attribute column with a greater share of different values is left out."""
STRAYS = "cells that are no number read as missing"
_NAMELESS = re.compile(r"\s*|Unnamed: \d+|__index_level_\d+__")
_EXAMPLES = 3


@dataclass(frozen=True)
class FurtherColumn:
    """A column with its role; ``cells`` are floats (NaN where missing), texts, or lists of texts for an attribute."""

    name: str
    role: Role
    cells: list[Any]


def read_further(name: str, cells: Any, what: str, reading: TableReading, tally: Tally) -> FurtherColumn | None:
    """Find the role of a column and read its cells, None where it is left out.

    Args:
        name: of the column.
        cells: the column, of Arrow.
        what: the table, for messages and reports.
        reading: how the table is read; its roles decide before the cells.
        tally: where the reading of the column, changes and notes are added.

    Raises:
        InputError: a type that no role takes, an infinite number, or cells that the given role does not take.
    """
    given = reading.roles.get(name)
    own = _Column(name, what, tally)
    if given == "ignore":
        own.ignored("the schema ignores it")
        return None
    if _NAMELESS.fullmatch(name) and given is None:
        own.ignored("it has no name, like the row numbers of an exported table")
        return None
    cells = without_missing(cells, reading.cells.missing)
    kind = cells.type
    if pa.types.is_null(kind) or cells.null_count == len(cells):
        own.ignored("all its cells are empty")
        return None
    if is_list(kind):
        return _read_lists(own, cells, given, reading)
    if pa.types.is_boolean(kind):
        values = cells.to_pylist()
        if given == "number":
            return own.numbers([math.nan if value is None else float(value) for value in values], "the schema says so")
        return own.texts([None if value is None else str(value).lower() for value in values], given, "true or false")
    if pa.types.is_dictionary(kind) and not is_text(kind):
        values = [None if value is None else str(value) for value in cells.cast(kind.value_type).to_pylist()]
        return own.texts(values, given, "categories")
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _read_numbers(own, cells.to_pylist(), given)
    if is_text(kind):
        return _read_texts(own, cells, given, reading)
    if given in ("attribute", "text") and (pa.types.is_temporal(kind) and not pa.types.is_duration(kind)):
        return own.texts([None if value is None else str(value) for value in cells.to_pylist()], given, "the schema")
    raise InputError(
        f"Column {name!r} of the {what} table is of type {_TITLES.get(str(kind).partition('[')[0], kind)}; give texts, "
        "lists of texts or numbers, or ignore it in the schema."
    )


_TITLES = {"timestamp": "Datetime", "date32": "Date", "date64": "Date"}


def _read_lists(own: _Column, cells: Any, given: Role | None, reading: TableReading) -> FurtherColumn | None:
    inner = cells.type.value_type
    if not (is_text(inner) or pa.types.is_boolean(inner) or pa.types.is_null(inner) or pa.types.is_integer(inner)):
        raise InputError(
            f"Column {own.name!r} of the {own.what} table holds lists of {inner}; give lists of texts, or ignore it in "
            "the schema."
        )
    lists = cells.to_pylist()
    if is_text(inner) and all(value is None or len(value) <= 1 for value in lists):
        single = [value[0] if value else None for value in lists]
        return _read_texts(own, pa.chunked_array([pa.array(single, pa.string())]), given, reading)
    if given == "number":
        raise InputError(f"Column {own.name!r} of the {own.what} table holds lists, which are no numbers.")
    missing = set(reading.cells.missing)
    texts = [
        None if value is None else [str(each) for each in value if each is not None and str(each) not in missing]
        for value in lists
    ]
    return own.texts(texts, given, "lists of texts")


def _read_numbers(own: _Column, values: list[Any], given: Role | None) -> FurtherColumn | None:
    if given in ("attribute", "text"):
        whole = [None if value is None or value != value else _plain(value) for value in values]
        return own.texts(whole, given, "the schema says so")
    return own.numbers([math.nan if value is None else float(value) for value in values], "numbers")


def _plain(value: Any) -> str:
    return str(int(value)) if value == int(value) else str(value)


def _read_texts(own: _Column, cells: Any, given: Role | None, reading: TableReading) -> FurtherColumn | None:
    values, codes = distinct(cells)
    rows = [own.tally.text(values[code]) or None if code >= 0 else None for code in codes.tolist()]
    texts = Counter(text for text in rows if text is not None)
    if not texts:
        own.ignored("all its cells are empty")
        return None
    if given in ("attribute", "text"):
        return own.texts(rows, given, "the schema says so")
    found = read_numbers(texts, reading.cells.decimal, codes=given == "number")
    if isinstance(found, str):
        if given == "number":
            raise InputError(
                f"Column {own.name!r} of the {own.what} table is no number as the schema says: {found}; "
                "correct the role, the decimal sign or the cells."
            )
        return own.texts(rows, given, found)
    if found.strays:
        count = sum(texts[text] for text in found.strays)
        own.tally.change(STRAYS, count, (f"{own.name} {text!r}" for text in found.strays))
    sign = f" with the decimal sign {found.decimal!r}" if found.decimal else ""
    numbers = [math.nan if text is None else found.numbers.get(text, math.nan) for text in rows]
    return own.numbers(numbers, f"numbers{sign} in {found.share:.0%} of its cells")


@dataclass(frozen=True)
class _Column:
    """A column whose reading is added to a tally once its role is found."""

    name: str
    what: str
    tally: Tally

    def ignored(self, reason: str, values: Counter[str] | None = None, missing: int = 0) -> None:
        self._add("ignored", reason, values, missing)

    def numbers(self, cells: list[float], reason: str) -> FurtherColumn:
        for number, cell in enumerate(cells, start=1):
            if math.isinf(cell):
                raise InputError(f"Row {number} of the {self.what} table has an infinite {self.name}.")
        filled = Counter(f"{cell:g}" for cell in cells if cell == cell)
        self._add("number", reason, filled, len(cells) - filled.total())
        return FurtherColumn(self.name, "number", cells)

    def texts(self, cells: list[Any], given: Role | None, reason: str) -> FurtherColumn | None:
        """A column of texts, or of lists of them: an attribute unless nearly every value is another one."""
        several = [[] if cell is None else cell if isinstance(cell, list) else [cell] for cell in cells]
        clean = [[text for value in cell if (text := self.tally.text(value))] for cell in several]
        values = Counter(text for cell in clean for text in cell)
        missing = sum(not cell for cell in clean)
        if given == "text":
            self._add("text", "the schema says so", values, missing)
            return FurtherColumn(self.name, "text", [", ".join(cell) for cell in clean])
        filled = values.total()
        if given is None and filled > FEW_ROWS and len(values) > NEARLY_UNIQUE * filled:
            self.ignored(
                f"{len(values):,} different values in {filled:,} filled cells tie no targets together; the role "
                "attribute in the schema keeps it",
                values,
                missing,
            )
            return None
        self._add("attribute", reason, values, missing)
        self.tally.notes += spelling_notes(f"{self.what}: {self.name}", values)
        return FurtherColumn(self.name, "attribute", clean)

    def _add(self, role: str, reason: str, values: Counter[str] | None, missing: int) -> None:
        some = () if values is None else tuple(value for value, _ in values.most_common(_EXAMPLES))
        number = None if values is None else len(values)
        self.tally.columns.append(ColumnReading(self.what, self.name, role, reason, number, missing, some))


def spelling_notes(name: str, values: Iterable[str]) -> list[str]:
    """Sentences about values that differ by case or punctuation only, and about marks of missing cells among them."""
    alike: dict[str, list[str]] = {}
    for value in values:
        alike.setdefault("".join(filter(str.isalnum, value.casefold())) or value, []).append(value)
    several = [spellings for spellings in alike.values() if len(spellings) > 1]
    notes = []
    if several:
        shown = " and ".join(map(repr, several[0][:_EXAMPLES]))
        many = f"{len(several):,} value{'s' if len(several) > 1 else ''}"
        notes.append(
            f"{name} has {many} in spellings that differ by case or punctuation only, such as {shown}: write them "
            "alike where they mean the same."
        )
    if marks := [value for value in values if value.lower() in MISSING_MARKS]:
        notes.append(
            f"{name} has the value {marks[0]!r}: give it as missing in the schema where it stands for an empty cell."
        )
    return notes
