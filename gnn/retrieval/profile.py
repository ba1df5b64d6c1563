"""A user vector for somebody of whom only a few targets are named."""

from __future__ import annotations

import numpy as np

from ...arrays import FloatArray, IntArray
from ..factors.als import Factors


def profile_vector(factors: Factors, named: IntArray) -> FloatArray:
    """The ALS step of one user with the mean user as its prior, what is not named being unknown rather than unbought.

    ``p = argmin_p sum_{i named} alpha (1 - p . b_i)^2 + reg |p - mean|^2``, the counterpart of the update of a target.

    Args:
        factors: the fitted factors; ``b`` is their basis.
        named: positions of the named targets, int64 (h,); the mean user where there are none.

    Returns:
        p, float64 (rank,).
    """
    settings, own = factors.settings, factors.basis[named]
    system = settings.alpha * own.T @ own + settings.regularization * np.eye(own.shape[1])
    right = settings.alpha * own.sum(axis=0) + settings.regularization * factors.mean_user
    return np.asarray(np.linalg.solve(system, right))
