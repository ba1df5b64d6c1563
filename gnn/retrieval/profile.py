"""A user vector from a few named targets."""

from __future__ import annotations

import numpy as np

from ...arrays import FloatArray, IntArray
from ..factors.als import Factors


def profile_vector(factors: Factors, named: IntArray) -> FloatArray:
    """The ALS step of one user with the mean user as the prior; other targets are unknown rather than not bought.

    ``p = argmin_p sum_{i named} alpha (1 - p . b_i)^2 + reg |p - mean|^2``, the counterpart of the update of a target,
    with b the basis and the positions of the named targets. Returns p, float64 (rank,).
    """
    settings, vectors = factors.settings, factors.basis[named]
    system = settings.alpha * vectors.T @ vectors + settings.regularization * np.eye(vectors.shape[1])
    right = settings.alpha * vectors.sum(axis=0) + settings.regularization * factors.mean_user
    return np.asarray(np.linalg.solve(system, right))
