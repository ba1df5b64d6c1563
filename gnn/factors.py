"""User and target factors by implicit-feedback ALS (Hu, Koren and Volinsky 2008)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from ..graph.errors import ModelError

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FactorSettings:
    """How the factors are fitted.

    Attributes:
        rank: length of the factors.
        second: length of a second set of factors beside them, 0 for none; the scores of both are averaged.
        alpha: confidence of one purchase; a non-purchase has confidence 1.
        regularization: weight of the squared length of the factors.
        iterations: alternating steps.
    """

    rank: int = 16
    alpha: float = 10.0
    regularization: float = 5.0
    iterations: int = 5
    second: int = 0

    @property
    def parts(self) -> tuple[slice, ...]:
        """Where each set of factors stands in a vector."""
        both = (slice(0, self.rank), slice(self.rank, self.rank + self.second))
        return both if self.second else both[:1]


@dataclass(frozen=True, eq=False)
class Factors:
    """Factors in which both sides agree: users solved exactly from ``basis``, targets exactly from users.

    Two sets stand side by side, each divided by the root of 2, so that ``p . q`` is the mean of their scores.

    Attributes:
        users: p, float64 (users, rank).
        targets: q, float64 (targets, rank).
        basis: the target factors from which users are folded in, float64 (targets, rank).
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


def fit_factors(bought: sp.csr_array, settings: FactorSettings, seed: int) -> Factors:
    """Fit factors to a 0/1 matrix of purchases.

    Args:
        bought: float64 0/1 CSR, shape (users, targets).
        settings: rank, confidence, regularisation, steps.
        seed: of the random start.

    Raises:
        ModelError: no purchases at all.
    """
    if bought.nnz == 0:
        raise ModelError("There is no purchase to learn from; give interactions on targets of the catalog.")
    from implicit.als import AlternatingLeastSquares

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
            als.fit(sp.csr_matrix(bought, dtype=np.float32), show_progress=False)
            sets.append(np.asarray(als.item_factors, dtype=np.float64))
        basis = np.hstack(sets) / np.sqrt(len(sets))
        users = solve_users(bought, basis, settings)
        targets = solve_users(sp.csr_array(bought.T), users, settings)
    return Factors(users, targets, basis, settings)


def solve_users(bought: sp.csr_array, basis: FloatArray, settings: FactorSettings) -> FloatArray:
    """Solve one side exactly, the other held fixed (Hu et al. 2008, equation 4).

    ``p_u = (B'B + (alpha - 1) B_u'B_u + reg I)^-1 alpha B_u'1``, with ``B`` the basis and ``B_u`` its bought rows.

    Args:
        bought: 0/1 CSR, shape (rows, columns).
        basis: factors of the columns, float64 (columns, rank).
        settings: confidence and regularisation.

    Returns:
        float64 (rows, rank); zero for rows without purchases.
    """
    found = np.zeros((bought.shape[0], basis.shape[1]))
    gram = basis.T @ basis
    for row in np.flatnonzero(np.diff(bought.indptr)):
        own = basis[bought.indices[bought.indptr[row] : bought.indptr[row + 1]]]
        found[row] = solve_one(own, gram, settings.alpha * own.sum(axis=0), settings)
    return found


def solve_one(own: FloatArray, gram: FloatArray, right: FloatArray, settings: FactorSettings) -> FloatArray:
    """Solve one user's system ``(B'B + (alpha - 1) B_u'B_u + reg I) x = right``, each of k sets of factors for itself.

    With ``B`` divided by the root of k, ``reg / k`` in place of ``reg`` and ``x / k`` in place of x give each set's own
    solution, divided by the root of k again.

    Args:
        own: basis rows of the h bought targets, float64 (h, rank).
        gram: ``B'B`` of the whole basis, float64 (rank, rank).
        right: float64 (rank,).
        settings: confidence and regularisation.

    Returns:
        x, float64 (rank,).
    """
    found, sets = np.empty_like(right), len(settings.parts)
    for part in settings.parts:
        here = own[:, part]
        system = gram[part, part] + (settings.alpha - 1) * here.T @ here
        system[np.diag_indices_from(system)] += settings.regularization / sets
        found[part] = np.linalg.solve(system, right[part]) / sets
    return found
