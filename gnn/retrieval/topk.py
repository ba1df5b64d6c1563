"""The best targets of many users: a scan in single precision, then exact scores of all that may be among the best."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...arrays import BoolArray, Float32Array, FloatArray, IntArray
from ...display import short_repr
from ..threads import blas_threads, one_blas_thread
from ..utils import chunks

_GROUP = 32
"""Targets of which only the largest score is compared at first."""
_BLOCK = 256
"""Users scanned together: their scores stay in the processor's cache."""
_SLACK = np.float32(4e-6)
"""More than the rounding of two scores in single precision, which lie between -1 and 1."""
_NONE = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Best:
    """The best targets of u users, best first; equal scores in the order of the targets."""

    places: IntArray  # rows of the index, int64 (u, k), -1 where a user has fewer
    scores: FloatArray  # cosines, float64 (u, k), -inf there

    __repr__ = short_repr


@dataclass(frozen=True, eq=False)
class TargetIndex:
    """Targets to search among, by their unit vectors, float64 (t, d)."""

    vectors: FloatArray

    __repr__ = short_repr

    @cached_property
    def _columns(self) -> Float32Array:
        """The vectors as columns, float32 (d, t and up to a full group)."""
        padding = -len(self.vectors) % _GROUP
        return np.ascontiguousarray(np.pad(self.vectors, ((0, padding), (0, 0))).T, dtype=np.float32)

    def top(
        self,
        users: FloatArray,
        k: int,
        *,
        barred: tuple[IntArray, IntArray] | None = None,
        closed: BoolArray | None = None,
        exact: bool = True,
    ) -> Best:
        """Find the ``k`` best targets of every user by the cosine; ``users`` are unit vectors, float64 (u, d).

        The ``k``-th largest of the maxima of groups of targets is a lower bound of the ``k``-th best score, so only
        groups that reach it are searched. ``barred`` are pairs to exclude, as int64 rows of ``users`` (ascending) and
        of the index, ``closed`` targets to exclude for all users, bool (t,). Without ``exact``, scores are accurate to
        1e-6.
        """
        size, count = len(users), min(k, len(self.vectors))
        best = Best(np.full((size, count), -1), np.full((size, count), -np.inf))
        rows, columns = (_NONE, _NONE) if barred is None else barred

        def search(block: slice) -> None:
            vectors = users[block]
            scores = np.dot(vectors.astype(np.float32), self._columns)
            scores[:, len(self.vectors) :] = -np.inf
            if closed is not None:
                scores[:, : len(closed)][:, closed] = -np.inf
            inside = slice(*np.searchsorted(rows, (block.start, block.stop)))
            scores[rows[inside] - block.start, columns[inside]] = -np.inf
            places, found = _candidates(scores, count)
            if exact:
                # pair by pair, so that equal vectors get equal scores whatever else is in the block
                precise = np.einsum("uwd,ud->uw", self.vectors[places], vectors)
                found = np.where(np.isfinite(found), precise, -np.inf)
            order = np.lexsort((places, -found), axis=1)[:, :count]
            best.scores[block, : order.shape[1]] = np.take_along_axis(found, order, axis=1)
            best.places[block, : order.shape[1]] = np.take_along_axis(places, order, axis=1)

        blocks = list(chunks(size, _BLOCK))
        if len(blocks) == 1 or (threads := blas_threads()) == 1:
            for block in blocks:
                search(block)
        else:  # one BLAS thread for each of ours, else they would wait for each other
            with one_blas_thread(), ThreadPoolExecutor(threads) as workers:
                list(workers.map(search, blocks))
        best.places[~np.isfinite(best.scores)] = -1
        return best


def _candidates(scores: Float32Array, k: int) -> tuple[IntArray, FloatArray]:
    """All targets whose score may be among the ``k`` best of a user, and the scores, (u, w), padded with 0 at -inf."""
    users, groups = len(scores), scores.shape[1] // _GROUP
    grouped = scores.reshape(users, _GROUP, groups)  # a group is every groups-th target: faster than neighbours
    highest = grouped.max(axis=1)
    bound = np.full(users, np.float32(-2.0))  # below every cosine, above -inf
    if k <= groups:
        np.maximum(bound, np.partition(highest, groups - k, axis=1)[:, groups - k] - _SLACK, out=bound)
    owner, group = np.divmod(np.flatnonzero(highest >= bound[:, None]), groups)
    members = grouped[owner, :, group]
    hit = np.flatnonzero(members >= bound[owner][:, None])
    at = hit // _GROUP
    user, target = owner[at], hit % _GROUP * groups + group[at]
    number = np.bincount(user, minlength=users)
    slot = np.arange(len(user)) - np.repeat(np.cumsum(number) - number, number)
    places = np.zeros((users, number.max()), dtype=np.int64)
    found = np.full(places.shape, -np.inf)
    places[user, slot] = target
    found[user, slot] = members.ravel()[hit]
    return places, found
