"""The head beyond ten thousand seen targets: the kernel through landmarks, in memory linear in the targets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.linalg as la

from ..graph.catalog import FloatArray, IntArray
from ..graph.errors import ModelError
from .kernel import Head, KernelSettings, Prior, invert, kernel
from .propagation import Blocks
from .renewed import renewed

EXACT = 10_000
"""Up to this many seen targets the head is exact."""

LANDMARKS = 3000
"""Landmarks beyond; ``benchmarks/scale.py`` shows what they cost in accuracy."""

_POOL = 12_000
"""Landmarks are drawn from a random part of this size."""

_ROUNDS = 20
"""Landmarks are drawn in so many rounds: what the first ones leave unexplained is known when the next are drawn."""

_CHUNK = 2000
_JITTER = 1e-6


def make_head(blocks: Blocks, settings: KernelSettings, seen: IntArray, factors: FloatArray) -> Head:
    """The head for some seen targets: exact up to ``EXACT`` of them, through landmarks beyond."""
    if len(seen) <= EXACT:
        return Head(blocks, settings, seen, factors)
    return LandmarkHead(blocks, settings, seen, factors, choose_landmarks(blocks, settings, seen))


@dataclass(frozen=True, eq=False)
class LandmarkHead(Head):
    """Kernel ridge regression on ``psi(c) = L^-1 k(landmarks, c)`` with ``L L' = k(landmarks, landmarks)``.

    Its kernel ``psi(a) . psi(b)`` is the best that can be had from the landmarks (Nystrom; the deterministic training
    conditional of Quinonero-Candela and Rasmussen 2005, section 5): the mean is that of this kernel, the variance has
    what the landmarks do not explain, ``1 - |psi|^2``, on top.

    Attributes:
        landmarks: positions of the m landmarks among all targets, int64.
    """

    landmarks: IntArray

    def carrying(self, factors: FloatArray) -> Head:
        """The same through the same landmarks for other factors of the seen targets, float64 (s, d)."""
        return renewed(self, ("_root",), factors=factors)

    def prior(self, targets: IntArray) -> Prior:
        """Mean and variance for targets that are not seen, without any matrix of seen x seen."""
        mean, variance = np.empty((len(targets), self.factors.shape[1])), np.empty(len(targets))
        for part in _chunks(len(targets)):
            psi = self._features(targets[part])
            inside = np.einsum("tm,tm->t", psi @ self._inverse, psi)
            mean[part] = psi @ self._coefficients
            variance[part] = 1.0 - np.square(psi).sum(axis=1) + self.settings.ridge * inside
        return Prior(mean, np.clip(variance, 0.0, 1.0))

    def leave_one_out(self) -> Prior:
        """The prior of every seen target from the others.

        With leverage ``h = psi' (Psi'Psi + lambda I)^-1 psi`` the prediction without a target is
        ``(mu - h q) / (1 - h)`` (Hastie, Tibshirani and Friedman 2009, 7.64), its variance within the landmarks
        ``lambda h / (1 - h)``.
        """
        mean, variance = np.empty_like(self.factors), np.empty(len(self.seen))
        for part in _chunks(len(self.seen)):
            psi = self._features(self.seen[part])
            leverage = np.einsum("tm,tm->t", psi @ self._inverse, psi)
            rest = 1.0 - leverage
            mean[part] = (psi @ self._coefficients - leverage[:, None] * self.factors[part]) / rest[:, None]
            variance[part] = 1.0 - np.square(psi).sum(axis=1) + self.settings.ridge * leverage / rest
        return Prior(mean, np.clip(variance, 0.0, 1.0))

    def sources(self, target: int) -> FloatArray:
        """How much of each seen target's factor goes into one target's prior mean, float64 (s,)."""
        toward = self._inverse @ self._features(np.array([target]))[0]
        drawn = np.empty(len(self.seen))
        for part in _chunks(len(self.seen)):
            drawn[part] = self._features(self.seen[part]) @ toward
        place = int(np.searchsorted(self.seen, target))
        if place < len(self.seen) and self.seen[place] == target:
            drawn /= 1.0 - drawn[place]
            drawn[place] = 0.0
        return drawn

    def _features(self, targets: IntArray) -> FloatArray:
        """psi, float64 (targets, m)."""
        near = kernel(self.blocks, self.settings, targets, self.landmarks)
        return np.asarray(la.solve_triangular(self._root, near.T, lower=True, overwrite_b=True, check_finite=False).T)

    @cached_property
    def _root(self) -> FloatArray:
        """L, float64 (m, m); the diagonal is raised by a millionth, so that twins among the landmarks do no harm."""
        among = kernel(self.blocks, self.settings, self.landmarks, self.landmarks)
        among[np.diag_indices_from(among)] += _JITTER
        try:
            return np.asarray(la.cholesky(among, lower=True))
        except (la.LinAlgError, ValueError):  # ValueError: a number is not finite
            raise ModelError("The kernel of the landmarks is broken; the catalog holds non-finite numbers.") from None

    @cached_property
    def _solved(self) -> tuple[FloatArray, FloatArray]:
        """``(Psi'Psi + lambda I)^-1``, float64 (m, m), and that times ``Psi'Q``, float64 (m, rank)."""
        count = len(self.landmarks)
        system, right = np.zeros((count, count)), np.zeros((count, self.factors.shape[1]))
        for part in _chunks(len(self.seen)):
            psi = self._features(self.seen[part])
            system += psi.T @ psi
            right += psi.T @ self.factors[part]
        system[np.diag_indices_from(system)] += self.settings.ridge
        inverse = invert(system)
        return inverse, np.asarray(inverse @ right)

    @property
    def _inverse(self) -> FloatArray:
        return self._solved[0]

    @property
    def _coefficients(self) -> FloatArray:
        return self._solved[1]


def choose_landmarks(
    blocks: Blocks, settings: KernelSettings, seen: IntArray, count: int = LANDMARKS, seed: int = 0
) -> IntArray:
    """Seen targets that stand for the others, drawn as often as those before them leave them unexplained.

    Block randomly pivoted Cholesky (Chen, Epperly, Tropp and Webber 2023, algorithm 2) on a random part of the seen.

    Returns:
        positions, int64 (at most ``count``,), ascending.
    """
    random = np.random.default_rng(seed)
    pool = np.sort(random.choice(seen, min(_POOL, len(seen)), replace=False))
    found = np.empty((len(pool), min(count, len(pool))), dtype=np.float32)
    chosen = np.zeros(len(pool), dtype=np.bool_)
    left, done, together = np.ones(len(pool)), 0, -(-found.shape[1] // _ROUNDS)
    while done < found.shape[1] and left.sum() > _JITTER * len(pool):
        size = min(together, found.shape[1] - done, int(np.count_nonzero(left)))
        drawn = np.sort(random.choice(len(pool), size, replace=False, p=left / left.sum()))
        column = kernel(blocks, settings, pool, pool[drawn]) - found[:, :done] @ found[drawn, :done].T
        among = column[drawn]
        among[np.diag_indices_from(among)] += _JITTER
        new = la.solve_triangular(la.cholesky(among, lower=True), column.T, lower=True).T
        found[:, done : done + len(drawn)] = new
        left = np.maximum(left - np.square(new).sum(axis=1), 0.0)
        chosen[drawn], left[drawn] = True, 0.0
        done += len(drawn)
    return np.asarray(pool[chosen])


def _chunks(count: int) -> Iterator[slice]:
    for first in range(0, count, _CHUNK):
        yield slice(first, min(first + _CHUNK, count))
