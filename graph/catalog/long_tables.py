"""Long tables of attributes: weighted edges from targets to values, and the hierarchy over values."""

from __future__ import annotations

import math
from collections.abc import Container

import pyarrow as pa

from ...errors import GraphError, InputError
from ..cleaning import Tally
from ..frames import Table, column_names, read_frame
from ..ids import Id
from ..reading.cells import check_texts, without_missing
from ..reading.names import own_names
from ..reading.own_ids import read_ids
from ..reading.roles import spelling_notes
from ..reading.table_schema import TableReading
from .schema import RESERVED, Attribute, Node


def read_edges(edges: Table, known: Container[Id]) -> dict[Id, dict[Attribute, float]]:
    """Read attribute edges (``id``, ``name``, ``value``, optional ``weight``) of targets with ``known`` ids."""
    ids, _ = read_ids(read_frame(edges, "edges", ("id",)).to_native().column("id"), "edges", "id", Tally())
    nodes = {own: Node("", "", False, False, [], {}, {}) for own in ids if own is not None and own in known}
    read_attribute_edges(nodes, edges, Tally(), "edges")
    return {own: node.attributes for own, node in nodes.items()}


def read_attribute_edges(
    nodes: dict[Id, Node], table: Table, tally: Tally, what: str = "attributes", reading: TableReading | None = None
) -> None:
    """Add the attribute edges of a table to nodes; of one attribute of a node the weights add up."""
    reading = reading or TableReading()
    own_columns = column_names(table, what)
    if "category_id" in own_columns and "value" not in own_columns and "value" not in reading.columns:
        raise InputError("The second table is attributes (id, name, value); give products as products=…")
    frame = read_frame(table, what)
    names = own_names(frame.columns, "attributes", reading, ("id", "name", "value"))
    rows: pa.Table = frame.to_native()
    if "weight" in names and not frame.schema[names["weight"]].is_numeric():
        raise InputError(
            f"Column {names['weight']!r} of the {what} table is of type {frame.schema[names['weight']]}; give numbers."
        )
    cells = {name: without_missing(rows.column(own), reading.cells.missing) for name, own in names.items()}
    for name in ("name", "value"):
        check_texts(cells[name], what, names[name])
    distinct, codes = read_ids(cells["id"], what, names["id"], tally)
    weights = cells["weight"].to_pylist() if "weight" in names else [1.0] * len(rows)
    triples = zip(codes.tolist(), cells["name"].to_pylist(), cells["value"].to_pylist(), weights, strict=True)
    several: dict[tuple[Id, Attribute], list[float]] = {}
    for row_number, (code, name, value, cell) in enumerate(triples, start=1):
        own, name, value = None if code < 0 else distinct[code], tally.text(name), tally.text(value)
        if own is None or own not in nodes:
            raise GraphError(
                f"Row {row_number} of the {what} table names the unknown id {own!r}; "
                "use an id of the categories or products table."
            )
        if not name or not value:
            raise GraphError(f"Row {row_number} of the {what} table (id {own!r}) has an empty name or value.")
        if name in RESERVED:
            raise GraphError(f"Row {row_number} of the {what} table uses the reserved name {name!r}; rename it.")
        weight = math.nan if cell is None else float(cell)
        if not (math.isfinite(weight) and weight > 0):
            raise InputError(
                f"Row {row_number} of the {what} table (id {own!r}) has the weight {weight}; "
                "weights must be positive and finite."
            )
        several.setdefault((own, Attribute(name, value)), []).append(weight)
    values: dict[str, dict[str, None]] = {}
    for (own, attribute), given in several.items():
        known = nodes[own].attributes.get(attribute, 0.0)
        values.setdefault(attribute.name, {})[attribute.value] = None
        try:
            nodes[own].attributes[attribute] = math.fsum([known, *given])  # exact, so that row order cannot matter
        except OverflowError:
            raise InputError(
                f"The weights of {attribute} of the id {own!r} in the {what} table add up to more than a number "
                "holds; give smaller ones."
            ) from None
    for name, found in values.items():
        tally.notes += spelling_notes(f"{what}: {name}", found)


def read_attribute_parents(
    table: Table, tally: Tally, reading: TableReading | None = None
) -> dict[Attribute, list[Attribute]]:
    """The hierarchy over the values of attributes: attribute -> its wider values, ascending."""
    what, reading = "attribute parents", reading or TableReading()
    frame = read_frame(table, what)
    names = own_names(frame.columns, "attribute_parents", reading, ("name", "value", "parent_value"))
    rows: pa.Table = frame.to_native()
    for own in names.values():
        check_texts(rows.column(own), what, own)
    columns = [without_missing(rows.column(own), reading.cells.missing) for own in names.values()]
    found: dict[Attribute, set[Attribute]] = {}
    for row_number, row in enumerate(zip(*(cells.to_pylist() for cells in columns), strict=True), start=1):
        name, value, parent = (tally.text(cell) for cell in row)
        if not (name and value and parent):
            raise GraphError(f"Row {row_number} of the attribute parents table has an empty field.")
        found.setdefault(Attribute(name, value), set()).add(Attribute(name, parent))
    return {attribute: sorted(above) for attribute, above in found.items()}
