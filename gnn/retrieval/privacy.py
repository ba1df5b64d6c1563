"""Noise on released vectors: the analytic Gaussian mechanism (Balle and Wang 2018)."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import log_ndtr, ndtr

from ...arguments import is_number
from ...arrays import FloatArray
from ...display import short
from ...errors import InputError

_TOLERANCE = 1e-12
_MOST_EPSILON = 1e12
"""Beyond it there is no noise to speak of, and numbers overflow."""


def gaussian_delta(sigma: float, epsilon: float, sensitivity: float) -> float:
    """The least delta for which Gaussian noise is (epsilon, delta)-differentially private, exactly.

    ``Phi(D / (2 sigma) - epsilon sigma / D) - exp(epsilon) Phi(-D / (2 sigma) - epsilon sigma / D)`` with D the
    sensitivity, the largest Euclidean distance between the answers for two neighbouring data sets, and sigma the
    standard deviation on every coordinate (Balle and Wang 2018, theorem 8).
    """
    near, far = sensitivity / (2 * sigma), epsilon * sigma / sensitivity
    return float(ndtr(near - far) - math.exp(epsilon + log_ndtr(-near - far)))


def gaussian_sigma(epsilon: float, delta: float, sensitivity: float) -> float:
    """The least sigma that is (epsilon, delta)-differentially private: algorithm 1 of Balle and Wang (2018)."""
    if not (is_number(epsilon) and 0 < epsilon < _MOST_EPSILON):
        raise InputError(f"epsilon is {short(epsilon)}; give a finite number above 0.")
    if not (is_number(delta) and 0 < delta < 1):
        raise InputError(f"delta is {short(delta)}; give a number between 0 and 1, far below 1 / users.")
    if not (is_number(sensitivity) and sensitivity > 0):
        raise InputError(f"The sensitivity is {short(sensitivity)}; give a finite number above 0.")
    plenty = delta >= gaussian_delta(1.0, epsilon, math.sqrt(2 * epsilon))  # delta_0: B(0) below
    sign = 1.0 if plenty else -1.0

    def spent(v: float) -> float:  # B+ or B-
        far = math.exp(epsilon + log_ndtr(-math.sqrt(epsilon * (v + 2))))
        return float(ndtr(sign * math.sqrt(epsilon * v)) - far)

    most = 1.0
    while (spent(most) - delta) * sign < 0:
        most *= 2
    from scipy.optimize import brentq  # slow to import, and only a release needs it

    v = brentq(lambda at: spent(at) - delta, 0.0, most, xtol=_TOLERANCE)
    alpha = math.sqrt(1 + v / 2) - sign * math.sqrt(v / 2)
    return alpha * sensitivity / math.sqrt(2 * epsilon)


def release_vectors(
    vectors: FloatArray, epsilon: float, delta: float, random: np.random.Generator, clip: float = 1.0
) -> FloatArray:
    """Vectors with noise, float64 (users, d), each (epsilon, delta)-differentially private by itself.

    Vectors are shortened to ``clip`` at most, so the sensitivity is ``2 clip``: everything about one person is
    replaced.
    """
    sigma = gaussian_sigma(epsilon, delta, 2 * clip)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    clipped = vectors * np.minimum(1.0, clip / np.maximum(lengths, clip * _TOLERANCE))
    return np.asarray(clipped + random.normal(0.0, sigma, vectors.shape))
