"""User and target factors by implicit-feedback ALS (Hu, Koren and Volinsky 2008)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from ...arrays import FloatArray
from ...errors import ModelError

_MOST_DOUBLE = 50_000
"""Of more targets the factors are kept in single precision, float32: half of the memory, the same ranking."""
_TOGETHER = 10_000
"""Targets solved at once."""
_FEW = 8
"""Where a system has so many times fewer pairs than its rank, the common part of all systems is inverted once."""


@dataclass(frozen=True)
class FactorSettings:
    """How the factors are fitted.

    Attributes:
        rank: length of the factors.
        second: length of a second set of factors beside them, 0 for none; the scores of both are averaged.
        rounds: further alternating steps informed by the graph (:mod:`newaisle.gnn.space.informed`), 0 for none.
        alpha: confidence of a full purchase; a non-purchase has confidence 1.
        regularization: weight of the squared length of the factors.
        iterations: alternating steps.
    """

    rank: int = 16
    alpha: float = 10.0
    regularization: float = 5.0
    iterations: int = 5
    second: int = 0
    rounds: int = 2

    @property
    def parts(self) -> tuple[slice, ...]:
        """Where each set of factors stands in a vector."""
        both = (slice(0, self.rank), slice(self.rank, self.rank + self.second))
        return both if self.second else both[:1]

    def few(self, pairs: int, rank: int) -> bool:
        """Whether a system of so many pairs is solved from what it has in common with all others."""
        return pairs * _FEW <= rank and self.alpha >= 1.0

    def certainty(self, weights: FloatArray) -> FloatArray:
        """Confidence ``1 + (alpha - 1) |w|`` of pairs over alpha: 1 for a full purchase, float64 (pairs,).

        Args:
            weights: w of the pairs, -1 to 1, not 0; where it is below 0, so is the result.
        """
        size = np.abs(weights)
        return np.asarray(np.sign(weights) * (size + (1.0 - size) / self.alpha))


@dataclass(frozen=True, eq=False)
class Factors:
    """Factors in which both sides agree: users solved exactly from ``basis``, targets exactly from users.

    Two sets stand side by side, each divided by the root of 2, so that ``p . q`` is the mean of their scores.

    Attributes:
        users: p, float64 (users, rank).
        targets: q, float64 (targets, rank); float32 of more than 50,000 targets.
        basis: the target factors from which users are folded in, likewise.
        settings: how they were fitted.
    """

    users: FloatArray
    targets: FloatArray
    basis: FloatArray
    settings: FactorSettings

    @cached_property
    def gram(self) -> FloatArray:
        """``B'B`` of the basis, float64 (rank, rank)."""
        return np.asarray(self.basis.T @ self.basis)

    @cached_property
    def user_gram(self) -> FloatArray:
        """``P'P`` of all users, float64 (rank, rank)."""
        return np.asarray(self.users.T @ self.users)

    @cached_property
    def mean_user(self) -> FloatArray:
        """The vector of a user without history: the mean of all with one, float64 (rank,)."""
        return np.asarray(self.users[self.users.any(axis=1)].mean(axis=0))

    def user_vectors(self, users: npt.NDArray[np.int64]) -> FloatArray:
        """User vectors p of some rows, with the mean user for those without history, float64 (users, rank)."""
        vectors = self.users[users]
        return np.where(vectors.any(axis=1, keepdims=True), vectors, self.mean_user)


def fit_factors(signed: sp.csr_array, settings: FactorSettings, seed: int) -> Factors:
    """Fit factors to purchases and dislikes.

    A pair with weight w has confidence ``1 + (alpha - 1) |w|`` and preference 1, or 0 where w is below 0.

    Args:
        signed: weights, float64 CSR, shape (users, targets): 1 for a full purchase, below 0 for a dislike.
        settings: rank, confidence, regularisation, steps.
        seed: of the random start.

    Raises:
        ModelError: no purchases at all.
    """
    basis, users = fit_users(signed, settings, seed)
    return Factors(users, solve_targets(sp.csr_array(signed.T), users, settings), basis, settings)


def fit_users(signed: sp.csr_array, settings: FactorSettings, seed: int) -> tuple[FloatArray, FloatArray]:
    """The basis, float64 (targets, rank), and the users solved exactly from it, float64 (users, rank).

    Takes and raises what :func:`fit_factors` does.
    """
    if not (signed.data > 0).any():
        raise ModelError("There is no purchase to learn from; give interactions on targets of the catalog.")
    from implicit.als import AlternatingLeastSquares

    certain = sp.csr_matrix((settings.certainty(signed.data), signed.indices, signed.indptr), signed.shape, np.float32)
    # implicit runs its own threads; a threaded BLAS below them floods the cores
    with threadpool_limits(1, "blas"):
        sets = []
        for part in settings.parts:
            als = AlternatingLeastSquares(
                factors=part.stop - part.start,
                alpha=settings.alpha,
                regularization=settings.regularization,
                iterations=settings.iterations,
                random_state=seed,
            )
            als.fit(certain, show_progress=False)
            sets.append(np.asarray(als.item_factors, dtype=_precision(signed.shape[1])))
        basis = np.hstack(sets) / float(np.sqrt(len(sets)))
        if (signed.data < 0).any():  # nothing but dislikes leads to zero, in steps that do not quite reach it
            basis[np.bincount(signed.indices[signed.data > 0], minlength=len(basis)) == 0] = 0.0
    return basis, solve_users(signed, basis, settings)


def solve_users(signed: sp.csr_array, basis: FloatArray, settings: FactorSettings) -> FloatArray:
    """Solve one side exactly, the other held fixed (Hu et al. 2008, equation 4).

    ``p_u = (B'B + sum_i (c_i - 1) b_i b_i' + reg I)^-1 sum_{i bought} c_i b_i``, with ``B`` the basis, ``b_i`` its rows
    that were bought or are disliked and ``c_i`` their confidence.

    Args:
        signed: weights, CSR, shape (rows, columns), as :func:`fit_factors` takes them.
        basis: factors of the columns, float64 (columns, rank).
        settings: confidence and regularisation.

    Returns:
        float64 (rows, rank); zero for rows without purchases.
    """
    found, certain = np.zeros((signed.shape[0], basis.shape[1])), settings.certainty(signed.data)
    with threadpool_limits(1, "blas"):  # the systems are too small to share
        gram, sets = basis.T @ basis, len(settings.parts)
        alone = [invert_shifted(gram[part, part], settings.regularization / sets) for part in settings.parts]
        for row in np.flatnonzero(np.diff(signed.indptr)):
            here = slice(signed.indptr[row], signed.indptr[row + 1])
            own = basis[signed.indices[here]]
            right = settings.alpha * wanted(own, certain[here])
            if not right.any():  # there are dislikes alone
                continue
            if not settings.few(len(own), max(settings.rank, settings.second)):
                found[row] = solve_one(own, certain[here], gram, right, settings)
                continue
            more = settings.alpha * np.abs(certain[here]) - 1
            for part, inverse in zip(settings.parts, alone, strict=True):
                found[row, part] = solve_few(inverse, own[:, part], more, right[part]) / sets
    return found


def solve_targets(by_target: sp.csr_array, users: FloatArray, settings: FactorSettings) -> FloatArray:
    """:func:`solve_users` the other way round, a part of the targets at a time.

    Args:
        by_target: weights, CSR, shape (targets, users).
        users: p, float64 (users, rank).
        settings: confidence and regularisation.

    Returns:
        q, float64 (targets, rank); float32 of more than 50,000 targets.
    """
    count = by_target.shape[0]
    found = np.empty((count, users.shape[1]), dtype=_precision(count))
    for first in range(0, count, _TOGETHER):
        part = slice(first, first + _TOGETHER)
        found[part] = solve_users(sp.csr_array(by_target[part]), users, settings)
    return found


def _precision(targets: int) -> type[np.floating]:
    return np.float64 if targets <= _MOST_DOUBLE else np.float32


def invert_shifted(gram: FloatArray, shift: float) -> FloatArray:
    """``(gram + shift I)^-1``, float64 (rank, rank)."""
    return np.asarray(np.linalg.inv(gram + shift * np.eye(len(gram))))


def solve_few(inverse: FloatArray, own: FloatArray, more: FloatArray, right: FloatArray) -> FloatArray:
    """Solve ``(A + sum_i more_i own_i own_i') x = right`` with few i by the Woodbury identity.

    Args:
        inverse: of A, float64 (rank, rank).
        own: float64 (h, rank), h much less than the rank.
        more: 0 or more, float64 (h,).
        right: float64 (rank,).

    Returns:
        x, float64 (rank,).
    """
    scaled = np.sqrt(more)[:, None] * own
    toward, alone = scaled @ inverse, inverse @ right
    inner = toward @ scaled.T
    inner[np.diag_indices_from(inner)] += 1.0
    return np.asarray(alone - toward.T @ np.linalg.solve(inner, scaled @ alone))


def wanted(own: FloatArray, certain: FloatArray) -> FloatArray:
    """The sum of vectors (h, rank), each times its certainty (h,), without those that are disliked; float64 (rank,)."""
    return np.asarray((np.maximum(certain, 0.0)[:, None] * own).sum(axis=0))


def solve_one(
    own: FloatArray, certain: FloatArray, gram: FloatArray, right: FloatArray, settings: FactorSettings
) -> FloatArray:
    """Solve one user's system ``(B'B + sum_i (c_i - 1) b_i b_i' + reg I) x = right``, each of k sets for itself.

    With ``B`` divided by the root of k, ``reg / k`` in place of ``reg`` and ``x / k`` in place of x give each set's own
    solution, divided by the root of k again.

    Args:
        own: basis rows of the h targets that were bought or are disliked, float64 (h, rank).
        certain: their certainty, float64 (h,).
        gram: ``B'B`` of the whole basis, float64 (rank, rank).
        right: float64 (rank,).
        settings: confidence and regularisation.

    Returns:
        x, float64 (rank,).
    """
    found, sets = np.empty_like(right), len(settings.parts)
    for part in settings.parts:
        here = own[:, part]
        system = gram[part, part] + (settings.alpha * np.abs(certain) - 1) * here.T @ here
        system[np.diag_indices_from(system)] += settings.regularization / sets
        found[part] = np.linalg.solve(system, right[part]) / sets
    return found
