"""What connects two targets in the catalog graph: attributes and categories above both, with the path over each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import scipy.sparse as sp

from .graph import CatalogGraph
from .traversal import reached, waves


@dataclass(frozen=True)
class Connection:
    """A node ``over`` two targets, which may be one of them, and the shortest path from the one to the other over it.

    ``nodes`` are the path: targets and groups by position, attributes by ``n`` plus position. ``carriers`` is how many
    targets and groups have the attribute or a narrower value of it; 0 for an ancestor.
    """

    kind: Literal["attribute", "ancestor"]
    nodes: tuple[int, ...]
    over: int
    carriers: int = 0


@dataclass(frozen=True, eq=False)
class Connections:
    """Finds what connects two targets of a graph with n targets and groups."""

    graph: CatalogGraph

    def between(self, one: int, other: int) -> tuple[Connection, ...]:
        """Nodes above two targets, none above a nearer one of its kind: rare attributes first, then near ancestors."""
        size = len(self.graph)
        found = []
        for kind in ("attribute", "ancestor"):
            up, down = (self._paths(start, kind) for start in (one, other))
            shared = up.keys() & down.keys()
            for over in shared - self._above(shared, kind):
                nodes = (*up[over], *reversed(down[over][:-1]))
                carriers = self._carriers(over) if over >= size else 0
                found.append(Connection(kind, nodes, over, carriers))
        return tuple(
            sorted(found, key=lambda each: (each.kind == "ancestor", each.carriers, len(each.nodes), each.nodes))
        )

    def weight(self, connection: Connection) -> float:
        """``ln((n + 1) / carriers)`` of an attribute, so that rare ones count more; ``0.5^steps`` over an ancestor."""
        if connection.kind == "ancestor":
            return float(0.5 ** (len(connection.nodes) - 1))
        return math.log((len(self.graph) + 1) / connection.carriers)

    def key(self, node: int) -> str:
        """The store key of a node."""
        size = len(self.graph)
        return self.graph.keys[node] if node < size else self.graph.attribute_keys[node - size]

    def name(self, node: int) -> str:
        """The name of a target or group, ``name=value`` of an attribute."""
        size = len(self.graph)
        return self.graph.names[node] if node < size else str(self.graph.attributes[node - size])

    def describe(self, connection: Connection) -> str:
        """A path by names, ``>`` leading up and ``<`` down."""
        top = connection.nodes.index(connection.over)
        names = [self.name(node) for node in connection.nodes]
        return " < ".join([" > ".join(names[: top + 1]), *names[top + 1 :]])

    def _paths(self, start: int, kind: str) -> dict[int, tuple[int, ...]]:
        """Every node that a target reaches upwards, with the shortest path, of equally short ones the first by keys."""
        found: dict[int, tuple[int, ...]] = {start: (start,)}
        for wave in waves(self._upward[kind], np.array([start])):
            for node in sorted(wave.tolist(), key=lambda node: self._keys(found[node])):
                for above in self._parents(node, kind):
                    found.setdefault(above, (*found[node], above))
        if kind == "attribute":
            del found[start]
        return found

    def _above(self, nodes: set[int], kind: str) -> set[int]:
        upward = self._upward[kind]
        return set(reached(upward, upward[sorted(nodes)].indices.astype(np.int64)).tolist())

    def _parents(self, node: int, kind: str) -> list[int]:
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

    def _keys(self, path: tuple[int, ...]) -> tuple[str, ...]:
        return tuple(self.key(node) for node in path)
