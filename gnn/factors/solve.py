"""Exact solutions of the factor model's linear systems, one per user or target (Hu, Koren and Volinsky 2008)."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ...arrays import FloatArray
from ..threads import one_blas_thread
from ..utils import chunks
from .settings import FactorSettings

MOST_DOUBLE = 50_000
"""Factors of more targets are kept in single precision, float32: half of the memory, the same ranking."""
TOGETHER = 10_000
"""Targets solved at once."""


def solve_users(signed: sp.csr_array, basis: FloatArray, settings: FactorSettings) -> FloatArray:
    """Solve one side exactly, the other held fixed (Hu et al. 2008, equation 4), float64 (rows, rank).

    ``p_u = (B'B + sum_i (c_i - 1) b_i b_i' + reg I)^-1 sum_{i bought} c_i b_i``, with ``B`` the basis, float64
    (columns, rank), ``b_i`` its rows bought or disliked and ``c_i`` their confidence; zero without purchases.
    ``signed`` are the weights, CSR (rows, columns), see :func:`newaisle.gnn.factors.als.fit_factors`.
    """
    solved, certainty = np.zeros((signed.shape[0], basis.shape[1])), settings.certainty(signed.data)
    with one_blas_thread():  # the systems are too small to share
        gram, sets = basis.T @ basis, len(settings.parts)
        shared = [
            np.linalg.inv(gram[part, part] + settings.regularization / sets * np.eye(part.stop - part.start))
            for part in settings.parts
        ]
        for row in np.flatnonzero(np.diff(signed.indptr)):
            pairs = slice(signed.indptr[row], signed.indptr[row + 1])
            vectors, certain = basis[signed.indices[pairs]], certainty[pairs]
            right = settings.alpha * weighted_sum(vectors, certain)
            if not right.any():  # only dislikes
                continue
            if not settings.few(len(vectors), max(settings.rank, settings.second)):
                solved[row] = solve_one(vectors, certain, gram, right, settings)
                continue
            root = np.sqrt(settings.alpha * np.abs(certain) - 1)[:, None]
            for part, inverse in zip(settings.parts, shared, strict=True):
                scaled = root * vectors[:, part]
                carried, plain = scaled @ inverse, inverse @ right[part]
                solved[row, part] = (plain - carried.T @ solve_woodbury(scaled, carried, scaled @ plain)) / sets
    return solved


def solve_targets(by_target: sp.csr_array, users: FloatArray, settings: FactorSettings) -> FloatArray:
    """:func:`solve_users` with the roles exchanged: q, float64 (targets, rank), float32 beyond ``MOST_DOUBLE`` targets.

    ``by_target`` are weights, CSR (targets, users), ``users`` p, (users, rank).
    """
    count = by_target.shape[0]
    solved = np.empty((count, users.shape[1]), dtype=precision_of(count))
    for part in chunks(count, TOGETHER):
        solved[part] = solve_users(sp.csr_array(by_target[part]), users, settings)
    return solved


def precision_of(targets: int) -> type[np.floating]:
    """The type of the factors of so many targets."""
    return np.float64 if targets <= MOST_DOUBLE else np.float32


def solve_woodbury(scaled: FloatArray, carried: FloatArray, right: FloatArray) -> FloatArray:
    """``(I + S A^-1 S')^-1 right``, the small system in ``(A + S'S)^-1 = A^-1 - A^-1 S' (I + S A^-1 S')^-1 S A^-1``.

    ``scaled`` is S, the vectors of few pairs times the roots of their weights, ``carried`` is ``S A^-1``, both float64
    (h, rank); ``right`` is float64 (h,) or (h, d).
    """
    inner = carried @ scaled.T
    inner[np.diag_indices_from(inner)] += 1.0
    return np.asarray(np.linalg.solve(inner, right))


def weighted_sum(vectors: FloatArray, certainty: FloatArray) -> FloatArray:
    """The sum of vectors (h, rank) times their certainty (h,), dislikes left out; float64 (rank,)."""
    return np.asarray((np.maximum(certainty, 0.0)[:, None] * vectors).sum(axis=0))


def solve_one(
    vectors: FloatArray, certainty: FloatArray, gram: FloatArray, right: FloatArray, settings: FactorSettings
) -> FloatArray:
    """Solve one user's system ``(B'B + sum_i (c_i - 1) b_i b_i' + reg I) x = right``, each of k sets by itself.

    ``vectors`` are the basis rows of the h targets bought or disliked, float64 (h, rank), ``certainty`` float64 (h,),
    ``gram`` is ``B'B``. As ``B`` is divided by the root of k, ``reg / k`` and ``x / k`` give each set's own solution,
    divided by the root of k again.
    """
    solved, sets = np.empty_like(right), len(settings.parts)
    for part in settings.parts:
        rows = vectors[:, part]
        system = gram[part, part] + (settings.alpha * np.abs(certainty) - 1) * rows.T @ rows
        system[np.diag_indices_from(system)] += settings.regularization / sets
        solved[part] = np.linalg.solve(system, right[part]) / sets
    return solved
