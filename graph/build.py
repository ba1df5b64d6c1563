"""Tables in, a validated :class:`CatalogGraph` out."""

from __future__ import annotations

import graphlib
import math
import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import narwhals as nw
import numpy as np

from ..errors import CycleError, DanglingParentError, DuplicateIdError, GraphError, InputError
from .availability import AVAILABILITY, as_number
from .catalog import Attribute, CatalogGraph, Edges, Relation, frozen
from .cleaning import CleaningReport, normalise_text
from .frames import Table, read_frame
from .ids import Id, Ids, own_id

RESERVED = frozenset(
    [
        "key",
        "id",
        "source",
        "name",
        "text",
        "level",
        "state",
        "buyers",
        "content_hash",
        "run_id",
        "embedding",
        "confidence",
        "group",
    ]
)
"""Property names of the store schema; no feature or attribute may take one of them."""

_SOURCE_NAME = re.compile(r"[a-z0-9_-]+")
_T = TypeVar("_T")


@dataclass
class Node:
    """What a source says of one target or group; see :class:`CatalogGraph` for the meaning of the fields."""

    name: str
    text: str
    product: bool
    group: bool
    parents: list[Id]
    attributes: dict[Attribute, float]
    features: dict[str, float]  # availability too, as numbers


@dataclass
class _Tally:
    """Counts for the cleaning report while tables are read."""

    read: int = 0
    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)

    def text(self, value: object) -> str:
        """Normalise a text and count it if that changed it."""
        raw = "" if value is None else str(value)
        clean = normalise_text(raw)
        self.changed["texts normalised"] += clean != raw
        return clean


def build_graph(
    categories: Table,
    attributes: Table | None = None,
    *,
    products: Table | None = None,
    attribute_parents: Table | None = None,
    source: str = "tables",
) -> CatalogGraph:
    """Build and validate a catalog graph.

    Args:
        categories: columns ``id``, ``name``; optional ``parent_id`` (one id or a list of ids), ``text`` (the name where
            empty), ``group`` (True for categories that only hold others), ``available_from`` and ``available_to``
            (dates, times or numbers); every further text (or list of texts, or boolean) column is an attribute, every
            further numeric column a feature.
        attributes: further attribute edges, columns ``id``, ``name``, ``value`` and optional ``weight``.
        products: columns ``id``, ``name``, ``category_id`` (one or a list), ``text`` and more as for categories.
        attribute_parents: a hierarchy over the values of an attribute, columns ``name``, ``value``, ``parent_value``.
        source: name of the source, ``[a-z0-9_-]+``.

    Raises:
        GraphError: a cycle (:class:`CycleError`), a parent that does not exist (:class:`DanglingParentError`), one id
            with two contents (:class:`DuplicateIdError`), an empty name, a reserved column name.
        InputError: missing columns, an empty table, infinite features, weights that are not positive and finite.
    """
    check_source_name(source)
    tally = _Tally()
    nodes = _read_tables(categories, attributes, products, tally)
    if not nodes:
        raise GraphError("The categories table has no row with an id; give at least one.")
    ids = Ids.of(nodes, "target")
    parents_of = {} if attribute_parents is None else _read_attribute_parents(attribute_parents, tally)
    report = CleaningReport(tally.read, tally.kept, dict(tally.dropped), dict(tally.changed))
    return assemble_graph(source, ids, nodes, parents_of, report=report)


def read_nodes(
    categories: Table | None = None, attributes: Table | None = None, *, products: Table | None = None
) -> dict[Id, Node]:
    """Read some targets as :func:`build_graph` would; their parents need not stand in the tables.

    Raises:
        GraphError: one id with two contents, an empty name, a reserved column name.
        InputError: missing columns, infinite features, weights that are not positive and finite.
    """
    return _read_tables(categories, attributes, products, _Tally())


def read_edges(edges: Table, known: Container[Id]) -> dict[Id, dict[Attribute, float]]:
    """Read attribute edges of targets that are there already, as :func:`build_graph` would.

    Args:
        edges: columns ``id``, ``name``, ``value`` and optional ``weight``.
        known: the ids that may be named.

    Raises:
        GraphError: an unknown id, an empty name or value, a reserved name.
        InputError: missing columns, weights that are not positive and finite.
    """
    ids = {own_id(value) for value in read_frame(edges, "edges", ("id",))["id"]}
    nodes = {own: Node("", "", False, False, [], {}, {}) for own in ids if own is not None and own in known}
    _read_attribute_edges(nodes, edges, _Tally(), "edges")
    return {own: node.attributes for own, node in nodes.items()}


def _read_tables(
    categories: Table | None, attributes: Table | None, products: Table | None, tally: _Tally
) -> dict[Id, Node]:
    nodes: dict[Id, Node] = {}
    if categories is not None:
        _read_nodes(nodes, categories, "categories", "parent_id", tally)
    if products is not None:
        _read_nodes(nodes, products, "products", "category_id", tally)
    Ids.of(nodes, "target")  # mixed types are told before the unknown ids that follow from them
    if attributes is not None:
        _read_attribute_edges(nodes, attributes, tally)
    return nodes


def check_source_name(source: str) -> None:
    """Refuse a name of a source with other characters than ``a-z 0-9 _ -``.

    Raises:
        InputError: it has some.
    """
    if not _SOURCE_NAME.fullmatch(source):
        raise InputError(f"The source name {source!r} has other characters than a-z, 0-9, '_' and '-'.")


def assemble_graph(
    source: str,
    ids: Ids,
    nodes: Mapping[Id, Node],
    attribute_parents: Mapping[Attribute, list[Attribute]],
    *,
    attributes: Iterable[Attribute] = (),
    report: CleaningReport | None = None,
) -> CatalogGraph:
    """Check how cleaned nodes hang together and turn them into a graph.

    Args:
        source: name of the source.
        ids: the ids of ``nodes``.
        nodes: targets and groups by own id.
        attribute_parents: the hierarchy over attributes.
        attributes: attributes to keep even where no node and no hierarchy names them.
        report: what cleaning did.

    Raises:
        CycleError: parents, of nodes or of attributes, lead back to their own child.
        DanglingParentError: a parent does not exist.
        GraphError: a product is named as a parent.
    """
    _check_parents(nodes)
    refuse_cycles(attribute_parents)
    ordered = [nodes[own] for own in ids]
    return _assemble(source, ids, ordered, attribute_parents, set(attributes), report or CleaningReport())


def _read_nodes(nodes: dict[Id, Node], table: Table, what: str, parent_column: str, tally: _Tally) -> None:
    """Read one table of categories or products into ``nodes``."""
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
            if kind == "moment":
                try:
                    moment = as_number(row[column])
                except InputError as error:
                    raise InputError(f"Row {row_number} of the {what} table (id {own!r}), {column}: {error}") from None
                if not math.isnan(moment):
                    node.features[column] = moment
                continue
            if kind == "feature":
                value = row[column]
                if value is not None and not math.isnan(value):
                    if math.isinf(value):
                        raise InputError(f"Row {row_number} of the {what} table (id {own!r}) has an infinite {column}.")
                    node.features[column] = float(value)
                continue
            for value in _several(row[column]):
                if text := tally.text(str(value).lower() if isinstance(value, bool) else value):
                    node.attributes[Attribute(column, text)] = 1.0
        known = nodes.get(own)
        if known is None:
            nodes[own] = node
            tally.kept += 1
        elif known == node:
            tally.dropped["exact duplicate"] += 1
        else:
            raise DuplicateIdError(
                f"The id {own!r} stands twice with different content (row {row_number} of the {what} table); "
                "ids must be unique over categories and products."
            )


def _check_group(frame: nw.DataFrame[Any], what: str) -> None:
    """Refuse texts, since even "false" would count as true."""
    dtype = frame.schema.get("group", nw.Boolean())
    if not (dtype in (nw.Boolean, nw.Unknown) or dtype.is_integer()):
        raise InputError(f"Column 'group' of the {what} table is of type {dtype}; give true or false.")


def _column_kinds(frame: nw.DataFrame[Any], what: str, fixed: set[str]) -> dict[str, str]:
    """Say of every further column whether it is a feature, an attribute or about availability."""
    kinds: dict[str, str] = {}
    for column, dtype in frame.schema.items():
        if column in fixed:
            continue
        if column in RESERVED:
            raise GraphError(f"The {what} table has a column {column!r}, a name the store keeps for itself; rename it.")
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


def _read_attribute_edges(nodes: dict[Id, Node], table: Table, tally: _Tally, what: str = "attributes") -> None:
    """Read the long table of attribute edges; weights of the same edge add up."""
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


def _read_attribute_parents(table: Table, tally: _Tally) -> dict[Attribute, list[Attribute]]:
    frame = read_frame(table, "attribute parents", ("name", "value", "parent_value"))
    found: dict[Attribute, set[Attribute]] = {}
    for row_number, row in enumerate(frame.iter_rows(named=True), start=1):
        name, value, parent = (tally.text(row[column]) for column in ("name", "value", "parent_value"))
        if not (name and value and parent):
            raise GraphError(f"Row {row_number} of the attribute parents table has an empty field.")
        found.setdefault(Attribute(name, value), set()).add(Attribute(name, parent))
    return {attribute: sorted(above) for attribute, above in found.items()}


def _check_parents(nodes: Mapping[Id, Node]) -> None:
    for own, node in nodes.items():
        for parent in node.parents:
            above = nodes.get(parent)
            if above is None:
                raise DanglingParentError(
                    f"{_kind(node)} {own!r} names the parent {parent!r}, which does not exist; "
                    "add that category or correct the id."
                )
            if above.product:
                raise GraphError(f"{_kind(node)} {own!r} names the product {parent!r} as its parent; use a category.")
    refuse_cycles({own: node.parents for own, node in nodes.items()})


def _kind(node: Node) -> str:
    return "Product" if node.product else "Category"


def refuse_cycles(parents: Mapping[_T, list[_T]]) -> None:
    """Refuse parents that lead back to their own child.

    Raises:
        CycleError: with the cycle.
    """
    try:
        graphlib.TopologicalSorter(parents).prepare()
    except graphlib.CycleError as error:
        cycle = error.args[1]
        shown = " -> ".join(str(step) for step in cycle[:10]) + (" -> ..." if len(cycle) > 10 else "")
        raise CycleError(f"The parents run in a cycle: {shown}; remove one of these parent links.") from None


def _assemble(
    source: str,
    ids: Ids,
    nodes: list[Node],
    parents_of: Mapping[Attribute, list[Attribute]],
    attributes: set[Attribute],
    report: CleaningReport,
) -> CatalogGraph:
    """Turn checked nodes (in the order of ``ids``) into arrays."""
    attributes |= {attribute for node in nodes for attribute in node.attributes}
    attributes |= set(parents_of) | {parent for above in parents_of.values() for parent in above}
    ordered = tuple(sorted(attributes))
    place = {attribute: i for i, attribute in enumerate(ordered)}
    up = [(i, ids.position(p), node.product) for i, node in enumerate(nodes) for p in node.parents]
    numbers = {
        name: frozen([node.features.get(name, math.nan) for node in nodes], np.float64)
        for name in sorted({name for node in nodes for name in node.features})
    }
    return CatalogGraph(
        source=source,
        ids=ids,
        names=tuple(node.name for node in nodes),
        texts=tuple(node.text for node in nodes),
        is_product=frozen([node.product for node in nodes], np.bool_),
        is_group=frozen([node.group for node in nodes], np.bool_),
        features={name: column for name, column in numbers.items() if name not in AVAILABILITY},
        attributes=ordered,
        edges={
            Relation.CHILD_OF: _edges((i, p, 1.0) for i, p, product in up if not product),
            Relation.IN_CATEGORY: _edges((i, p, 1.0) for i, p, product in up if product),
            Relation.HAS_ATTRIBUTE: _edges(
                (i, place[attribute], weight)
                for i, node in enumerate(nodes)
                for attribute, weight in node.attributes.items()
            ),
            Relation.ATTRIBUTE_CHILD_OF: _edges(
                (place[attribute], place[parent], 1.0) for attribute, above in parents_of.items() for parent in above
            ),
        },
        report=report,
        availability={name: column for name, column in numbers.items() if name in AVAILABILITY},
    )


def _edges(rows: Iterable[tuple[int, int, float]]) -> Edges:
    ordered = sorted(rows)
    return Edges(
        frozen([tail for tail, _, _ in ordered], np.int64),
        frozen([head for _, head, _ in ordered], np.int64),
        frozen([weight for _, _, weight in ordered], np.float64),
    )


def _several(value: Any) -> list[Any]:
    """A cell as a list: nothing, one value, or the members of a list column."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return []
    if isinstance(value, str | int | float):
        return [value]
    return [member for member in value if member is not None]
