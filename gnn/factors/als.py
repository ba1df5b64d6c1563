"""User and target factors by implicit-feedback ALS (Hu, Koren and Volinsky 2008)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from ...arrays import FloatArray, IntArray
from ...display import short_repr
from ...errors import ModelError
from ...sharing import FieldsOnly
from ..threads import one_blas_thread, surviving_threads
from .settings import FactorSettings
from .solve import precision_of, solve_targets, solve_users


@dataclass(frozen=True, eq=False)
class Factors(FieldsOnly):
    """Factors in which both sides agree: users solved exactly from ``basis``, targets exactly from users.

    Two sets are concatenated, each divided by the root of 2, so that ``p . q`` is the mean of their scores.
    """

    users: FloatArray  # p, float64 (users, rank)
    targets: FloatArray  # q, float64 (targets, rank); float32 of more than 50,000 targets
    basis: FloatArray  # the target factors from which users are folded in, likewise
    settings: FactorSettings

    __repr__ = short_repr

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

    def user_vectors(self, users: IntArray) -> FloatArray:
        """User vectors p, the mean user for rows without history, float64 (users, rank)."""
        vectors = self.users[users]
        return np.where(vectors.any(axis=1, keepdims=True), vectors, self.mean_user)


def fit_factors(signed: sp.csr_array, settings: FactorSettings, seed: int) -> Factors:
    """Fit factors to purchases and dislikes; ``signed`` is the weight w of each pair, float64 CSR (users, targets).

    w is 1 for a full purchase, below 0 for a dislike. A pair has confidence ``1 + (alpha - 1) |w|`` and preference 1,
    or 0 where w is below 0. No purchases at all raise a ModelError.
    """
    basis, users = fit_users(signed, settings, seed)
    return Factors(users, solve_targets(sp.csr_array(signed.T), users, settings), basis, settings)


def fit_users(signed: sp.csr_array, settings: FactorSettings, seed: int) -> tuple[FloatArray, FloatArray]:
    """The basis, (targets, rank), and the users solved exactly from it, (users, rank); see :func:`fit_factors`."""
    if not (signed.data > 0).any():
        raise ModelError("There is no purchase to learn from; give interactions on targets of the catalog.")
    from implicit.als import AlternatingLeastSquares

    weights = sp.csr_matrix((settings.certainty(signed.data), signed.indices, signed.indptr), signed.shape, np.float32)
    # implicit runs its own threads; a threaded BLAS below them would oversubscribe the cores
    with surviving_threads(), one_blas_thread():
        sets = []
        for part in settings.parts:
            als = AlternatingLeastSquares(
                factors=part.stop - part.start,
                alpha=settings.alpha,
                regularization=settings.regularization,
                iterations=settings.iterations,
                random_state=seed,
            )
            als.fit(weights, show_progress=False)
            sets.append(np.asarray(als.item_factors, dtype=precision_of(signed.shape[1])))
        basis = np.hstack(sets) / float(np.sqrt(len(sets)))
        if (signed.data < 0).any():  # only dislikes lead to zero, which the steps of implicit do not quite reach
            basis[np.bincount(signed.indices[signed.data > 0], minlength=len(basis)) == 0] = 0.0
    return basis, solve_users(signed, basis, settings)
