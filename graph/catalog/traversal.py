"""Breadth-first search over a sparse adjacency matrix, row = where an edge starts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp

from ...arrays import BoolArray, IntArray


def waves(adjacency: sp.csr_array, start: IntArray) -> Iterator[IntArray]:
    """The nodes first reached in 0, 1, 2, ... steps, each wave ascending, int64; ends when nothing new is reached.

    Args:
        adjacency: CSR (n, n).
        start: positions of the nodes to begin with.
    """
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
    """Least number of steps from any of some nodes to every node, int64 (n,); -1 where there is no way.

    Args:
        adjacency: CSR (n, n).
        start: positions of the nodes to begin with.
        most: nodes farther away count as not reached; None for no limit.
    """
    found = np.full(adjacency.shape[0], -1, dtype=np.int64)
    for steps, wave in enumerate(waves(adjacency, start)):
        if most is not None and steps > most:
            break
        found[wave] = steps
    return found
