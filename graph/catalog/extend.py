"""Targets and edges added to a graph: only what is new is checked, and what is there keeps its position."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ...arrays import FloatArray, IntArray
from ...display import short_repr
from ...errors import DuplicateIdError, InputError, name_some
from ..frames import Table, read_frame
from ..ids import Id, Ids
from ..reading.table_schema import Role, TableReading, TableSchema
from .affected import targets_with_attributes
from .availability import AVAILABILITY
from .build import check_parents, refuse_cycles_in, split_numbers
from .graph import CatalogGraph
from .long_tables import read_edges
from .nodes import NO_POSITIONS, TAXONOMY, attribute_hierarchy, nodes_of
from .schema import Attribute, Edges, Node, Relation, frozen
from .tables import read_nodes


@dataclass(frozen=True)
class Addition:
    """What is added to a graph.

    Attributes:
        nodes: new targets and groups by own id.
        parents: id of a known target -> all its parents from now on.
        attributes: id of a known target -> attributes with weights that it has besides or in place of the old.
        above: value of an attribute -> further wider values.
    """

    nodes: Mapping[Id, Node] = field(default_factory=dict)
    parents: Mapping[Id, list[Id]] = field(default_factory=dict)
    attributes: Mapping[Id, Mapping[Attribute, float]] = field(default_factory=dict)
    above: Mapping[Attribute, list[Attribute]] = field(default_factory=dict)

    __repr__ = short_repr

    @property
    def all_parents(self) -> dict[Id, list[Id]]:
        """The parents of new targets, and of those that get other ones."""
        return {**{own: node.parents for own, node in self.nodes.items()}, **self.parents}

    @property
    def all_attributes(self) -> dict[Id, Mapping[Attribute, float]]:
        """The attributes of new targets, and the further ones of known ones."""
        return {**{own: node.attributes for own, node in self.nodes.items()}, **self.attributes}


@dataclass(frozen=True, eq=False)
class Extended:
    """An extended graph, known positions kept; ``touched``: positions with a changed description or new, ascending."""

    graph: CatalogGraph
    touched: IntArray

    __repr__ = short_repr


def read_addition(graph: CatalogGraph, targets: Table | CatalogGraph | None, edges: Table | None) -> Addition:
    """Read what is to be added to a graph; GraphError for a known target with other content or a wrong cell.

    ``targets``: a categories table as of :meth:`CatalogGraph.from_tables`, a products table (with ``category_id``), or
    a graph, whose known targets are as before but for further edges. ``edges``: columns ``id``, ``name``, ``value`` and
    optional ``weight``, attributes of new or known targets; under the name ``CHILD_OF`` (of products ``IN_CATEGORY``)
    values are ids of parents, which replace those of the target.
    """
    if targets is None and edges is None:
        raise InputError("There is nothing to add; give targets or edges.")
    if isinstance(targets, CatalogGraph):
        found = _from_graph(graph, targets)
    elif targets is not None:
        columns = read_frame(targets, "targets", ("id",)).columns
        is_products = "category_id" in columns
        reading = TableReading(roles=_roles_at_fit(graph, columns))
        schema = TableSchema({"products" if is_products else "categories": reading})
        nodes = read_nodes(products=targets, schema=schema) if is_products else read_nodes(targets, schema=schema)
        found = Addition(nodes)
    else:
        found = Addition()
    if not found.nodes and not found.parents and not found.attributes and not found.above and edges is None:
        raise InputError("There is nothing to add: the graph knows every target and every edge given.")
    return found if edges is None else _with_edges(graph, found, edges)


def _roles_at_fit(graph: CatalogGraph, columns: Iterable[str]) -> dict[str, Role]:
    """The role of each column that the graph knows by one, so that few rows are read as all were."""
    known: dict[str, Role] = {column.column: "ignore" for column in graph.report.columns if column.role == "ignored"}
    attributes = {attribute.name for attribute in graph.attributes}
    known |= dict.fromkeys(attributes - graph.features.keys(), "attribute")
    known |= dict.fromkeys(graph.features.keys() - attributes, "number")
    return {column: known[column] for column in columns if column in known}


def _with_edges(graph: CatalogGraph, found: Addition, edges: Table) -> Addition:
    nodes, parents = dict(found.nodes), dict(found.parents)
    attributes = {own: dict(further) for own, further in found.attributes.items()}
    given = read_edges(edges, {*graph.ids.values, *nodes})
    parse = graph.ids.parse
    for own, further in given.items():
        up = [parse(a.value) for a in further if a.name in TAXONOMY]
        plain = {a: weight for a, weight in further.items() if a.name not in TAXONOMY}
        if own in nodes:
            node = nodes[own]
            nodes[own] = replace(node, parents=up or node.parents, attributes={**node.attributes, **plain})
            continue
        if up:
            parents[own] = up
        if plain:
            attributes.setdefault(own, {}).update(plain)
    return Addition(nodes, parents, attributes, found.above)


def _from_graph(graph: CatalogGraph, given: CatalogGraph) -> Addition:
    there = graph.ids.find(given.ids)
    nodes = nodes_of(given)
    known = nodes_of(graph, there[there >= 0])
    parents: dict[Id, list[Id]] = {}
    attributes: dict[Id, dict[Attribute, float]] = {}
    for own, old in known.items():
        new = nodes.pop(own)
        same = (new.name, new.text, new.product, new.features) == (old.name, old.text, old.product, old.features)
        if not same:
            raise DuplicateIdError(
                f"The target {own!r} is known with other content; leave it out, give it another id, or fit again."
            )
        if new.parents and sorted(new.parents, key=str) != sorted(old.parents, key=str):
            parents[own] = new.parents
        further = {a: weight for a, weight in new.attributes.items() if old.attributes.get(a) != weight}
        if further:
            attributes[own] = further
    held = set(attribute_hierarchy(graph))
    above: dict[Attribute, list[Attribute]] = {}
    for tail, head in attribute_hierarchy(given):
        if (tail, head) not in held:
            above.setdefault(tail, []).append(head)
    return Addition(nodes, parents, attributes, above)


def extend_graph(graph: CatalogGraph, addition: Addition) -> Extended:
    """Add targets and edges; Python loops over the addition alone, the rest is array operations.

    Raises as :func:`assemble`, DuplicateIdError for a new target with a known id, InputError for ids of another type
    and for features or attributes of unknown names.
    """
    _check_names(graph, addition)
    _check_parents(graph, addition)
    size, added = len(graph), sorted(addition.nodes, key=lambda own: (isinstance(own, str), own))
    nodes = [addition.nodes[own] for own in added]
    ids = Ids((*graph.ids.values, *added), "target")
    attributes = _attributes(graph, addition)
    place = {attribute: position for position, attribute in enumerate(attributes)}
    is_product = np.append(graph.is_product, [node.product for node in nodes])
    rows: dict[Relation, list[tuple[int, int, float]]] = {relation: [] for relation in Relation}
    for own, parents in addition.all_parents.items():
        tail = ids.position(own)
        up = rows[Relation.IN_CATEGORY if is_product[tail] else Relation.CHILD_OF]
        up += [(tail, ids.position(parent), 1.0) for parent in parents]
    for own, further in addition.all_attributes.items():
        tail = ids.position(own)
        rows[Relation.HAS_ATTRIBUTE] += [(tail, place[attribute], weight) for attribute, weight in further.items()]
    for value, above in addition.above.items():
        rows[Relation.ATTRIBUTE_CHILD_OF] += [(place[value], place[wide], 1.0) for wide in above]
    moved = ids.positions(addition.parents)
    numbers = {
        name: frozen(np.append(column, [node.features.get(name, math.nan) for node in nodes]), np.float64)
        for name, column in (_unknown_moments(graph, nodes) | dict(graph.numbers)).items()
    }
    features, availability = split_numbers(numbers)
    extended = CatalogGraph(
        source=graph.source,
        ids=ids,
        names=(*graph.names, *(node.name for node in nodes)),
        texts=(*graph.texts, *(node.text for node in nodes)),
        is_product=frozen(is_product, np.bool_),
        is_group=frozen(np.append(graph.is_group, [node.group for node in nodes]), np.bool_),
        features=features,
        availability=availability,
        attributes=attributes,
        edges={
            relation: _joined(graph.edges[relation], more, moved if relation in TAXONOMY else NO_POSITIONS)
            for relation, more in rows.items()
        },
        report=graph.report,
        groups_known=graph.groups_known,
    )
    refuse_cycles_in(extended.parents, ids.values)
    if addition.above:
        refuse_cycles_in(extended.attribute_parents, attributes)
    heads = np.array([head for relation in TAXONOMY for _, head, _ in rows[relation]], dtype=np.int64)
    general = np.setdiff1d(heads, graph.parents.indices)
    narrow = np.array([place[attribute] for attribute in addition.above], dtype=np.int64)
    wider = targets_with_attributes(extended, narrow)
    touched = [np.arange(size, len(extended)), moved, ids.positions(addition.attributes), general, wider]
    return Extended(extended, np.unique(np.concatenate(touched)))


def _check_names(graph: CatalogGraph, addition: Addition) -> None:
    there: list[object] = [own for own in addition.nodes if own in graph.ids]
    if there:
        plural = "targets {} are" if len(there) > 1 else "target {} is"
        raise DuplicateIdError(
            f"The {plural.format(name_some(there))} there already; give new ones other ids, and new facts on known "
            "ones as edges."
        )
    Ids.of([*addition.nodes, *graph.ids.values[:1]], "target")
    features = {name for node in addition.nodes.values() for name in node.features} - {*graph.features, *AVAILABILITY}
    given = (*addition.all_attributes.values(), addition.above)
    names = {attribute.name for several in given for attribute in several} - {a.name for a in graph.attributes}
    for what, unknown, held in (
        ("feature", features, sorted(graph.features)),
        ("attribute", names, sorted({a.name for a in graph.attributes})),
    ):
        if unknown:
            raise InputError(
                f"The catalog has no {what} {name_some([*sorted(unknown)])} (it has: {', '.join(held) or 'none'}), so "
                "the model has no weight for it; leave the column out, correct its name, or fit again."
            )


def _check_parents(graph: CatalogGraph, addition: Addition) -> None:
    def is_product(own: Id) -> bool | None:
        if own in addition.nodes:
            return addition.nodes[own].product
        return bool(graph.is_product[graph.ids.position(own)]) if own in graph.ids else None

    for own, parents in addition.all_parents.items():
        check_parents(own, parents, is_product)


def _attributes(graph: CatalogGraph, addition: Addition) -> tuple[Attribute, ...]:
    wanted = {attribute for several in (*addition.all_attributes.values(), addition.above) for attribute in several}
    wanted |= {head for above in addition.above.values() for head in above}
    return (*graph.attributes, *sorted(wanted - set(graph.attributes)))


def _unknown_moments(graph: CatalogGraph, nodes: list[Node]) -> dict[str, FloatArray]:
    names = {name for node in nodes for name in node.features if name in AVAILABILITY}
    return {name: np.full(len(graph), np.nan) for name in sorted(names)}


def _joined(edges: Edges, rows: list[tuple[int, int, float]], moved: IntArray) -> Edges:
    if not rows and not len(moved):
        return edges
    more = Edges.from_rows(rows)
    size = 1 + max(int(heads.max(initial=0)) for heads in (edges.head, more.head))
    pairs, new = (part.tail * size + part.head for part in (edges, more))
    kept = ~(np.isin(edges.tail, moved) | np.isin(pairs, new))
    return Edges.of(
        np.append(edges.tail[kept], more.tail),
        np.append(edges.head[kept], more.head),
        np.append(edges.weight[kept], more.weight),
    ).sorted()
