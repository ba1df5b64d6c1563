"""More targets and edges for a graph that exists: only what is new is checked, and what is there keeps its position."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ..arrays import FloatArray, IntArray
from ..errors import DanglingParentError, DuplicateIdError, GraphError, InputError, name_some
from .availability import AVAILABILITY
from .build import Node, read_edges, read_nodes, refuse_cycles
from .catalog import Attribute, CatalogGraph, Edges, Relation, frozen
from .frames import Table, read_frame
from .ids import Id, Ids

_TREE = (Relation.CHILD_OF, Relation.IN_CATEGORY)
_NONE: IntArray = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Addition:
    """What a graph is to have more.

    Attributes:
        nodes: new targets and groups by own id.
        parents: id of a target that is there -> all its parents from now on.
        attributes: id of a target that is there -> attributes with weights that it has besides or in place of the old.
        above: value of an attribute -> wider values.
    """

    nodes: Mapping[Id, Node] = field(default_factory=dict)
    parents: Mapping[Id, list[Id]] = field(default_factory=dict)
    attributes: Mapping[Id, Mapping[Attribute, float]] = field(default_factory=dict)
    above: Mapping[Attribute, list[Attribute]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Extended:
    """A graph with more in it.

    Attributes:
        graph: what was there stands where it stood, what is new behind it in ascending order.
        touched: positions of all that is described otherwise than before, new ones included, ascending.
    """

    graph: CatalogGraph
    touched: IntArray


def read_addition(graph: CatalogGraph, targets: Table | CatalogGraph | None, edges: Table | None) -> Addition:
    """Read what is to be added.

    Args:
        graph: what it is added to.
        targets: a categories table as :meth:`CatalogGraph.from_tables` takes, a products table (one with the column
            ``category_id``), or a graph; targets in that one that are there already say the same as before, and what
            edges they have more counts as ``edges``.
        edges: columns ``id``, ``name``, ``value`` and optional ``weight``: attributes of new targets or of those that
            are there. Under the name ``CHILD_OF`` (of products ``IN_CATEGORY``) the values are ids of parents, which
            replace those that the target has.

    Raises:
        GraphError: a target that is there already says something else, or a cell is wrong.
        InputError: a table cannot be used.
    """
    if targets is None and edges is None:
        raise InputError("There is nothing to add; give targets or edges.")
    if isinstance(targets, CatalogGraph):
        found = _from_graph(graph, targets)
    elif targets is not None:
        is_products = "category_id" in read_frame(targets, "targets", ("id",)).columns
        found = Addition(read_nodes(products=targets) if is_products else read_nodes(targets))
    else:
        found = Addition()
    if not found.nodes and not found.parents and not found.attributes and not found.above and edges is None:
        raise InputError("There is nothing to add: every target and every edge of the graph given is there already.")
    return found if edges is None else _with_edges(graph, found, edges)


def _with_edges(graph: CatalogGraph, found: Addition, edges: Table) -> Addition:
    nodes, parents = dict(found.nodes), dict(found.parents)
    attributes = {own: dict(further) for own, further in found.attributes.items()}
    given = read_edges(edges, {*graph.ids.values, *nodes})
    parse = graph.ids.parse
    for own, further in given.items():
        up = [parse(a.value) for a in further if a.name in (relation.value for relation in _TREE)]
        plain = {a: weight for a, weight in further.items() if a.name not in (relation.value for relation in _TREE)}
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
                f"The target {own!r} is there already and says something else of itself; leave it out, give it another "
                "id, or fit again."
            )
        if new.parents and sorted(new.parents, key=str) != sorted(old.parents, key=str):
            parents[own] = new.parents
        further = {a: weight for a, weight in new.attributes.items() if old.attributes.get(a) != weight}
        if further:
            attributes[own] = further
    up = given.edges[Relation.ATTRIBUTE_CHILD_OF]
    held = set(_hierarchy(graph))
    above: dict[Attribute, list[Attribute]] = {}
    for tail, head in _hierarchy(given) if len(up) else ():
        if (tail, head) not in held:
            above.setdefault(tail, []).append(head)
    return Addition(nodes, parents, attributes, above)


def nodes_of(graph: CatalogGraph, positions: Iterable[int] | None = None) -> dict[Id, Node]:
    """What a graph says of some of its targets and groups (of all: None)."""
    wanted = list(range(len(graph))) if positions is None else [int(position) for position in positions]
    names, own = sorted(graph.numbers), graph.ids.values
    found: dict[Id, Node] = {}
    for i in wanted:
        numbers = {name: float(graph.numbers[name][i]) for name in names}
        found[own[i]] = Node(
            name=graph.names[i],
            text=graph.texts[i],
            product=bool(graph.is_product[i]),
            group=bool(graph.is_group[i]),
            parents=[],
            attributes={},
            features={name: value for name, value in numbers.items() if not math.isnan(value)},
        )
    for relation in _TREE:
        for tail, head, _ in _rows(graph, relation):
            if own[tail] in found:
                found[own[tail]].parents.append(own[head])
    for tail, head, weight in _rows(graph, Relation.HAS_ATTRIBUTE):
        if own[tail] in found:
            found[own[tail]].attributes[graph.attributes[head]] = weight
    return found


def _rows(graph: CatalogGraph, relation: Relation) -> Iterable[tuple[int, int, float]]:
    edges = graph.edges[relation]
    return zip(edges.tail.tolist(), edges.head.tolist(), edges.weight.tolist(), strict=True)


def _hierarchy(graph: CatalogGraph) -> list[tuple[Attribute, Attribute]]:
    rows = _rows(graph, Relation.ATTRIBUTE_CHILD_OF)
    return [(graph.attributes[tail], graph.attributes[head]) for tail, head, _ in rows]


def extend_graph(graph: CatalogGraph, addition: Addition) -> Extended:
    """Add targets and edges; what that costs in Python grows with what is added alone, the rest is copied arrays.

    Raises:
        DuplicateIdError: a new target has the id of one that is there.
        DanglingParentError: a parent does not exist.
        CycleError: parents lead back to their own child.
        GraphError: a product is named as a parent.
        InputError: ids of another type, a feature or an attribute of a name that the graph does not know.
    """
    _check_names(graph, addition)
    _check_parents(graph, addition)
    size, added = len(graph), sorted(addition.nodes, key=lambda own: (isinstance(own, str), own))
    nodes = [addition.nodes[own] for own in added]
    ids = Ids((*graph.ids.values, *added), "target")
    attributes = _attributes(graph, addition)
    place = {attribute: position for position, attribute in enumerate(attributes)}
    more: dict[Relation, list[tuple[int, int, float]]] = {relation: [] for relation in Relation}
    for own, node in addition.nodes.items():
        more[_up(node.product)] += [(ids.position(own), ids.position(parent), 1.0) for parent in node.parents]
        more[Relation.HAS_ATTRIBUTE] += [(ids.position(own), place[a], w) for a, w in node.attributes.items()]
    for own, parents in addition.parents.items():
        tail = ids.position(own)
        more[_up(bool(graph.is_product[tail]))] += [(tail, ids.position(parent), 1.0) for parent in parents]
    for own, further in addition.attributes.items():
        more[Relation.HAS_ATTRIBUTE] += [(ids.position(own), place[a], weight) for a, weight in further.items()]
    for narrow, above in addition.above.items():
        more[Relation.ATTRIBUTE_CHILD_OF] += [(place[narrow], place[wide], 1.0) for wide in above]
    moved = ids.positions(addition.parents)
    numbers = {
        name: frozen(np.append(column, [node.features.get(name, math.nan) for node in nodes]), np.float64)
        for name, column in (_unknown_moments(graph, nodes) | dict(graph.numbers)).items()
    }
    made = CatalogGraph(
        source=graph.source,
        ids=ids,
        names=(*graph.names, *(node.name for node in nodes)),
        texts=(*graph.texts, *(node.text for node in nodes)),
        is_product=frozen(np.append(graph.is_product, [node.product for node in nodes]), np.bool_),
        is_group=frozen(np.append(graph.is_group, [node.group for node in nodes]), np.bool_),
        features={name: column for name, column in numbers.items() if name not in AVAILABILITY},
        attributes=attributes,
        edges={
            relation: _joined(graph.edges[relation], rows, moved if relation in _TREE else _NONE)
            for relation, rows in more.items()
        },
        report=graph.report,
        availability={name: column for name, column in numbers.items() if name in AVAILABILITY},
    )
    heads = np.array([head for relation in _TREE for _, head, _ in more[relation]], dtype=np.int64)
    general = np.setdiff1d(heads, graph.parents.indices)
    wider = carriers(made, np.array([tail for tail, _, _ in more[Relation.ATTRIBUTE_CHILD_OF]], dtype=np.int64))
    touched = [np.arange(size, len(made)), moved, ids.positions(addition.attributes), general, wider]
    return Extended(made, np.unique(np.concatenate(touched)))


def _up(product: bool) -> Relation:
    return Relation.IN_CATEGORY if product else Relation.CHILD_OF


def _check_names(graph: CatalogGraph, addition: Addition) -> None:
    there: list[object] = [own for own in addition.nodes if own in graph.ids]
    if there:
        plural = "targets {} are" if len(there) > 1 else "target {} is"
        raise DuplicateIdError(
            f"The {plural.format(name_some(there))} there already; give new ones other ids, or give what "
            "is known of old ones by now as edges."
        )
    Ids.of([*addition.nodes, *graph.ids.values[:1]], "target")
    features = {name for node in addition.nodes.values() for name in node.features} - {*graph.features, *AVAILABILITY}
    given = (*(node.attributes for node in addition.nodes.values()), *addition.attributes.values(), addition.above)
    names = {attribute.name for several in given for attribute in several} - {a.name for a in graph.attributes}
    for what, unknown, held in (
        ("feature", features, sorted(graph.features)),
        ("attribute", names, sorted({a.name for a in graph.attributes})),
    ):
        if unknown:
            raise InputError(
                f"The catalog has no {what} {name_some([*sorted(unknown)])} (it has: {', '.join(held) or 'none'}), so "
                "nothing is known of how much it counts; leave the column out, correct its name, or fit again."
            )


def _check_parents(graph: CatalogGraph, addition: Addition) -> None:
    given = {**{own: node.parents for own, node in addition.nodes.items()}, **addition.parents}
    for own, parents in given.items():
        for parent in parents:
            if parent in addition.nodes:
                product = addition.nodes[parent].product
            elif parent in graph.ids:
                product = bool(graph.is_product[graph.ids.position(parent)])
            else:
                raise DanglingParentError(
                    f"The target {own!r} names the parent {parent!r}, which does not exist; add that category or "
                    "correct the id."
                )
            if product:
                raise GraphError(f"The target {own!r} names the product {parent!r} as its parent; use a category.")
    walked: dict[Id, list[Id]] = {}
    frontier = list(given) if addition.parents else []  # without moves no old target can lead to a new one
    while frontier:
        own = frontier.pop()
        if own not in walked:
            walked[own] = given[own] if own in given else _parents_of(graph, own)
            frontier += walked[own]
    refuse_cycles(walked or {own: [p for p in parents if p in given] for own, parents in given.items()})
    if addition.above:
        hierarchy: dict[Attribute, list[Attribute]] = {tail: list(heads) for tail, heads in addition.above.items()}
        for tail, head in _hierarchy(graph):
            hierarchy.setdefault(tail, []).append(head)
        refuse_cycles(hierarchy)


def _parents_of(graph: CatalogGraph, own: Id) -> list[Id]:
    row, parents = graph.ids.position(own), graph.parents
    return [graph.ids.values[int(p)] for p in parents.indices[parents.indptr[row] : parents.indptr[row + 1]]]


def _attributes(graph: CatalogGraph, addition: Addition) -> tuple[Attribute, ...]:
    """Those of the graph, then the new ones in ascending order."""
    given = (*(node.attributes for node in addition.nodes.values()), *addition.attributes.values(), addition.above)
    wanted = {attribute for several in given for attribute in several}
    wanted |= {head for above in addition.above.values() for head in above}
    return (*graph.attributes, *sorted(wanted - set(graph.attributes)))


def _unknown_moments(graph: CatalogGraph, nodes: list[Node]) -> dict[str, FloatArray]:
    """Columns of availability that the graph has not yet."""
    names = {name for node in nodes for name in node.features if name in AVAILABILITY}
    return {name: np.full(len(graph), np.nan) for name in sorted(names)}


def _joined(edges: Edges, rows: list[tuple[int, int, float]], moved: IntArray) -> Edges:
    """Edges without those of moved tails, and further ones, which replace those with the same ends."""
    if not rows and not len(moved):
        return edges
    tail, head, weight = (np.array(part) for part in (zip(*rows, strict=True) if rows else ((), (), ())))
    tail, head = tail.astype(np.int64), head.astype(np.int64)
    stale = np.isin(edges.tail, moved)
    for t, h in zip(tail.tolist(), head.tolist(), strict=True):
        if len(edges) and t <= edges.tail[-1]:
            stale |= (edges.tail == t) & (edges.head == h)
    kept = (part[~stale] if stale.any() else part for part in (edges.tail, edges.head, edges.weight))
    parts = [np.concatenate(pair) for pair in zip(kept, (tail, head, weight), strict=True)]
    order = np.lexsort((parts[1], parts[0]))
    return Edges(
        frozen(parts[0][order], np.int64), frozen(parts[1][order], np.int64), frozen(parts[2][order], np.float64)
    )


def carriers(graph: CatalogGraph, attributes: IntArray) -> IntArray:
    """Targets that have one of some attributes, or a narrower value below one, ascending."""
    if not len(attributes):
        return _NONE
    up = graph.edges[Relation.ATTRIBUTE_CHILD_OF]
    wanted = np.zeros(len(graph.attributes), dtype=np.bool_)
    frontier = np.unique(attributes)
    while len(frontier):
        wanted[frontier] = True
        lower = np.unique(up.tail[np.isin(up.head, frontier)])
        frontier = lower[~wanted[lower]]
    has = graph.edges[Relation.HAS_ATTRIBUTE]
    return np.unique(has.tail[wanted[has.head]])


def with_descendants(graph: CatalogGraph, positions: IntArray) -> IntArray:
    """Some targets and groups and all that stand below them, ascending."""
    found = np.zeros(len(graph), dtype=np.bool_)
    found[positions] = True
    children, frontier = graph.parents.T.tocsr(), positions
    while len(frontier):
        reached = np.unique(children[frontier].indices).astype(np.int64)
        frontier = reached[~found[reached]]
        found[frontier] = True
    return np.flatnonzero(found)


def changed_between(old: CatalogGraph, new: CatalogGraph) -> IntArray:
    """Positions of targets and groups of which another graph of the source says something else, ascending.

    These are new ones, those with another name, text, number, attribute or parent, those that something stands below by
    now, and those with a value of an attribute whose wider values are others. What stands below them is not named.
    """
    before, after = nodes_of(old), nodes_of(new)
    for nodes in (before, after):
        for node in nodes.values():
            node.parents.sort(key=str)
    touched = {position for position, own in enumerate(new.ids) if before.get(own) != after[own]}
    once = {old.ids.values[position] for position in np.unique(old.parents.indices).tolist()}
    now = np.unique(new.parents.indices).tolist()
    touched |= {position for position in now if new.ids.values[position] not in once}
    place = {attribute: position for position, attribute in enumerate(new.attributes)}
    inside = set(_hierarchy(old)) ^ set(_hierarchy(new))
    narrow = np.array(sorted({place[tail] for tail, _ in inside if tail in place}), dtype=np.int64)
    return np.union1d(np.array(sorted(touched), dtype=np.int64), carriers(new, narrow))
