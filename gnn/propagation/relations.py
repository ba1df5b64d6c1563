"""The feature blocks one by one: what travels along parents and attributes, and statistics of the edges."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ...arrays import BoolArray, Float32Array, FloatArray, IntArray
from ...graph.catalog.schema import Edges
from ...graph.catalog.traversal import reached
from ..utils import unit_rows
from .message_passing import propagate_dense, propagate_hops, propagate_sparse
from .subgraph import Subgraph


def parent_texts(subgraph: Subgraph, texts: Float32Array) -> FloatArray:
    """Mean of the parents' embeddings, as unit vectors, float64 (v, d)."""
    return unit_rows(propagate_dense(subgraph.parents, texts).astype(np.float64))


def similarity_to_parents(subgraph: Subgraph, texts: Float32Array, parents: FloatArray) -> FloatArray:
    """Cosine of a target's text and :func:`parent_texts`, NaN without parents, float64 (v,)."""
    cosine: FloatArray = np.einsum("nd,nd->n", texts.astype(np.float64), parents)
    cosine[np.diff(subgraph.parents.indptr) == 0] = np.nan
    return cosine


def ancestors(subgraph: Subgraph, general: IntArray) -> sp.csr_array:
    """Identities of the ancestors (and of a category with children, its own), weakened by distance, CSR (v, general).

    ``general`` is the position of each column's node, -1 where it was removed. Rows have length 1.
    """
    columns = np.flatnonzero(general >= 0)
    columns = columns[subgraph.place[general[columns]] >= 0]
    rows = subgraph.place[general[columns]]
    start = sp.csr_array((np.ones(len(rows)), (rows, np.arange(len(rows)))), (len(subgraph), len(rows)))
    return _unit_rows(_spread_columns(propagate_hops(subgraph.parents, start), columns, len(general)))


def attribute(
    subgraph: Subgraph, values: IntArray, rarity: FloatArray | None = None
) -> tuple[sp.csr_array, FloatArray]:
    """Identities of an attribute's values, weighted by rarity, and of their ancestors, CSR (v, values), and the rarity.

    Rows have length 1. ``values`` are positions, -1 where one was removed; ``rarity`` is float64 (values,), None for
    the inverse document frequency ``log((v + 1) / carriers)``.
    """
    columns = np.arange(len(values)) if rarity is None else _reached_columns(subgraph, values)
    has, reach = _attribute_matrices(subgraph, values[columns])
    if rarity is None:
        carriers = np.maximum(np.bincount((has @ reach).indices, minlength=len(values)), 1)
        rarity = np.log((len(subgraph) + 1) / carriers)
    received = propagate_sparse(_unit_rows(has.sqrt()), reach)
    weighted = sp.csr_array(received @ sp.diags_array(rarity[columns]))
    return _unit_rows(_spread_columns(weighted, columns, len(values))), rarity


def _attribute_matrices(subgraph: Subgraph, values: IntArray) -> tuple[sp.csr_array, sp.csr_array]:
    """Edges from targets to values (v, values), and the decayed paths from each value to its ancestors."""
    column = _columns_of(subgraph, values)
    has = _matrix(subgraph.has, column, (len(subgraph), len(values)))
    hierarchy = _hierarchy(subgraph, column, len(values))
    identity = sp.csr_array(sp.eye_array(len(values)))
    return has, propagate_hops(hierarchy, identity) if hierarchy.nnz else identity


def _reached_columns(subgraph: Subgraph, values: IntArray) -> IntArray:
    """Columns of the values that the targets have, and of all their ancestors."""
    column = _columns_of(subgraph, values)
    start = column[subgraph.has.head]
    return reached(_hierarchy(subgraph, column, len(values)), start[start >= 0])


def _hierarchy(subgraph: Subgraph, column: IntArray, size: int) -> sp.csr_array:
    inside = Edges(column[subgraph.inside.tail], subgraph.inside.head, subgraph.inside.weight)
    return _matrix(inside, column, (size, size))


def _columns_of(subgraph: Subgraph, values: IntArray) -> IntArray:
    """Column of every attribute among ``values``, by position, -1 where it has none."""
    ends = (subgraph.has.head, subgraph.inside.tail, subgraph.inside.head, values)
    column = np.full(1 + max((int(part.max()) for part in ends if len(part)), default=-1), -1, dtype=np.int64)
    kept = np.flatnonzero(values >= 0)
    column[values[kept]] = kept
    return column


def _matrix(edges: Edges, column: IntArray, shape: tuple[int, int]) -> sp.csr_array:
    """The edges whose head has a column and whose tail a row, as a matrix (tails, heads)."""
    keep = (column[edges.head] >= 0) & (edges.tail >= 0)
    return sp.csr_array((edges.weight[keep], (edges.tail[keep], column[edges.head[keep]])), shape=shape)


def _spread_columns(block: sp.csr_array, columns: IntArray, width: int) -> sp.csr_array:
    if block.shape[1] == width:
        return block
    block.sort_indices()
    indices = columns[block.indices].astype(block.indices.dtype)
    return sp.csr_array((block.data, indices, block.indptr), shape=(block.shape[0], width))


def _unit_rows(block: sp.csr_array) -> sp.csr_array:
    length = np.sqrt(block.power(2).sum(axis=1))
    scaled = sp.csr_array(sp.diags_array(1.0 / np.where(length > 0, length, 1.0)) @ block)
    scaled.sort_indices()  # else the first product would, in place: other bits and another fingerprint than before
    return scaled


def edges_to(subgraph: Subgraph, values: IntArray) -> BoolArray:
    """Which of the attribute edges lead to some values, bool (edges,)."""
    return _columns_of(subgraph, values)[subgraph.has.head] >= 0


def number_of_values(subgraph: Subgraph, edges: BoolArray) -> FloatArray:
    """How many values of one attribute each target has, float64 (v,): its degree in that relation."""
    return np.bincount(subgraph.has.tail[edges], minlength=len(subgraph)).astype(np.float64)


def mix(subgraph: Subgraph, edges: BoolArray) -> tuple[FloatArray, FloatArray]:
    """How evenly a target's edge weights are divided among the values of one attribute, two of float64 (v,).

    The logarithms of the Hill numbers of order 1 and 2: the effective number of values by entropy and by the inverse
    Simpson index (Hill 1973, equation 1). :func:`number_of_values` is the Hill number of order 0.
    """
    tail, weight = subgraph.has.tail[edges], subgraph.has.weight[edges]
    share = weight / np.bincount(tail, weights=weight, minlength=len(subgraph))[tail]
    entropy = np.bincount(tail, weights=-share * np.log(share), minlength=len(subgraph))
    simpson = np.bincount(tail, weights=np.square(share), minlength=len(subgraph))
    return np.maximum(entropy, 0.0), np.maximum(-np.log(np.where(simpson > 0, simpson, 1.0)), 0.0)
