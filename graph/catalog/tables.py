"""Catalog tables read as nodes: every cell checked, every change of cleaning counted."""

from __future__ import annotations

import math
from typing import Any

import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc

from ...errors import DuplicateIdError, GraphError, InputError
from ..cleaning import DUPLICATE, MISSING_ID, ColumnReading, Tally
from ..frames import Table, read_frame
from ..ids import Id, Ids
from ..reading.cells import check_texts, without_missing
from ..reading.names import own_names
from ..reading.own_ids import read_ids, read_several_ids
from ..reading.roles import FurtherColumn, read_further
from ..reading.table_schema import TableReading, TableSchema
from .availability import AVAILABILITY, as_number
from .long_tables import read_attribute_edges
from .schema import RESERVED, Attribute, Node

NAMES_MISSING = "names missing, the id in their place"


def read_nodes(
    categories: Table | None = None,
    attributes: Table | None = None,
    *,
    products: Table | None = None,
    tally: Tally | None = None,
    schema: TableSchema | None = None,
) -> dict[Id, Node]:
    """Read some targets as :meth:`CatalogGraph.from_tables` does; their parents need not be in the tables."""
    tally, schema = tally or Tally(), schema or TableSchema()
    nodes: dict[Id, Node] = {}
    if categories is not None:
        _read_nodes(nodes, categories, "categories", "parent_id", tally, schema.table("categories"))
    if products is not None:
        _read_nodes(nodes, products, "products", "category_id", tally, schema.table("products"))
    Ids.of(nodes, "target")  # mixed types are reported before the unknown ids that follow from them
    if attributes is not None:
        read_attribute_edges(nodes, attributes, tally, reading=schema.table("attributes"))
    return nodes


def _read_nodes(
    nodes: dict[Id, Node], table: Table, what: str, parent_column: str, tally: Tally, reading: TableReading
) -> None:
    product = what == "products"
    frame = read_frame(table, what)
    names = own_names(frame.columns, what, reading, ("id", "category_id") if product else ("id",))
    rows = _Rows(frame.to_native(), what, names, reading, tally)
    _check_group(frame, names.get("group"), what)
    own_ids = rows.ids()
    parents = rows.parents(parent_column, own_ids)
    titles, texts, groups = rows.texts("name"), rows.texts("text"), rows.group()
    moments = [(name, rows.moments(name)) for name in names if name in AVAILABILITY]
    further = _further(frame.columns, rows, set(names.values()))
    raw = rows.cells("id").to_pylist()
    first: dict[Id, int] = {}
    tally.read += len(own_ids)
    for at, own in enumerate(own_ids):
        if own is None:
            tally.drop(MISSING_ID, examples=(f"row {at + 1} of the {what} table",))
            continue
        if not titles[at]:
            tally.change(NAMES_MISSING, examples=(f"row {at + 1} (id {own!r})",))
        name = titles[at] or str(own)
        node = Node(
            name=name,
            text=", ".join(filter(None, (texts[at] or name, *(c.cells[at] for c in further if c.role == "text")))),
            product=product,
            group=groups[at],
            parents=parents[at],
            attributes={
                Attribute(c.name, value): 1.0 for c in further if c.role == "attribute" for value in c.cells[at]
            },
            features={c.name: c.cells[at] for c in further if c.role == "number" and not math.isnan(c.cells[at])},
        )
        for column, cells in moments:
            try:
                number = as_number(cells[at])
            except InputError as error:
                raise InputError(f"Row {at + 1} of the {what} table (id {own!r}), {column}: {error}") from None
            if not math.isnan(number):
                node.features[column] = number
        known = nodes.get(own)
        if known is None:
            nodes[own], first[own] = node, at
            tally.kept += 1
        elif known == node:
            tally.drop(DUPLICATE, examples=(f"row {at + 1} of the {what} table (id {own!r})",))
        elif own in first and raw[first[own]] != raw[at]:
            raise DuplicateIdError(
                f"The ids {raw[first[own]]!r} (row {first[own] + 1}) and {raw[at]!r} (row {at + 1}) of the {what} "
                "table become one where blanks and Unicode are normalised, and differ in content; rename one of them."
            )
        else:
            raise DuplicateIdError(
                f"The id {own!r} occurs twice with different content (row {at + 1} of the {what} table); "
                "ids must be unique over categories and products."
            )


class _Rows:
    """The standard columns of a catalog table, each reported as it is read."""

    def __init__(self, table: pa.Table, what: str, names: dict[str, str], reading: TableReading, tally: Tally) -> None:
        self.table, self.what, self.names, self.reading, self.tally = table, what, names, reading, tally

    def cells(self, standard: str) -> Any:
        """A standard column, null where a cell is missing."""
        return without_missing(self.table.column(self.names[standard]), self.reading.cells.missing)

    def ids(self) -> list[Id | None]:
        """The own id of each row."""
        distinct, codes = read_ids(self.cells("id"), self.what, self.names["id"], self.tally)
        found = [None if code < 0 else distinct[code] for code in codes.tolist()]
        self._add("id", "id", found)
        return found

    def parents(self, standard: str, own: list[Id | None]) -> list[list[Id]]:
        """The ids that each row names as its parents."""
        if standard not in self.names:
            return [[] for _ in own]
        found = read_several_ids(self.cells(standard), self.what, self.names[standard], own)
        self._add("parent", standard, [tuple(above) or None for above in found])
        return found

    def texts(self, standard: str) -> list[str]:
        """A column of texts, normalised, empty where missing."""
        if standard not in self.names:
            return [""] * len(self.table)
        cells = self.cells(standard)
        check_texts(cells, self.what, self.names[standard])
        found = [self.tally.text(cell) for cell in cells.to_pylist()]
        self._add(standard, standard, [text or None for text in found])
        return found

    def group(self) -> list[bool]:
        """Which rows are groups."""
        if "group" not in self.names:
            return [False] * len(self.table)
        found = [bool(cell or False) for cell in self.cells("group").to_pylist()]
        self._add("group", "group", list(found))
        return found

    def moments(self, standard: str) -> list[Any]:
        """A column of availability, as it is, times to the microsecond."""
        cells = self.cells(standard)
        try:
            if pa.types.is_timestamp(cells.type):
                cells = pc.floor_temporal(cells, unit="microsecond").cast(pa.timestamp("us", cells.type.tz))
            found: list[Any] = cells.to_pylist()
        except (pa.ArrowException, OverflowError, ValueError):
            raise InputError(
                f"Column {self.names[standard]!r} of the {self.what} table has a time outside of the years 1 to 9999; "
                "correct it."
            ) from None
        self._add("availability", standard, found)
        return found

    def _add(self, role: str, standard: str, values: list[Any]) -> None:
        own = self.names[standard]
        filled = list(dict.fromkeys(value for value in values if value is not None))
        reason = f"the schema names it as {standard}" if own in self.reading.columns.values() else "by its name"
        shown = tuple(", ".join(map(str, v)) if isinstance(v, tuple) else str(v) for v in filled[:3])
        missing = sum(value is None for value in values)
        self.tally.columns.append(ColumnReading(self.what, own, role, reason, len(filled), missing, shown))


def _further(columns: list[str], rows: _Rows, named: set[str]) -> list[FurtherColumn]:
    """The columns other than the standard ones that are read."""
    found = []
    for column in columns:
        if column in named:
            continue
        if column in RESERVED and rows.reading.roles.get(column) != "ignore":
            if column in rows.names:  # the schema names another column so
                rows.tally.columns.append(
                    ColumnReading(rows.what, column, "ignored", f"the schema names {rows.names[column]!r} as {column}")
                )
                continue
            raise GraphError(
                f"The {rows.what} table has a column {column!r}, a name that the store reserves; rename it."
            )
        read = read_further(column, rows.table.column(column), rows.what, rows.reading, rows.tally)
        if read is not None:
            found.append(read)
    return found


def _check_group(frame: nw.DataFrame[Any], column: str | None, what: str) -> None:
    """Refuse texts, since even "false" would count as true."""
    dtype = frame.schema[column] if column is not None else nw.Boolean()
    if not (dtype in (nw.Boolean, nw.Unknown) or dtype.is_integer()):
        raise InputError(f"Column {column!r} of the {what} table is of type {dtype}; give true or false.")
