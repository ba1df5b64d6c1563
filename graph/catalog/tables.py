"""Catalog tables read as nodes: every cell checked, every change of cleaning counted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw

from ...errors import DuplicateIdError, GraphError, InputError
from ..cleaning import CleaningReport, normalise_text, unfold_entities
from ..frames import Table, read_frame
from ..ids import Id, Ids, own_id
from .availability import AVAILABILITY, as_number
from .schema import RESERVED, Attribute, Node


@dataclass
class Tally:
    """Counts for the cleaning report while tables are read."""

    read: int = 0
    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)

    def text(self, value: object) -> str:
        """Unfold HTML entities in a text and normalise it, each counted if it changed the text."""
        given = "" if value is None else str(value)
        raw = unfold_entities(given)
        self.changed["texts with HTML entities"] += raw != given
        clean = normalise_text(raw)
        self.changed["texts normalised"] += clean != raw
        return clean

    @property
    def report(self) -> CleaningReport:
        """The counts so far."""
        return CleaningReport(self.read, self.kept, dict(self.dropped), dict(self.changed))


def read_nodes(
    categories: Table | None = None,
    attributes: Table | None = None,
    *,
    products: Table | None = None,
    tally: Tally | None = None,
) -> dict[Id, Node]:
    """Read some targets as :meth:`CatalogGraph.from_tables` does; their parents need not be in the tables."""
    tally = tally or Tally()
    nodes: dict[Id, Node] = {}
    if categories is not None:
        _read_nodes(nodes, categories, "categories", "parent_id", tally)
    if products is not None:
        _read_nodes(nodes, products, "products", "category_id", tally)
    Ids.of(nodes, "target")  # mixed types are reported before the unknown ids that follow from them
    if attributes is not None:
        _read_attribute_edges(nodes, attributes, tally)
    return nodes


def read_edges(edges: Table, known: Container[Id]) -> dict[Id, dict[Attribute, float]]:
    """Read attribute edges (``id``, ``name``, ``value``, optional ``weight``) of targets with ``known`` ids."""
    ids = {own_id(value) for value in read_frame(edges, "edges", ("id",))["id"]}
    nodes = {own: Node("", "", False, False, [], {}, {}) for own in ids if own is not None and own in known}
    _read_attribute_edges(nodes, edges, Tally(), "edges")
    return {own: node.attributes for own, node in nodes.items()}


def _read_nodes(nodes: dict[Id, Node], table: Table, what: str, parent_column: str, tally: Tally) -> None:
    product = what == "products"
    required = ("id", "name", parent_column) if product else ("id", "name")
    frame = read_frame(table, what, required)
    kinds = _column_kinds(frame, what, {"id", "name", "text", "group", parent_column})
    _check_group(frame, what)
    for row_number, row in enumerate(frame.iter_rows(named=True), start=1):
        tally.read += 1
        own = own_id(row["id"])
        if own is None:
            tally.dropped["missing id"] += 1
            continue
        name = tally.text(row["name"])
        if not name:
            raise GraphError(f"Row {row_number} of the {what} table (id {own!r}) has an empty name; give it one.")
        node = Node(
            name=name,
            text=tally.text(row.get("text")) or name,
            product=product,
            group=bool(row.get("group") or False),
            parents=sorted({p for v in _several(row.get(parent_column)) if (p := own_id(v)) is not None}, key=str),
            attributes={},
            features={},
        )
        for column, kind in kinds.items():
            cell = row[column]
            if kind == "attribute":
                for value in _several(cell):
                    if text := tally.text(str(value).lower() if isinstance(value, bool) else value):
                        node.attributes[Attribute(column, text)] = 1.0
                continue
            if kind == "feature" and cell is not None and math.isinf(cell):
                raise InputError(f"Row {row_number} of the {what} table (id {own!r}) has an infinite {column}.")
            try:
                number = as_number(cell)
            except InputError as error:
                raise InputError(f"Row {row_number} of the {what} table (id {own!r}), {column}: {error}") from None
            if not math.isnan(number):
                node.features[column] = number
        known = nodes.get(own)
        if known is None:
            nodes[own] = node
            tally.kept += 1
        elif known == node:
            tally.dropped["exact duplicate"] += 1
        else:
            raise DuplicateIdError(
                f"The id {own!r} occurs twice with different content (row {row_number} of the {what} table); "
                "ids must be unique over categories and products."
            )


def _check_group(frame: nw.DataFrame[Any], what: str) -> None:
    """Refuse texts, since even "false" would count as true."""
    dtype = frame.schema.get("group", nw.Boolean())
    if not (dtype in (nw.Boolean, nw.Unknown) or dtype.is_integer()):
        raise InputError(f"Column 'group' of the {what} table is of type {dtype}; give true or false.")


def _column_kinds(frame: nw.DataFrame[Any], what: str, fixed: set[str]) -> dict[str, str]:
    """Whether every further column is a feature, an attribute or availability."""
    kinds: dict[str, str] = {}
    for column, dtype in frame.schema.items():
        if column in fixed:
            continue
        if column in RESERVED:
            raise GraphError(f"The {what} table has a column {column!r}, a name that the store reserves; rename it.")
        if column in AVAILABILITY:
            kinds[column] = "moment"
        elif dtype.is_numeric():
            kinds[column] = "feature"
        elif isinstance(dtype, nw.List | nw.Array) or dtype in (
            nw.String,
            nw.Boolean,
            nw.Categorical,
            nw.Enum,
            nw.Unknown,
        ):
            kinds[column] = "attribute"
        else:
            raise InputError(
                f"Column {column!r} of the {what} table is of type {dtype}; give texts, lists of texts or numbers."
            )
    return kinds


def _read_attribute_edges(nodes: dict[Id, Node], table: Table, tally: Tally, what: str = "attributes") -> None:
    frame = read_frame(table, what, ("id", "name", "value"))
    if "weight" in frame.columns and not frame.schema["weight"].is_numeric():
        raise InputError(f"Column 'weight' of the {what} table is of type {frame.schema['weight']}; give numbers.")
    weights: dict[tuple[Id, Attribute], list[float]] = {}
    for row_number, row in enumerate(frame.iter_rows(named=True), start=1):
        own, name, value = own_id(row["id"]), tally.text(row["name"]), tally.text(row["value"])
        if own is None or own not in nodes:
            raise GraphError(
                f"Row {row_number} of the {what} table names the unknown id {own!r}; "
                "use an id of the categories or products table."
            )
        if not name or not value:
            raise GraphError(f"Row {row_number} of the {what} table (id {own!r}) has an empty name or value.")
        if name in RESERVED:
            raise GraphError(f"Row {row_number} of the {what} table uses the reserved name {name!r}; rename it.")
        weight = math.nan if (cell := row.get("weight", 1.0)) is None else float(cell)
        if not (math.isfinite(weight) and weight > 0):
            raise InputError(
                f"Row {row_number} of the {what} table (id {own!r}) has the weight {weight}; "
                "weights must be positive and finite."
            )
        weights.setdefault((own, Attribute(name, value)), []).append(weight)
    for (own, attribute), several in weights.items():
        known = nodes[own].attributes.get(attribute, 0.0)
        nodes[own].attributes[attribute] = math.fsum([known, *several])  # exact, so that row order cannot matter


def read_attribute_parents(table: Table, tally: Tally) -> dict[Attribute, list[Attribute]]:
    """The hierarchy over the values of attributes: attribute -> its wider values, ascending."""
    frame = read_frame(table, "attribute parents", ("name", "value", "parent_value"))
    found: dict[Attribute, set[Attribute]] = {}
    for row_number, row in enumerate(frame.iter_rows(named=True), start=1):
        name, value, parent = (tally.text(row[column]) for column in ("name", "value", "parent_value"))
        if not (name and value and parent):
            raise GraphError(f"Row {row_number} of the attribute parents table has an empty field.")
        found.setdefault(Attribute(name, value), set()).add(Attribute(name, parent))
    return {attribute: sorted(above) for attribute, above in found.items()}


def _several(value: Any) -> list[Any]:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return []
    if isinstance(value, str | int | float):
        return [value]
    return [member for member in value if member is not None]
