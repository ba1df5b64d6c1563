"""The report of cleaning a table: every dropped row and changed value is counted."""

from __future__ import annotations

import html
import html.entities
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice

from ..display import short_repr

_SPACE = re.compile(r"\s+")
_ENTITY = re.compile(r"&(?:#\d{1,8}|#[xX][\da-fA-F]{1,8}|[A-Za-z][A-Za-z\d]*);")
EXAMPLES = 3
"""How many examples of one reason a report keeps."""
TEXTS_NORMALISED = "texts normalised"
ENTITIES_UNFOLDED = "texts with HTML entities"
IDS_NORMALISED = "ids normalised"
MISSING_ID = "missing id"
DUPLICATE = "exact duplicate"


@dataclass(frozen=True)
class ColumnReading:
    """How one column of a table was read.

    Attributes:
        role: such as id, name, parent, text, group, attribute, number, user, weight, timestamp, event or ignored.
        reason: why it has this role, a part of a sentence such as "numbers in 98 % of its cells".
        distinct: number of distinct values; None where they were not counted.
        missing: number of empty cells.
        examples: some of its values as texts.
    """

    table: str
    column: str
    role: str
    reason: str
    distinct: int | None = None
    missing: int = 0
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class CleaningReport:
    """How many rows came in and stayed, and how the columns were read.

    Attributes:
        dropped: reason -> rows.
        changed: reason -> values.
        examples: reason (of ``dropped`` or ``changed``) -> some of its cases, such as "row 5 (user 'nan')".
        columns: of all tables that were read, ignored ones too.
        notes: whole sentences about what the owner of the tables should look at.
    """

    rows_read: int = 0
    rows_kept: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    changed: Mapping[str, int] = field(default_factory=dict)
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    columns: tuple[ColumnReading, ...] = ()
    notes: tuple[str, ...] = ()

    __repr__ = short_repr

    def describe(self) -> str:
        """One line for people, such as ``10 rows read, 8 kept; dropped: 2 missing id``."""
        parts = [f"{self.rows_read:,} rows read, {self.rows_kept:,} kept"]
        for title, counts in (("dropped", self.dropped), ("changed", self.changed)):
            listed = [f"{count:,} {reason}" for reason, count in counts.items() if count]
            if listed:
                parts.append(f"{title}: " + ", ".join(listed))
        return "; ".join(parts)


class Tally:
    """Counts, examples and columns for the cleaning report while tables are read."""

    def __init__(self) -> None:
        self.read = 0
        self.kept = 0
        self._dropped: Counter[str] = Counter()
        self._changed: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}
        self.columns: list[ColumnReading] = []
        self.notes: list[str] = []

    def drop(self, reason: str, count: int = 1, examples: Iterable[str] = ()) -> None:
        """Count dropped rows; the first examples of a reason are kept."""
        self._dropped[reason] += count
        self._example(reason, count, examples)

    def change(self, reason: str, count: int = 1, examples: Iterable[str] = ()) -> None:
        """Count changed values; the first examples of a reason are kept."""
        self._changed[reason] += count
        self._example(reason, count, examples)

    def _example(self, reason: str, count: int, examples: Iterable[str]) -> None:
        kept = self._examples.setdefault(reason, []) if count else []
        kept += islice(examples, max(0, EXAMPLES - len(kept)))

    def text(self, value: object) -> str:
        """Unfold HTML entities in a text and normalise it, each counted if it changed the text."""
        given = "" if value is None else str(value)
        raw = unfold_entities(given)
        if raw != given:
            self.change(ENTITIES_UNFOLDED, examples=(repr(given),))
        clean = normalise_text(raw)
        if clean != raw:
            self.change(TEXTS_NORMALISED, examples=(repr(raw),))
        return clean

    @property
    def report(self) -> CleaningReport:
        """What was counted so far."""
        return CleaningReport(
            self.read,
            self.kept,
            {reason: count for reason, count in self._dropped.items() if count},
            {reason: count for reason, count in self._changed.items() if count},
            {reason: tuple(some) for reason, some in self._examples.items() if some},
            tuple(self.columns),
            tuple(self.notes),
        )


def normalise_text(text: str) -> str:
    """Unicode NFC, each run of white space as one blank, none at the ends."""
    if text.isascii() and text.isprintable() and "  " not in text:  # most texts are so already
        return text.strip(" ")
    return _SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip()


def unfold_entities(text: str) -> str:
    """A text with the characters that HTML entities stand for; only those with their semicolon are any."""
    return _ENTITY.sub(_character, text) if "&" in text else text


def ends_in_entity(text: str) -> bool:
    """Whether the last semicolon of a text, at its end, is that of an HTML entity."""
    start = text.rfind("&")
    found = _ENTITY.fullmatch(text, start) if start >= 0 else None
    return found is not None and _character(found) != found[0]


def _character(entity: re.Match[str]) -> str:
    if entity[0][1] == "#":
        return html.unescape(entity[0])
    return html.entities.html5.get(entity[0][1:], entity[0])
