"""Splits for evaluation: the sales of some targets are hidden, so that they are new again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ...arrays import BoolArray, IntArray
from ...display import short_repr
from ...errors import InputError
from ...graph import CatalogGraph

LEAVE_TARGETS_OUT = "leave-targets-out"
LEAVE_BRANCHES_OUT = "leave-branches-out"
NEW_PRODUCTS = "new-products"
PROTOCOLS = (LEAVE_TARGETS_OUT, LEAVE_BRANCHES_OUT)
"""Default protocols of an evaluation and of the pseudo-new targets of a fit."""

HIDINGS = (*PROTOCOLS, NEW_PRODUCTS)
"""All ways of hiding. Their order seeds the random streams: append, never insert."""

SHARE = 0.2
"""Hidden share of the targets (or parents)."""

PRODUCT_SHARE = 0.1
MIN_BUYERS = 5
"""Least buyers of a candidate; figures of fewer would be chance."""

MIN_PARENTS = 5
"""Least parents to hide 20 % of."""


@dataclass(frozen=True, eq=False)
class Split:
    """Training data with some targets hidden, and what was hidden; positions and rows ascend.

    Attributes:
        protocol: one of :data:`HIDINGS`.
        graph: the whole catalog of n targets and groups, hidden ones included.
        train: summed weights, float64 CSR (users, n); columns of hidden targets are empty.
        test: purchases of the hidden targets, float64 0/1 CSR (users, n).
        seen: positions with at least one buyer in ``train``.
        hidden: hidden positions; a hidden branch brings its groups and never bought targets too.
        candidates: the hidden targets (no groups) with at least 5 buyers.
        users: rows that are judged: at least one candidate bought, at least one training purchase left.
        users_without_history: rows with at least one candidate bought and no training purchase left.
        signed: weights of the pairs in ``train``, and below 0 of disliked ones that are not hidden, float64 CSR (users,
            n); None where each pair of ``train`` is a full purchase.
    """

    protocol: str
    seed: int
    graph: CatalogGraph
    train: sp.csr_array
    test: sp.csr_array
    seen: IntArray
    hidden: IntArray
    candidates: IntArray
    users: IntArray
    users_without_history: IntArray
    signed: sp.csr_array | None = None

    __repr__ = short_repr

    @property
    def weights(self) -> sp.csr_array:
        """Weights of all pairs to learn from, float64 CSR (users, n)."""
        return binary(self.train) if self.signed is None else self.signed

    @property
    def listed(self) -> IntArray:
        """Hidden targets without the groups, with any number of buyers, ascending."""
        return self.hidden[~self.graph.is_group[self.hidden]]


def make_split(
    protocol: str,
    graph: CatalogGraph,
    matrix: sp.csr_array,
    seed: int,
    *,
    share: float | None = None,
    signed: sp.csr_array | None = None,
) -> Split:
    """Hide a random part of the catalog.

    "leave-targets-out" hides ``share`` of the targets with at least one buyer, "leave-branches-out" all below ``share``
    of the parents that directly hold such a target (both depend on the sales only in which targets have any),
    "new-products" ``share`` of the products with at least 5 buyers.
    ``matrix`` (CSR (users, n), as :meth:`Interactions.matrix`) has summed weights of purchases, ``signed`` those of all
    pairs (:class:`newaisle.graph.event_weights.WeightedHistory`; None where each is 1). ``share`` is between 0 and 1;
    None hides 20 % (of the products 10 %).

    Raises:
        InputError: an unknown protocol, a bad seed or share, fewer than 5 parents (branches) or no products (products),
            or nothing is left to judge.
    """
    hidden = _draw(protocol, graph, matrix, (0, seed, 0), share, MIN_PARENTS)
    return hide(protocol, seed, graph, matrix, hidden, signed)


def obstacle(protocol: str, graph: CatalogGraph, matrix: sp.csr_array) -> str | None:
    """Why a protocol cannot hide anything in a catalog, in one sentence; None if it can."""
    _check_protocol(protocol)
    return _too_few(protocol, _pool(protocol, graph, matrix), MIN_PARENTS)


def _check_protocol(protocol: str) -> None:
    if protocol not in HIDINGS:
        raise InputError(f"Unknown protocol {protocol!r}: use one of {', '.join(HIDINGS)}.")


def pseudo_split(
    protocol: str,
    graph: CatalogGraph,
    train: sp.csr_array,
    seed: int,
    outer_seed: int = 0,
    signed: sp.csr_array | None = None,
) -> Split:
    """Hide a part of the training data as pseudo-new targets; the random stream is never that of an outer split."""
    # an outer split of 5 parents leaves 4 of them, which must still do
    hidden = _draw(protocol, graph, train, (1, seed, outer_seed), None, 2)
    return hide(protocol, seed, graph, train, hidden, signed)


def hide(
    protocol: str,
    seed: int,
    graph: CatalogGraph,
    matrix: sp.csr_array,
    hidden: IntArray,
    signed: sp.csr_array | None = None,
) -> Split:
    """Hide the sales of the targets at ``hidden``; otherwise as :func:`make_split`."""
    _check_columns(graph, matrix)
    is_hidden = np.zeros(len(graph), dtype=np.bool_)
    is_hidden[hidden] = True
    of_hidden = is_hidden[matrix.indices]
    train, test = entries(matrix, ~of_hidden), entries(matrix, of_hidden)
    known = None if signed is None else entries(signed, ~is_hidden[signed.indices])
    return split_of(protocol, seed, graph, train, test, np.flatnonzero(is_hidden), known)


def split_of(
    protocol: str,
    seed: int,
    graph: CatalogGraph,
    train: sp.csr_array,
    test: sp.csr_array,
    hidden: IntArray,
    signed: sp.csr_array | None = None,
) -> Split:
    """Split into ``train``, float64 CSR (users, n) without ``hidden``, and ``test``, their purchases of any weight."""
    is_hidden = np.zeros(len(graph), dtype=np.bool_)
    is_hidden[hidden] = True
    test.data = np.ones_like(test.data)
    candidates = np.flatnonzero(is_hidden & ~graph.is_group & (buyers(test) >= MIN_BUYERS))
    if not len(candidates):
        raise InputError(
            f"None of the {len(hidden):,} hidden targets has {MIN_BUYERS} buyers ({protocol}, seed {seed}), "
            "so nothing can be judged; use another seed or more interactions."
        )
    has_hit = np.diff(test[:, candidates].indptr) > 0
    has_history = np.diff(train.indptr) > 0
    users = np.flatnonzero(has_hit & has_history)
    if not len(users):
        raise InputError(
            f"No buyer of a hidden target has another purchase left to learn from ({protocol}, seed {seed}); "
            "use another seed or more interactions."
        )
    return Split(
        protocol=protocol,
        seed=seed,
        graph=graph,
        train=train,
        test=test,
        seen=np.flatnonzero(buyers(train)),
        hidden=hidden,
        candidates=candidates,
        users=users,
        users_without_history=np.flatnonzero(has_hit & ~has_history),
        signed=signed,
    )


def revealing_half(split: Split, seed: int) -> BoolArray:
    """A random half of the users who reveal their hidden purchases, bool (users,); the others are judged."""
    return np.random.default_rng([seed, 0]).random(split.train.shape[0]) < 0.5


def _draw(
    protocol: str,
    graph: CatalogGraph,
    matrix: sp.csr_array,
    stream: tuple[int, int, int],
    share: float | None,
    min_parents: int,
) -> IntArray:
    """Positions to hide; ``stream`` is (0 outer or 1 inner, seed, outer seed)."""
    _check_protocol(protocol)
    if min(stream) < 0:
        raise InputError(f"The seed is {min(stream)}; give 0 or more.")
    share = (PRODUCT_SHARE if protocol == NEW_PRODUCTS else SHARE) if share is None else share
    if not 0 < share < 1:
        raise InputError(f"The share to hide is {share}; give one between 0 and 1.")
    _check_columns(graph, matrix)
    pool = _pool(protocol, graph, matrix)
    if reason := _too_few(protocol, pool, min_parents):
        raise InputError(reason)
    random = np.random.default_rng([HIDINGS.index(protocol), *stream])
    count = min(max(1, round(share * len(pool))), len(pool) - 1)
    chosen = random.choice(pool, count, replace=False)
    if protocol != LEAVE_BRANCHES_OUT:
        return chosen
    return np.unique(np.concatenate([graph.below(int(parent)) for parent in chosen]))


def _pool(protocol: str, graph: CatalogGraph, matrix: sp.csr_array) -> IntArray:
    if protocol == NEW_PRODUCTS:
        return np.flatnonzero(graph.is_product & (buyers(matrix) >= MIN_BUYERS))
    sold = np.flatnonzero(~graph.is_group & (buyers(matrix) > 0))
    return sold if protocol == LEAVE_TARGETS_OUT else np.unique(graph.parents[sold].indices)


def _too_few(protocol: str, pool: IntArray, min_parents: int) -> str | None:
    least = min_parents if protocol == LEAVE_BRANCHES_OUT else 2
    if len(pool) >= least:
        return None
    if protocol == NEW_PRODUCTS:
        return (
            f"The catalog has {len(pool)} products with {MIN_BUYERS} buyers; {protocol} needs at least {least}: give a "
            "catalog with products (complete-journey?products, tables with a products table), or use "
            f"{LEAVE_TARGETS_OUT}."
        )
    if protocol == LEAVE_TARGETS_OUT:
        return f"Only {len(pool)} targets have buyers; {protocol} needs at least {least}."
    return (
        f"The catalog has {len(pool)} parents that directly hold a sold target; {protocol} needs at least {least}: use "
        f"{LEAVE_TARGETS_OUT} or give the categories parents."
    )


def buyers(matrix: sp.csr_array) -> IntArray:
    """Number of buyers of every target, int64 (n,)."""
    return np.bincount(matrix.indices, minlength=matrix.shape[1]).astype(np.int64)


def binary(matrix: sp.csr_array) -> sp.csr_array:
    """The same entries with the value 1."""
    return sp.csr_array((np.ones(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape)


def entries(matrix: sp.csr_array, keep: BoolArray) -> sp.csr_array:
    """Only the stored entries where ``keep`` is True, float64."""
    ends = np.concatenate([[0], np.cumsum(keep)])[matrix.indptr]
    entries = (matrix.data[keep].astype(np.float64), matrix.indices[keep], ends)
    return sp.csr_array(entries, shape=matrix.shape)


def _check_columns(graph: CatalogGraph, matrix: sp.csr_array) -> None:
    if matrix.shape[1] != len(graph):
        raise InputError(
            f"The matrix has {matrix.shape[1]:,} columns and the graph {len(graph):,} targets and groups; "
            "make it with Interactions.matrix(graph)."
        )
