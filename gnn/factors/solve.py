"""Exact solutions of the factor model's linear systems, one per user or target (Hu, Koren and Volinsky 2008)."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from ...arrays import FloatArray
from .settings import FactorSettings

MOST_DOUBLE = 50_000
"""Of more targets the factors are kept in single precision, float32: half of the memory, the same ranking."""
TOGETHER = 10_000
"""Targets solved at once."""


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
            right = settings.alpha * weighted_sum(own, certain[here])
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
    found = np.empty((count, users.shape[1]), dtype=precision_of(count))
    for first in range(0, count, TOGETHER):
        part = slice(first, first + TOGETHER)
        found[part] = solve_users(sp.csr_array(by_target[part]), users, settings)
    return found


def precision_of(targets: int) -> type[np.floating]:
    """The type of the factors of so many targets."""
    return np.float64 if targets <= MOST_DOUBLE else np.float32


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


def weighted_sum(own: FloatArray, certain: FloatArray) -> FloatArray:
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
