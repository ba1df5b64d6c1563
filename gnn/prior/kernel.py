"""The closed-form regressor: factors of seen targets predicted for all others by a kernel over target features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import scipy.linalg as la

from ...arrays import FloatArray, IntArray
from ...display import short_repr
from ...errors import ModelError
from ...sharing import FieldsOnly
from ..propagation.features import FeatureBlocks
from ..utils import replace_keeping_cache


@dataclass(frozen=True)
class KernelSettings:
    """The kernel of two targets, and its noise."""

    weights: Mapping[str, float] = field(default_factory=dict)  # inverse squared length scale per block, 0 or more
    ridge: float = 0.3  # lambda, the noise of the seen targets' factors relative to the kernel


@dataclass(frozen=True, eq=False)
class Prior:
    """Predictions of the graph: mean mu, float64 (targets, rank), and variance s, 0 to 1, float64 (targets,)."""

    mean: FloatArray
    variance: FloatArray

    __repr__ = short_repr


def kernel(blocks: FeatureBlocks, settings: KernelSettings, rows: IntArray, columns: IntArray) -> FloatArray:
    """``k(a, b) = exp(-sum_r w_r |phi_r(a) - phi_r(b)|^2)`` with phi the features, float64 (rows, columns)."""
    check_weights(blocks, settings)
    total = np.zeros((len(rows), len(columns)), dtype=np.float32)
    for name, weight in settings.weights.items():
        if weight:
            total += np.float32(weight) * blocks.squared_distances(name, rows, columns)
    return np.exp(-total.astype(np.float64))


def check_weights(blocks: FeatureBlocks, settings: KernelSettings) -> None:
    """Raise a ModelError if the settings weigh a block that does not exist."""
    if unknown := sorted(settings.weights.keys() - set(blocks.names)):
        raise ModelError(
            f"The settings weigh {', '.join(map(repr, unknown))}, which the catalog does not have or in which all its "
            f"targets are alike (it has: {', '.join(blocks.names)}); leave that out or fit without settings."
        )


@dataclass(frozen=True, eq=False)
class KernelRegressor(FieldsOnly):
    """Kernel ridge regression from target features to factors (Rasmussen and Williams 2006, chapter 2)."""

    blocks: FeatureBlocks
    settings: KernelSettings
    seen: IntArray  # positions of the s seen targets, int64, ascending
    factors: FloatArray  # theirs, q, float64 (s, rank)

    __repr__ = short_repr

    @cached_property
    def inverse(self) -> FloatArray:
        """``A = (K + lambda I)^-1``, float64 (s, s)."""
        system = kernel(self.blocks, self.settings, self.seen, self.seen)
        system[np.diag_indices_from(system)] += self.settings.ridge
        return solve(system, np.eye(len(system)))

    def with_factors(self, factors: FloatArray) -> KernelRegressor:
        """The same for other factors of the seen targets, float64 (s, d), without solving the kernel again."""
        _ = self.inverse
        return replace_keeping_cache(self, ("inverse",), factors=factors)

    def sources(self, target: int) -> FloatArray:
        """Weights of the seen targets in one target's prior mean, ``mu = sources . Q``, float64 (s,); its own is 0."""
        place = int(np.searchsorted(self.seen, target))
        if place < len(self.seen) and self.seen[place] == target:
            weights = -self.inverse[place] / self.inverse[place, place]
            weights[place] = 0.0
            return np.asarray(weights)
        return np.asarray(kernel(self.blocks, self.settings, np.array([target]), self.seen)[0] @ self.inverse)

    def prior(self, targets: IntArray) -> Prior:
        """``mu = k (K + lambda I)^-1 Q`` and ``s = k(c, c) - k (K + lambda I)^-1 k'`` for targets that are not seen."""
        near = kernel(self.blocks, self.settings, targets, self.seen)
        weights = near @ self.inverse
        variance = np.clip(1.0 - np.einsum("ts,ts->t", weights, near), 0.0, 1.0)
        return Prior(np.asarray(weights @ self.factors), variance)

    def leave_one_out(self) -> Prior:
        """The prior of every seen target from the others, so that its own sales do not count twice.

        ``mu_c = q_c - [A Q]_c / A_cc`` and ``s_c + lambda = 1 / A_cc`` with ``A`` the inverse (equation 5.12 there).
        """
        diagonal = np.diag(self.inverse)
        mean = self.factors - (self.inverse @ self.factors) / diagonal[:, None]
        return Prior(mean, np.clip(1.0 / diagonal - self.settings.ridge, 0.0, 1.0))


def solve(system: FloatArray, right: FloatArray) -> FloatArray:
    """Solve a positive definite system for one or more right sides, by Cholesky; a ModelError where it is not."""
    try:
        factor = la.cho_factor(system, lower=True)
    except (la.LinAlgError, ValueError):  # ValueError: a number is not finite
        raise ModelError(
            "The kernel of the seen targets is not positive definite; the catalog holds non-finite numbers or the "
            "ridge is too small."
        ) from None
    return np.asarray(la.cho_solve(factor, right))
