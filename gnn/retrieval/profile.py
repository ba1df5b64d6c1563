"""A user vector from a few named targets."""

from __future__ import annotations

import numpy as np

from ...arrays import FloatArray, IntArray
from ..factors.als import Factors


def profile_vector(factors: Factors, named: IntArray) -> FloatArray:
    """Solve p of one user from named targets, float64 (rank,); others are unknown rather than not bought.

    ``p = argmin_p sum_{i named} alpha (1 - p . b_i)^2 + reg |p - mean|^2`` with b the basis and the mean user as prior.
    """
    settings, vectors = factors.settings, factors.basis[named]
    system = settings.alpha * vectors.T @ vectors + settings.regularization * np.eye(vectors.shape[1])
    right = settings.alpha * vectors.sum(axis=0) + settings.regularization * factors.mean_user
    return np.asarray(np.linalg.solve(system, right))
