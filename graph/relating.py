"""A catalog graph with more attributes than its source gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from .catalog import Attribute, CatalogGraph, Edges, Relation, frozen


def with_attributes(graph: CatalogGraph, further: Sequence[Mapping[Attribute, float]]) -> CatalogGraph:
    """Give targets and groups further attributes.

    Args:
        graph: the graph of n targets and groups.
        further: of each, n: attributes that it does not have -> weight above 0.

    Returns:
        Another graph; attributes stand in ascending order again.
    """
    attributes = tuple(sorted({*graph.attributes, *(attribute for own in further for attribute in own)}))
    place = {attribute: position for position, attribute in enumerate(attributes)}
    where = np.array([place[attribute] for attribute in graph.attributes], dtype=np.int64)
    more = [(i, place[attribute], weight) for i, own in enumerate(further) for attribute, weight in own.items()]
    has, up = graph.edges[Relation.HAS_ATTRIBUTE], graph.edges[Relation.ATTRIBUTE_CHILD_OF]
    tail = np.concatenate([has.tail, np.array([i for i, _, _ in more], dtype=np.int64)])
    head = np.concatenate([where[has.head], np.array([at for _, at, _ in more], dtype=np.int64)])
    weight = np.concatenate([has.weight, np.array([weight for _, _, weight in more])])
    order = np.lexsort((head, tail))
    edges = {
        **graph.edges,
        Relation.HAS_ATTRIBUTE: Edges(
            frozen(tail[order], np.int64), frozen(head[order], np.int64), frozen(weight[order], np.float64)
        ),
        Relation.ATTRIBUTE_CHILD_OF: Edges(
            frozen(where[up.tail], np.int64), frozen(where[up.head], np.int64), up.weight
        ),
    }
    return replace(graph, attributes=attributes, edges=edges)
