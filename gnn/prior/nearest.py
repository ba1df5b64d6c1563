"""The head beyond ten thousand seen targets: every target is told from its nearest ones, in memory linear in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from ...arrays import FloatArray, IntArray
from ..propagation.features import FeatureBlocks
from ..utils import replace_keeping_cache
from .kernel import KernelRegressor, KernelSettings, Prior, solve
from .stacked import StackedFeatures

EXACT = 10_000
"""Up to this many seen targets the head is exact."""

NEAREST = 100
"""Seen targets that tell of one beyond; docs/model.md shows what leaving out the others costs."""


def make_regressor(
    blocks: FeatureBlocks, settings: KernelSettings, seen: IntArray, factors: FloatArray
) -> KernelRegressor:
    """The head for some seen targets: exact up to ``EXACT`` of them, through the nearest ones beyond."""
    return (KernelRegressor if len(seen) <= EXACT else NearestNeighborRegressor)(blocks, settings, seen, factors)


@dataclass(frozen=True, eq=False)
class NearestNeighborRegressor(KernelRegressor):
    """Kernel ridge regression from the nearest seen targets of each target alone.

    The others say next to nothing once the nearest are known (Vecchia 1988; a nearest-neighbour Gaussian process,
    Datta, Banerjee, Finley and Gelfand 2016, equation 7): ``mu = k (K + lambda I)^-1 Q`` with rows and columns of the
    ``NEAREST`` alone. Landmarks, which share one low rank among all targets, blur just these.
    """

    def carrying(self, factors: FloatArray) -> KernelRegressor:
        """The same for other factors of the seen targets, float64 (s, d); neighbours are found once for all of them."""
        _ = self._among_seen
        return replace_keeping_cache(self, ("_among_seen", "_of_seen"), factors=factors)

    def prior(self, targets: IntArray) -> Prior:
        """Mean and variance for targets that are not seen."""
        return self._told(*self._carry(targets))

    def leave_one_out(self) -> Prior:
        """The prior of every seen target from the others, none of which is itself."""
        return self._told(*self._among_seen)

    def sources(self, target: int) -> FloatArray:
        """How much of each seen target's factor goes into one target's prior mean, float64 (s,)."""
        return np.asarray(self._carry(np.array([target]))[0].toarray()[0])

    def _told(self, carried: sp.csr_array, variance: FloatArray) -> Prior:
        return Prior(np.asarray(carried.astype(self.factors.dtype) @ self.factors), variance)

    @cached_property
    def _among_seen(self) -> tuple[sp.csr_array, FloatArray]:
        return self._carry(self.seen)

    @cached_property
    def _of_seen(self) -> StackedFeatures:
        return StackedFeatures.of(self.blocks, self.settings, self.seen)

    def _carry(self, targets: IntArray) -> tuple[sp.csr_array, FloatArray]:
        """``k (K + lambda I)^-1`` of some targets, CSR (targets, s), and their variance, float64 (targets,)."""
        of_seen = self._of_seen
        asking = of_seen
        if targets is not self.seen:
            asking = StackedFeatures.of(self.blocks, self.settings, targets, of_seen.widths)
        places = nearest_places(asking, targets, of_seen, self.seen, min(NEAREST, len(self.seen) - 1))
        drawn, variance = np.empty(places.shape), np.empty(len(targets))
        for row, near in enumerate(places):
            system = of_seen.kernel(near, of_seen, near)
            system[np.diag_indices_from(system)] += self.settings.ridge
            alike = of_seen.kernel(near, asking, np.array([row]))[:, 0]
            drawn[row] = solve(system, alike)
            variance[row] = 1.0 - drawn[row] @ alike
        starts = np.arange(len(targets) + 1) * places.shape[1]
        carried = sp.csr_array((drawn.ravel(), places.ravel(), starts), shape=(len(targets), len(self.seen)))
        return carried, np.clip(variance, 0.0, 1.0)


def nearest_places(
    asking: StackedFeatures, targets: IntArray, of_seen: StackedFeatures, seen: IntArray, count: int
) -> IntArray:
    """Places among the seen targets of those most like each one, itself left out, int64 (targets, count), ascending.

    Args:
        asking: the targets' rows.
        targets: their positions.
        of_seen: the seen targets' rows.
        seen: their positions, ascending.
        count: how many, fewer than there are.
    """
    own = np.minimum(np.searchsorted(seen, targets), len(seen) - 1)
    return asking.nearest(of_seen, count, np.where(seen[own] == targets, own, -1))
