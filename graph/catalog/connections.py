"""What ties two targets in the catalog graph: the attributes and categories above both, with the way over each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import scipy.sparse as sp

from .graph import CatalogGraph
from .traversal import reached


@dataclass(frozen=True)
class Connection:
    """One node above two targets, and the shortest way from the one to the other over it.

    Attributes:
        kind: "attribute" or "ancestor", as the query ``way`` calls them.
        nodes: the way, its first and last node being the two targets: targets and groups by position, attributes by
            ``n`` plus position.
        over: the node above both, which may be one of them.
        carriers: how many targets and groups have the attribute or a narrower value of it; 0 for an ancestor.
    """

    kind: Literal["attribute", "ancestor"]
    nodes: tuple[int, ...]
    over: int
    carriers: int = 0


@dataclass(frozen=True, eq=False)
class Connections:
    """Finds what ties two targets of a graph.

    Attributes:
        graph: the catalog of n targets and groups.
    """

    graph: CatalogGraph

    def between(self, one: int, other: int) -> tuple[Connection, ...]:
        """What stands above two different targets, but for what stands above a nearer tie of the same kind.

        Attributes come first, the rarer before the more common ones, then ancestors, the nearer first.

        Args:
            one: position of the target from which the ways lead.
            other: position of the target to which they lead.
        """
        size = len(self.graph)
        found = []
        for kind in ("attribute", "ancestor"):
            up, down = (self._ways(start, kind) for start in (one, other))
            shared = up.keys() & down.keys()
            for over in shared - self._above(shared, kind):
                nodes = (*up[over], *reversed(down[over][:-1]))
                carriers = self._carriers(over) if over >= size else 0
                found.append(Connection(kind, nodes, over, carriers))
        return tuple(sorted(found, key=lambda tie: (tie.kind == "ancestor", tie.carriers, len(tie.nodes), tie.nodes)))

    def weight(self, tie: Connection) -> float:
        """``ln((n + 1) / carriers)`` of an attribute (the rarer, the more it says), ``0.5^steps`` over an ancestor."""
        if tie.kind == "ancestor":
            return float(0.5 ** (len(tie.nodes) - 1))
        return math.log((len(self.graph) + 1) / tie.carriers)

    def key(self, node: int) -> str:
        """The store key of a node."""
        size = len(self.graph)
        return self.graph.keys[node] if node < size else self.graph.attribute_keys[node - size]

    def name(self, node: int) -> str:
        """The name of a target or group, ``name=value`` of an attribute."""
        size = len(self.graph)
        return self.graph.names[node] if node < size else str(self.graph.attributes[node - size])

    def told(self, tie: Connection) -> str:
        """A way by names, ``>`` leading up and ``<`` down."""
        top = tie.nodes.index(tie.over)
        names = [self.name(node) for node in tie.nodes]
        return " < ".join([" > ".join(names[: top + 1]), *names[top + 1 :]])

    def _ways(self, start: int, kind: str) -> dict[int, tuple[int, ...]]:
        """Every node that a target reaches upwards, with the shortest way there, equally short ones by their keys."""
        found: dict[int, tuple[int, ...]] = {} if kind == "attribute" else {start: (start,)}
        frontier: dict[int, tuple[int, ...]] = {node: (start, node) for node in self._parents(start, kind)}
        while frontier:
            found |= frontier
            further: dict[int, tuple[int, ...]] = {}
            for node, way in sorted(frontier.items(), key=lambda item: self._keys(item[1])):
                for above in self._parents(node, kind):
                    if above not in found:
                        further.setdefault(above, (*way, above))
            frontier = further
        return found

    def _above(self, nodes: set[int], kind: str) -> set[int]:
        """All that stands above any of some nodes."""
        upward = self._upward[kind]
        return set(reached(upward, upward[sorted(nodes)].indices.astype(np.int64)).tolist())

    def _parents(self, node: int, kind: str) -> list[int]:
        """The next nodes above, attributes and wider ones for the one kind, categories for the other."""
        upward = self._upward[kind]
        columns: list[int] = upward.indices[upward.indptr[node] : upward.indptr[node + 1]].tolist()
        return columns

    def _carriers(self, attribute: int) -> int:
        if attribute not in self._counted:
            below = reached(self._downward, np.array([attribute]))
            self._counted[attribute] = int((below < len(self.graph)).sum())
        return self._counted[attribute]

    @cached_property
    def _counted(self) -> dict[int, int]:
        return {}

    @cached_property
    def _upward(self) -> dict[str, sp.csr_array]:
        """The edges that lead to attributes, and those that lead to categories."""
        upward, size = self.graph.upward, len(self.graph)
        to_attributes = sp.diags_array((np.arange(upward.shape[0]) >= size).astype(np.float64))
        attributes = sp.csr_array(upward @ to_attributes)
        attributes.eliminate_zeros()
        ancestors = sp.csr_array(upward - attributes)
        ancestors.eliminate_zeros()
        return {"attribute": attributes, "ancestor": ancestors}

    @cached_property
    def _downward(self) -> sp.csr_array:
        return sp.csr_array(self._upward["attribute"].T)

    def _keys(self, way: tuple[int, ...]) -> tuple[str, ...]:
        return tuple(self.key(node) for node in way)
