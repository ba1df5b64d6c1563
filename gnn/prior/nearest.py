"""The regressor beyond ten thousand seen targets: each target from its nearest ones, in memory linear in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from ...arrays import AnyFloatArray, FloatArray, IntArray
from ..propagation.features import FeatureBlocks
from ..utils import replace_keeping_cache
from .kernel import KernelRegressor, KernelSettings, Prior, solve
from .stacked import StackedFeatures

EXACT = 10_000
"""Up to this many seen targets the regressor is exact."""

NEAREST = 100
"""Seen targets that predict each target beyond; docs/model.md shows the loss from leaving out the others."""


def make_regressor(
    blocks: FeatureBlocks, settings: KernelSettings, seen: IntArray, factors: FloatArray
) -> KernelRegressor:
    """The regressor for some seen targets: exact up to ``EXACT`` of them, from the nearest ones beyond."""
    return (KernelRegressor if len(seen) <= EXACT else NearestNeighborRegressor)(blocks, settings, seen, factors)


@dataclass(frozen=True, eq=False)
class NearestNeighborRegressor(KernelRegressor):
    """Kernel ridge regression of each target from its nearest seen targets alone.

    ``mu = k (K + lambda I)^-1 Q`` with rows and columns of the ``NEAREST`` alone (Vecchia 1988; Datta, Banerjee, Finley
    and Gelfand 2016, equation 7).
    """

    def with_factors(self, factors: FloatArray) -> KernelRegressor:
        """The same for other factors of the seen targets, float64 (s, d), without searching neighbours again."""
        _ = self._seen_weights
        return replace_keeping_cache(self, ("_seen_weights", "_seen_features"), factors=factors)

    def prior(self, targets: IntArray) -> Prior:
        """Mean and variance for targets that are not seen."""
        return self._predict(*self._weights(targets))

    def leave_one_out(self) -> Prior:
        """The prior of every seen target from its neighbours, none of which is itself."""
        return self._predict(*self._seen_weights)

    def sources(self, target: int) -> FloatArray:
        """Weights of the seen targets in one target's prior mean, float64 (s,)."""
        return np.asarray(self._weights(np.array([target]))[0].toarray()[0])

    def _predict(self, weights: sp.csr_array, variance: FloatArray) -> Prior:
        return Prior(np.asarray(weights.astype(self.factors.dtype) @ self.factors), variance)

    @cached_property
    def _seen_weights(self) -> tuple[sp.csr_array, FloatArray]:
        return self._weights(self.seen)

    @cached_property
    def _seen_features(self) -> StackedFeatures:
        return StackedFeatures.of(self.blocks, self.settings, self.seen)

    def _weights(self, targets: IntArray) -> tuple[sp.csr_array, FloatArray]:
        """``k (K + lambda I)^-1`` of some targets, CSR (targets, s), and their variance, float64 (targets,)."""
        of_seen = features = self._seen_features
        if targets is not self.seen:
            features = StackedFeatures.of(self.blocks, self.settings, targets, of_seen.widths)
        places = nearest_places(features, targets, of_seen, self.seen, min(NEAREST, len(self.seen) - 1))
        weights, variance = np.empty(places.shape), np.empty(len(targets))
        for row, near in enumerate(places):
            system = of_seen.kernel(near, of_seen, near)
            system[np.diag_indices_from(system)] += self.settings.ridge
            similarity = of_seen.kernel(near, features, np.array([row]))[:, 0]
            weights[row] = solve(system, similarity)
            variance[row] = 1.0 - weights[row] @ similarity
        return weight_matrix(weights, places, len(self.seen)), np.clip(variance, 0.0, 1.0)


def weight_matrix(weights: AnyFloatArray, places: IntArray, width: int) -> sp.csr_array:
    """Weights, (targets, k), at the columns in ``places`` as a matrix, CSR (targets, width)."""
    starts = np.arange(len(weights) + 1) * weights.shape[1]
    return sp.csr_array((weights.ravel(), places.ravel(), starts), shape=(len(weights), width))


def nearest_places(
    features: StackedFeatures, targets: IntArray, of_seen: StackedFeatures, seen: IntArray, count: int
) -> IntArray:
    """Indices among the seen targets (ascending) of the nearest to each target, not itself, int64 (targets, count)."""
    place = np.minimum(np.searchsorted(seen, targets), len(seen) - 1)
    return features.nearest(of_seen, count, np.where(seen[place] == targets, place, -1))
