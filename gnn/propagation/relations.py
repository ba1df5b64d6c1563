"""The blocks of phi one by one: what travels along parents and attributes, and how a target stands among others."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ...arrays import BoolArray, Float32Array, FloatArray, IntArray
from ...graph.catalog.schema import Edges
from ...graph.catalog.traversal import reached
from .message_passing import propagate_dense, propagate_hops, propagate_sparse, unit_rows, unit_rows_dense
from .subgraph import Subgraph


def parent_texts(view: Subgraph, texts: Float32Array) -> FloatArray:
    """Mean of the parents' embeddings, as unit vectors, float64 (v, d)."""
    return unit_rows_dense(propagate_dense(view.parents, texts).astype(np.float64))


def likeness_to_parents(view: Subgraph, texts: Float32Array, above: FloatArray) -> FloatArray:
    """Cosine of a target's text and its parents', NaN without parents, float64 (v,)."""
    likeness: FloatArray = np.einsum("nd,nd->n", texts.astype(np.float64), above)
    likeness[np.diff(view.parents.indptr) == 0] = np.nan
    return likeness


def ancestors(view: Subgraph, general: IntArray) -> sp.csr_array:
    """Identity of the categories above (and of a category with others below it, itself), weakened by distance.

    Args:
        view: the targets.
        general: the node of each column, as positions in the graph, -1 where there is none any more.

    Returns:
        CSR (v, general).
    """
    columns = np.flatnonzero(general >= 0)
    columns = columns[view.place[general[columns]] >= 0]
    rows = view.place[general[columns]]
    start = sp.csr_array((np.ones(len(rows)), (rows, np.arange(len(rows)))), (len(view), len(rows)))
    return unit_rows(_widened(propagate_hops(view.parents, start), columns, len(general)))


def attribute(view: Subgraph, values: IntArray, rarity: FloatArray | None = None) -> tuple[sp.csr_array, FloatArray]:
    """Identity of one attribute's values, rare values counting more, wider ones reached through their hierarchy.

    Args:
        view: the targets.
        values: the value of each column, as positions among the graph's attributes, -1 where it is gone.
        rarity: of the values, float64 (values,); None for what it is in this view: the inverse document frequency
            ``log((v + 1) / carriers)``.

    Returns:
        CSR (v, values), and the rarity.
    """
    columns = np.arange(len(values)) if rarity is None else _reached(view, values)
    has, reach = _carried(view, values[columns])
    if rarity is None:
        carriers = np.maximum(np.bincount((has @ reach).indices, minlength=len(values)), 1)
        rarity = np.log((len(view) + 1) / carriers)
    received = propagate_sparse(unit_rows(has.sqrt()), reach)
    return unit_rows(_widened(sp.csr_array(received @ sp.diags_array(rarity[columns])), columns, len(values))), rarity


def _carried(view: Subgraph, values: IntArray) -> tuple[sp.csr_array, sp.csr_array]:
    """Who has which value (v, values), and which wider values each value reaches (values, values)."""
    place = _places(view, values)
    has = _matrix(view.has, place, (len(view), len(values)))
    inside = Edges(place[view.inside.tail], view.inside.head, view.inside.weight)
    hierarchy = _matrix(inside, place, (len(values), len(values)))
    identity = sp.csr_array(sp.eye_array(len(values)))
    return has, propagate_hops(hierarchy, identity) if hierarchy.nnz else identity


def _reached(view: Subgraph, values: IntArray) -> IntArray:
    """Columns of the values that the targets have, and of all wider ones."""
    place = _places(view, values)
    tail, head = place[view.inside.tail], place[view.inside.head]
    inner = (tail >= 0) & (head >= 0)
    shape = (len(values), len(values))
    wider = sp.csr_array((np.ones(np.count_nonzero(inner)), (tail[inner], head[inner])), shape=shape)
    own = place[view.has.head]
    return reached(wider, own[own >= 0])


def _places(view: Subgraph, values: IntArray) -> IntArray:
    """Position of any attribute -> place among some values, -1 where it is none."""
    ends = (view.has.head, view.inside.tail, view.inside.head, values)
    place = np.full(1 + max((int(part.max()) for part in ends if len(part)), default=-1), -1, dtype=np.int64)
    there = np.flatnonzero(values >= 0)
    place[values[there]] = there
    return place


def _widened(block: sp.csr_array, columns: IntArray, width: int) -> sp.csr_array:
    """Columns put where they belong among more."""
    if block.shape[1] == width:
        return block
    block.sort_indices()
    indices = columns[block.indices].astype(block.indices.dtype)
    return sp.csr_array((block.data, indices, block.indptr), shape=(block.shape[0], width))


def named(view: Subgraph, values: IntArray) -> BoolArray:
    """Which of the attribute edges lead to some values, bool (edges,)."""
    return _places(view, values)[view.has.head] >= 0


def number_of_values(view: Subgraph, named: BoolArray) -> FloatArray:
    """How many values of one attribute each target has, float64 (v,): its degree in that relation."""
    return np.bincount(view.has.tail[named], minlength=len(view)).astype(np.float64)


def mix(view: Subgraph, named: BoolArray) -> tuple[FloatArray, FloatArray]:
    """How evenly the values of one attribute share a target, two of float64 (v,).

    The logarithms of the Hill numbers of order 1 and 2, that is of the effective number of values by entropy and by
    the inverse Simpson index (Hill 1973, equation 1), over each value's share of the edge weights. The number of
    values is the one of order 0.
    """
    tail, weight = view.has.tail[named], view.has.weight[named]
    share = weight / np.bincount(tail, weights=weight, minlength=len(view))[tail]
    entropy = np.bincount(tail, weights=-share * np.log(share), minlength=len(view))
    simpson = np.bincount(tail, weights=np.square(share), minlength=len(view))
    return np.maximum(entropy, 0.0), np.maximum(-np.log(np.where(simpson > 0, simpson, 1.0)), 0.0)


def _matrix(edges: Edges, place: IntArray, shape: tuple[int, int]) -> sp.csr_array:
    """The edges whose head (and tail) has a place, as a matrix (tails, heads)."""
    keep = (place[edges.head] >= 0) & (edges.tail >= 0)
    return sp.csr_array((edges.weight[keep], (edges.tail[keep], place[edges.head[keep]])), shape=shape)
