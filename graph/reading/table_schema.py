"""How the tables of a source are written, as its owner states it: the contents of a ``schema.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["attribute", "number", "text", "ignore"]
"""What a column of the categories or products table may be, other than the columns with standard names."""

TimeUnit = Literal["s", "ms", "us", "ns", "D"]
"""Of whole numbers: seconds, milliseconds, microseconds or nanoseconds since 1970-01-01, or days."""


@dataclass(frozen=True)
class Ratings:
    """Ratings such as 1 to 5 stars: from ``liked`` on a user likes the target, up to ``disliked`` dislikes it."""

    column: str
    liked: float
    disliked: float | None = None


@dataclass(frozen=True)
class CellFormat:
    """How the cells of a text file are written; None: recognised.

    Attributes:
        delimiter: one character between cells, such as ``;`` or a tab.
        decimal: the decimal sign, ``.`` or ``,``.
        encoding: such as ``utf-8`` or ``cp1252``.
        missing: texts that mean an empty cell, besides the empty text.
    """

    delimiter: str | None = None
    decimal: Literal[".", ","] | None = None
    encoding: str | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableReading:
    """How one table is read.

    Attributes:
        file: name of its file in the folder; None for the standard one.
        columns: standard name (id, name, parent_id, user, target, ...) -> the table's own name.
        roles: own name of a further column -> role.
        time_format: of texts, as of :func:`datetime.datetime.strptime`.
        time_unit: of whole numbers.
    """

    file: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, Role] = field(default_factory=dict)
    time_format: str | None = None
    time_unit: TimeUnit | None = None
    cells: CellFormat = CellFormat()


@dataclass(frozen=True)
class TableSchema:
    """How all tables of a source are read.

    Attributes:
        tables: ``categories``, ``products``, ``attributes``, ``attribute_parents``, ``interactions`` or ``orders`` ->
            how it is read.
        cells: of tables without an own one.
        kinds: kind of event -> weight, as for :class:`newaisle.Recommender`.
        verb: what users do with targets, for sentences: buy, read, watch, ...
    """

    tables: Mapping[str, TableReading] = field(default_factory=dict)
    cells: CellFormat = CellFormat()
    kinds: Mapping[str, float] = field(default_factory=dict)
    ratings: Ratings | None = None
    verb: str = "buy"

    def table(self, name: str) -> TableReading:
        """How one table is read."""
        return self.tables.get(name, TableReading())
