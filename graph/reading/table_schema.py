"""How the tables of a source are written, as its owner states it: the contents of a ``schema.toml``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["attribute", "number", "text", "ignore"]
"""What a column of the categories or products table may be, other than the columns with standard names.

Texts are read by the text encoder behind the column ``text``; in the interactions table a column can only be ignored.
"""

TimeUnit = Literal["s", "ms", "us", "ns", "D"]
"""Of whole numbers: seconds, milliseconds, microseconds or nanoseconds since 1970-01-01, or days."""

STANDARD: Mapping[str, tuple[str, ...]] = {
    "categories": ("id", "name", "parent_id", "text", "group", "available_from", "available_to"),
    "products": ("id", "name", "category_id", "text", "group", "available_from", "available_to"),
    "attributes": ("id", "name", "value", "weight"),
    "attribute_parents": ("name", "value", "parent_value"),
    "interactions": ("user", "target", "weight", "timestamp", "event"),
    "orders": ("order", "user", "item", "name", "text", "category", "price", "quantity", "timestamp", "event"),
}
"""Table -> standard names of its columns."""


@dataclass(frozen=True)
class Ratings:
    """Ratings such as 1 to 5 stars: from ``liked`` on a user likes the target, up to ``disliked`` dislikes it."""

    column: str
    liked: float
    disliked: float | None = None


@dataclass(frozen=True)
class CellFormat:
    """How cells are written; None: recognised.

    Attributes:
        delimiter: one character between the cells of a text file, such as ``;`` or a tab.
        decimal: the decimal sign, ``.`` or ``,``.
        encoding: of a text file, such as ``utf-8`` or ``cp1252``.
        missing: texts that mean an empty cell, besides the empty text.
    """

    delimiter: str | None = None
    decimal: Literal[".", ","] | None = None
    encoding: str | None = None
    missing: tuple[str, ...] = ()

    def over(self, general: CellFormat) -> CellFormat:
        """This format, completed by a more general one."""
        return CellFormat(
            self.delimiter or general.delimiter,
            self.decimal or general.decimal,
            self.encoding or general.encoding,
            self.missing or general.missing,
        )


@dataclass(frozen=True)
class TableReading:
    """How one table is read.

    Attributes:
        file: name of its file in the folder; None for the standard one.
        columns: standard name (id, name, parent_id, user, target, ...) -> the table's own name.
        roles: own name of a further column -> role.
        time_format: of texts or whole numbers, as of :func:`datetime.datetime.strptime`.
        time_unit: of whole numbers.
    """

    file: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, Role] = field(default_factory=dict)
    time_format: str | None = None
    time_unit: TimeUnit | None = None
    cells: CellFormat = CellFormat()

    def over(self, general: TableReading) -> TableReading:
        """This reading, completed by a more general one."""
        return TableReading(
            self.file or general.file,
            {**general.columns, **self.columns},
            {**general.roles, **self.roles},
            self.time_format or general.time_format,
            self.time_unit or general.time_unit,
            self.cells.over(general.cells),
        )


@dataclass(frozen=True)
class TableSchema:
    """How all tables of a source are read.

    Attributes:
        tables: ``categories``, ``products``, ``attributes``, ``attribute_parents``, ``interactions`` or ``orders`` ->
            how it is read.
        cells: of tables without an own format.
        kinds: kind of event -> weight, as for :class:`newaisle.Recommender`.
        verb: what users do with targets, for sentences: buy, read, watch, ...
        verb_past: its past participle (read, watched); None for the regular one, or a common irregular one.
    """

    tables: Mapping[str, TableReading] = field(default_factory=dict)
    cells: CellFormat = CellFormat()
    kinds: Mapping[str, float] = field(default_factory=dict)
    ratings: Ratings | None = None
    verb: str = "buy"
    verb_past: str | None = None

    def table(self, name: str) -> TableReading:
        """How one table is read, completed by the general format of cells."""
        own = self.tables.get(name, TableReading())
        return TableReading(
            own.file, own.columns, own.roles, own.time_format, own.time_unit, own.cells.over(self.cells)
        )

    def with_attributes(self, table: str, names: Sequence[str]) -> TableSchema:
        """This schema, in which some columns of a table are attributes where it gives them no other role."""
        return self.over(TableSchema({table: TableReading(roles=dict.fromkeys(names, "attribute"))})) if names else self

    def over(self, general: TableSchema) -> TableSchema:
        """This schema, completed by a more general one, key by key."""
        names = dict.fromkeys([*self.tables, *general.tables])
        empty = TableReading()
        return TableSchema(
            {name: self.tables.get(name, empty).over(general.tables.get(name, empty)) for name in names},
            self.cells.over(general.cells),
            {**general.kinds, **self.kinds},
            self.ratings or general.ratings,
            *((general.verb, general.verb_past) if self.verb == TableSchema.verb else (self.verb, self.verb_past)),
        )
