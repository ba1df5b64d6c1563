"""How many users will buy a target: the sum of their purchase probabilities, and a conformal interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...arrays import FloatArray, IntArray
from ...display import short_repr
from ..utils import chunks
from .probability import PurchaseCalibration

COVERAGE = 0.8
"""Share of the targets whose number of buyers lies inside the interval."""

_BIN = 100
"""Pseudo-new targets per bin, at least."""

_MOST_BINS = 20

_CELLS = 2**18
"""Probabilities computed at once."""

_REPEAT = 1.3
"""Move of the root of buyers from window to window, at ``COVERAGE``: half-years of Complete Journey (Poisson: 0.9)."""


@dataclass(frozen=True)
class ConformalInterval:
    """Deviations of numbers of buyers from the expected ones, as ``log((buyers + 1) / (expected + 1))``.

    Split conformal prediction (Lei et al. 2018) in bins of the expected number (Mondrian: Vovk, Gammerman and Shafer
    2005): in each the shortest interval around 0 that contains ``COVERAGE`` of the targets, interpolated between bins.
    """

    levels: tuple[float, ...]  # mean ``log(expected + 1)`` of each bin, ascending
    low: tuple[float, ...]  # lower ends, 0 or less
    high: tuple[float, ...]  # upper ends, 0 or more

    def interval(self, expected: FloatArray, share: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The interval around expected numbers of buyers, in whole buyers, float64 (targets,) twice.

        It narrows, on the logarithmic scale, with the ``share`` of the prior in each vector, 1 for a new target,
        (targets,).
        """
        level = np.log1p(expected)
        low, high = (np.expm1(level + share * np.interp(level, self.levels, ends)) for ends in (self.low, self.high))
        return np.minimum(np.rint(np.maximum(low, 0.0)), np.floor(expected)), np.maximum(
            np.rint(high), np.ceil(expected)
        )


@dataclass(frozen=True, eq=False)
class Forecast:
    """Expected buyers of targets, by what is known of them, and the interval of their sum; float64 (targets,) each."""

    known: FloatArray  # users with a history
    new: FloatArray  # new customers, who buy nothing else that is sold so far
    low: FloatArray
    high: FloatArray

    @property
    def expected(self) -> FloatArray:
        """All expected buyers, float64 (targets,)."""
        return self.known + self.new


@dataclass(frozen=True, eq=False)
class BuyerCounts:
    """Expected and true numbers of buyers of targets predicted without their sales."""

    expected: FloatArray  # (targets,)
    buyers: IntArray  # int64 (targets,)

    __repr__ = short_repr


def expected_buyers(
    calibration: PurchaseCalibration, users: FloatArray, activity: IntArray, vectors: FloatArray, cells: int = _CELLS
) -> FloatArray:
    """The sum of all users' probabilities to buy each target, float64 (targets,).

    ``users`` is p, (users, rank), ``activity`` the number of distinct targets in each history, int (users,),
    ``vectors`` q, (targets, rank); ``cells`` probabilities are computed at once, one user at least.
    """
    total = np.zeros(len(vectors))
    for part in chunks(len(users), max(cells // max(len(vectors), 1), 1)):
        total += calibration.probability(users[part] @ vectors.T, activity[part]).sum(axis=0)
    return total


def fit_interval(sets: Sequence[BuyerCounts]) -> ConformalInterval:
    """Fit the interval to sets of pseudo-new targets."""
    expected = np.concatenate([counts.expected for counts in sets])
    buyers = np.concatenate([counts.buyers for counts in sets])
    level = np.log1p(expected)
    miss = np.log1p(buyers) - level
    bins = np.array_split(np.argsort(level, kind="stable"), min(max(len(level) // _BIN, 1), _MOST_BINS))
    low, high = zip(*(_shortest(miss[part]) for part in bins), strict=True)
    return ConformalInterval(tuple(float(level[part].mean()) for part in bins), low, high)


def _shortest(miss: FloatArray) -> tuple[float, float]:
    """The shortest interval around 0 that contains ``COVERAGE`` of the numbers and of one more, wherever it may lie."""
    ordered = np.sort(miss)
    inside = min(int(np.ceil(COVERAGE * (len(miss) + 1))), len(miss))
    low = np.minimum(ordered[: len(miss) - inside + 1], 0.0)
    high = np.maximum(ordered[inside - 1 :], 0.0)
    best = int(np.argmin(high - low))
    return float(low[best]), float(high[best])


def repeat_interval(buyers: IntArray) -> tuple[FloatArray, FloatArray]:
    """The interval for known buyers, int64 (targets,), in a window as long again, float64 (targets,) twice."""
    root = np.sqrt(buyers)
    return np.rint(np.square(np.maximum(root - _REPEAT, 0.0))), np.rint(np.square(root + _REPEAT))
