"""The head beyond ten thousand seen targets: every target is told from its nearest ones, in memory linear in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from ..graph.catalog import FloatArray, IntArray
from .kernel import Head, KernelSettings, Prior, invert, kernel
from .propagation import Blocks
from .renewed import renewed

EXACT = 10_000
"""Up to this many seen targets the head is exact."""

NEAREST = 100
"""Seen targets that tell of one beyond; ``benchmarks/scale.py`` shows what leaving out the others costs."""

_CHUNK = 64
"""Targets compared with all seen ones at once."""


def make_head(blocks: Blocks, settings: KernelSettings, seen: IntArray, factors: FloatArray) -> Head:
    """The head for some seen targets: exact up to ``EXACT`` of them, through the nearest ones beyond."""
    return (Head if len(seen) <= EXACT else NearestHead)(blocks, settings, seen, factors)


@dataclass(frozen=True, eq=False)
class NearestHead(Head):
    """Kernel ridge regression from the nearest seen targets of each target alone.

    The others say next to nothing once the nearest are known (Vecchia 1988; a nearest-neighbour Gaussian process,
    Datta, Banerjee, Finley and Gelfand 2016, equation 7): ``mu = k (K + lambda I)^-1 Q`` with rows and columns of the
    ``NEAREST`` alone. Landmarks, which share one low rank among all targets, blur just these.
    """

    def carrying(self, factors: FloatArray) -> Head:
        """The same for other factors of the seen targets, float64 (s, d): who is near to whom stays known."""
        return renewed(self, ("_among_seen",), factors=factors)

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

    def _carry(self, targets: IntArray) -> tuple[sp.csr_array, FloatArray]:
        """``k (K + lambda I)^-1`` of some targets, CSR (targets, s), and their variance, float64 (targets,)."""
        count = min(NEAREST, len(self.seen) - 1)
        places = nearest_places(self.blocks, self.settings, targets, self.seen, count)
        drawn, variance = np.empty(places.shape), np.empty(len(targets))
        for row, (target, near) in enumerate(zip(targets, self.seen[places], strict=True)):
            system = kernel(self.blocks, self.settings, near, near)
            system[np.diag_indices_from(system)] += self.settings.ridge
            alike = kernel(self.blocks, self.settings, near, np.array([target]))[:, 0]
            drawn[row] = invert(system) @ alike
            variance[row] = 1.0 - drawn[row] @ alike
        starts = np.arange(len(targets) + 1) * count
        carried = sp.csr_array((drawn.ravel(), places.ravel(), starts), shape=(len(targets), len(self.seen)))
        return carried, np.clip(variance, 0.0, 1.0)


def nearest_places(blocks: Blocks, settings: KernelSettings, targets: IntArray, seen: IntArray, count: int) -> IntArray:
    """Places among the seen targets of those most like each one, itself left out, int64 (targets, count), ascending."""
    found = np.empty((len(targets), count), dtype=np.int64)
    for first in range(0, len(targets), _CHUNK):
        part = targets[first : first + _CHUNK]
        alike = kernel(blocks, settings, part, seen)
        own = np.minimum(np.searchsorted(seen, part), len(seen) - 1)
        themselves = np.flatnonzero(seen[own] == part)
        alike[themselves, own[themselves]] = -1.0
        found[first : first + _CHUNK] = np.sort(np.argpartition(-alike, count - 1, axis=1)[:, :count], axis=1)
    if len(targets) > _CHUNK:  # so many seen targets are not kept beside the model for the next question
        blocks.forget()
    return found
