"""Which targets and groups a change of the graph touches: their description is another one afterwards."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import scipy.sparse as sp

from ...arrays import IntArray
from .graph import CatalogGraph
from .nodes import TAXONOMY
from .schema import Relation
from .traversal import reached


def targets_with_attributes(graph: CatalogGraph, attributes: IntArray) -> IntArray:
    """Targets that have one of some attributes, or a narrower value below one, ascending."""
    has, narrower = graph.edges[Relation.HAS_ATTRIBUTE], sp.csr_array(graph.attribute_parents.T)
    return np.unique(has.tail[np.isin(has.head, reached(narrower, attributes))])


def with_descendants(graph: CatalogGraph, positions: IntArray) -> IntArray:
    """Some targets and groups and all their descendants, ascending."""
    return reached(graph.children, positions)


def touched_by(graph: CatalogGraph, keys: Iterable[str], attribute_keys: Iterable[str]) -> IntArray:
    """Targets and groups with some store keys, and those below some attributes, ascending; unknown keys are ignored."""
    own, attributes = _positions(graph.keys, keys), _positions(graph.attribute_keys, attribute_keys)
    return np.union1d(own, targets_with_attributes(graph, attributes))


def changed_between(old: CatalogGraph, new: CatalogGraph) -> IntArray:
    """Positions in ``new`` of the targets and groups that differ from another graph of the source, ascending.

    These are new or have other content, attributes, parents, wider values, or first children; descendants are left out.
    """
    old = old.with_source(new.source)
    keys = {key for key, *_ in _rows(old) ^ _rows(new)}
    for relation in (*TAXONOMY, Relation.HAS_ATTRIBUTE):
        keys |= {tail for tail, _, _ in _edges(old, relation) ^ _edges(new, relation)}
    once, now = ({head for relation in TAXONOMY for _, head in graph.edge_keys(relation)} for graph in (old, new))
    attributes = set(old.edge_keys(Relation.ATTRIBUTE_CHILD_OF)) ^ set(new.edge_keys(Relation.ATTRIBUTE_CHILD_OF))
    return touched_by(new, keys | (now - once), {tail for tail, _ in attributes})


def _rows(graph: CatalogGraph) -> set[tuple[str, str, bool]]:
    return set(zip(graph.keys, graph.node_hashes, graph.is_group.tolist(), strict=True))


def _edges(graph: CatalogGraph, relation: Relation) -> set[tuple[str, str, float]]:
    return {
        (*ends, weight)
        for ends, (_, _, weight) in zip(graph.edge_keys(relation), graph.edges[relation].rows, strict=True)
    }


def _positions(keys: Iterable[str], wanted: Iterable[str]) -> IntArray:
    chosen = set(wanted)
    return np.array([position for position, key in enumerate(keys) if key in chosen], dtype=np.int64)
