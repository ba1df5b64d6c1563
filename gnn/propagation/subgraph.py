"""Some targets with all their ancestors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ...arrays import FloatArray, IntArray
from ...display import short_repr
from ...graph import CatalogGraph, Relation
from ...graph.catalog.schema import Edges
from ...graph.catalog.traversal import reached


@dataclass(frozen=True, eq=False)
class Subgraph:
    """Some targets and groups with all their ancestors, so that messages reach them as in the whole graph."""

    nodes: IntArray  # their positions in the graph, ascending, int64 (v,)
    place: IntArray  # position of any target or group -> index among these, -1 outside, int64 (n,)
    names: tuple[str, ...]
    parents: sp.csr_array  # 0/1, CSR (v, v), row = child
    has: Edges  # attribute edges, from indices among these; of ancestors only where the ancestors were requested
    inside: Edges  # of the hierarchy over attributes
    features: Mapping[str, FloatArray]  # float64 (v,)

    __repr__ = short_repr

    @classmethod
    def whole(cls, graph: CatalogGraph) -> Subgraph:
        """The whole graph."""
        nodes, has = np.arange(len(graph)), graph.edges[Relation.HAS_ATTRIBUTE]
        inside = graph.edges[Relation.ATTRIBUTE_CHILD_OF]
        return cls(nodes, nodes, graph.names, graph.parents, has, inside, graph.features)

    @classmethod
    def above(cls, graph: CatalogGraph, targets: IntArray) -> Subgraph:
        """Some targets and their ancestors."""
        nodes = reached(graph.parents, targets)
        place = np.full(len(graph), -1, dtype=np.int64)
        place[nodes] = np.arange(len(nodes))
        has = graph.edges[Relation.HAS_ATTRIBUTE]
        requested = np.zeros(len(graph), dtype=np.bool_)
        requested[targets] = True
        kept = requested[has.tail]
        return cls(
            nodes,
            place,
            tuple(graph.names[node] for node in nodes.tolist()),
            graph.parents[nodes][:, nodes],
            Edges(place[has.tail[kept]], has.head[kept], has.weight[kept]),
            graph.edges[Relation.ATTRIBUTE_CHILD_OF],
            {name: column[nodes] for name, column in graph.features.items()},
        )

    def __len__(self) -> int:
        return len(self.nodes)
