"""A catalog graph as nodes, the form in which sources describe it."""

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
    """Some targets and groups of a graph (None: all) by own id."""
    wanted = range(len(graph)) if positions is None else [int(position) for position in positions]
    columns = [(name, column.tolist()) for name, column in sorted(graph.numbers.items())]
    own = graph.ids.values
    found: dict[Id, Node] = {}
    for i in wanted:
        found[own[i]] = Node(
            name=graph.names[i],
            text=graph.texts[i],
            product=bool(graph.is_product[i]),
            group=bool(graph.is_group[i]),
            parents=[],
            attributes={},
            features={name: value for name, column in columns if not math.isnan(value := column[i])},
        )
    for relation in TAXONOMY:
        for tail, head, _ in graph.edges[relation].rows:
            if own[tail] in found:
                found[own[tail]].parents.append(own[head])
    for tail, head, weight in graph.edges[Relation.HAS_ATTRIBUTE].rows:
        if own[tail] in found:
            found[own[tail]].attributes[graph.attributes[head]] = weight
    return found


def attribute_hierarchy(graph: CatalogGraph) -> list[tuple[Attribute, Attribute]]:
    """The hierarchy over attributes as pairs (value, wider value)."""
    rows = graph.edges[Relation.ATTRIBUTE_CHILD_OF].rows
    return [(graph.attributes[tail], graph.attributes[head]) for tail, head, _ in rows]
