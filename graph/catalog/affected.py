"""What a change of the graph touches: which targets are described differently afterwards."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ...arrays import IntArray
from .graph import CatalogGraph
from .nodes import attribute_hierarchy, nodes_of
from .schema import Relation
from .traversal import reached


def targets_with_attributes(graph: CatalogGraph, attributes: IntArray) -> IntArray:
    """Targets that have one of some attributes, or a narrower value below one, ascending."""
    up = graph.edges[Relation.ATTRIBUTE_CHILD_OF]
    size = len(graph.attributes)
    narrower = sp.csr_array((np.ones(len(up)), (up.head, up.tail)), shape=(size, size))
    wanted = np.zeros(size, dtype=np.bool_)
    wanted[reached(narrower, attributes)] = True
    has = graph.edges[Relation.HAS_ATTRIBUTE]
    return np.unique(has.tail[wanted[has.head]])


def with_descendants(graph: CatalogGraph, positions: IntArray) -> IntArray:
    """Some targets and groups and all that stand below them, ascending."""
    return reached(graph.children, positions)


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
    inside = set(attribute_hierarchy(old)) ^ set(attribute_hierarchy(new))
    narrow = np.array(sorted({place[tail] for tail, _ in inside if tail in place}), dtype=np.int64)
    return np.union1d(np.array(sorted(touched), dtype=np.int64), targets_with_attributes(new, narrow))
