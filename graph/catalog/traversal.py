"""Searches over a sparse adjacency matrix, row = where an edge starts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from ...arrays import BoolArray, IntArray


def waves(adjacency: sp.csr_array, start: IntArray) -> Iterator[IntArray]:
    """The nodes first reached from ``start`` (positions) in 0, 1, 2, ... steps over CSR (n, n), each ascending."""
    known: BoolArray = np.zeros(adjacency.shape[0], dtype=np.bool_)
    frontier: IntArray = np.unique(start).astype(np.int64)
    while len(frontier):
        known[frontier] = True
        yield frontier
        further = np.unique(adjacency[frontier].indices).astype(np.int64)
        frontier = further[~known[further]]


def reached(adjacency: sp.csr_array, start: IntArray) -> IntArray:
    """All nodes that some nodes reach, themselves included, ascending, int64."""
    found = [np.empty(0, dtype=np.int64), *waves(adjacency, start)]
    return np.sort(np.concatenate(found))


def distances(adjacency: sp.csr_array, start: IntArray, most: int | None = None) -> IntArray:
    """Least number of steps from any of some nodes to every node, at ``most``, int64 (n,); -1 where not reached."""
    found = np.full(adjacency.shape[0], -1, dtype=np.int64)
    for steps, wave in enumerate(waves(adjacency, start)):
        if most is not None and steps > most:
            break
        found[wave] = steps
    return found


def nodes_on_cycles(adjacency: sp.csr_array) -> IntArray:
    """The nodes from which edges lead back to themselves, ascending, int64."""
    _, component = connected_components(adjacency, connection="strong")
    return np.flatnonzero((np.bincount(component)[component] > 1) | (adjacency.diagonal() > 0)).astype(np.int64)
