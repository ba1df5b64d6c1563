"""Settings of the factor model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...arrays import FloatArray

_FEW = 8
"""Systems with this many times fewer pairs than their rank are solved by the Woodbury identity."""


@dataclass(frozen=True)
class FactorSettings:
    """How the factors are fitted."""

    rank: int = 16
    alpha: float = 10.0  # confidence of a full purchase; a non-purchase has confidence 1
    regularization: float = 5.0  # weight of the squared length of the factors
    iterations: int = 5  # alternating steps
    second: int = 0  # rank of a second set of factors, 0 for none; the scores of both are averaged
    rounds: int = 2  # further alternating steps informed by the graph (:mod:`newaisle.gnn.prior.informed_factors`)

    @property
    def parts(self) -> tuple[slice, ...]:
        """The columns of each set of factors."""
        both = (slice(0, self.rank), slice(self.rank, self.rank + self.second))
        return both if self.second else both[:1]

    def few(self, pairs: int, rank: int) -> bool:
        """Whether a system of so many pairs is solved as a small change of the part that all systems share."""
        return pairs * _FEW <= rank and self.alpha >= 1.0

    def certainty(self, weights: FloatArray) -> FloatArray:
        """Confidence ``1 + (alpha - 1) |w|`` over alpha, with the sign of w, of weights w from -1 to 1, not 0."""
        size = np.abs(weights)
        return np.asarray(np.sign(weights) * (size + (1.0 - size) / self.alpha))
