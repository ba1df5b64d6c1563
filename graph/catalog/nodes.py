"""A catalog graph read back as nodes, the form in which sources describe it."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from ...arrays import IntArray
from ..ids import Id
from .graph import CatalogGraph
from .schema import Attribute, Node, Relation

TAXONOMY = (Relation.CHILD_OF, Relation.IN_CATEGORY)
NO_POSITIONS: IntArray = np.empty(0, dtype=np.int64)


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
    for relation in TAXONOMY:
        for tail, head, _ in edge_triples(graph, relation):
            if own[tail] in found:
                found[own[tail]].parents.append(own[head])
    for tail, head, weight in edge_triples(graph, Relation.HAS_ATTRIBUTE):
        if own[tail] in found:
            found[own[tail]].attributes[graph.attributes[head]] = weight
    return found


def edge_triples(graph: CatalogGraph, relation: Relation) -> Iterable[tuple[int, int, float]]:
    """The edges of one relation as rows (tail, head, weight)."""
    edges = graph.edges[relation]
    return zip(edges.tail.tolist(), edges.head.tolist(), edges.weight.tolist(), strict=True)


def attribute_hierarchy(graph: CatalogGraph) -> list[tuple[Attribute, Attribute]]:
    """The hierarchy over attributes as pairs (value, wider value)."""
    rows = edge_triples(graph, Relation.ATTRIBUTE_CHILD_OF)
    return [(graph.attributes[tail], graph.attributes[head]) for tail, head, _ in rows]
