"""How far the expected level of a target is likely to be off, read off its neighbours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...arrays import FloatArray, IntArray
from ..prior.kernel import KernelRegressor, kernel

FLOOR = 0.01
"""Shares of buyers below this one count as this one: what hardly anybody buys is all the same to a shop."""

_SHARPNESS = 16
"""Power of the kernel: only what is truly alike says how well a level can be foreseen here."""

_PRIOR = 1e-3
"""Weight of the mean error of all, which is what remains where nothing is alike."""

_MOST_SEEN = 10_000
"""Of more seen targets, so many evenly spaced ones tell how far levels are off."""

_CHUNK = 1000


def popularity_errors(level: npt.NDArray[np.float64], share: npt.NDArray[np.float64]) -> FloatArray:
    """``|log(level / share)|`` of expected and true shares of buyers: log 2 is wrong by a factor of 2."""
    return np.asarray(np.abs(np.log(np.maximum(level, FLOOR)) - np.log(np.maximum(share, FLOOR))))


def expected_errors(regressor: KernelRegressor, errors: FloatArray, count: int) -> FloatArray:
    """The error to expect of every target's level: the mean over its neighbours, each foreseen from the others.

    A kernel regression (Nadaraya 1964) of the seen targets' errors; a seen target does not count for itself.

    Args:
        regressor: the kernel and the s seen targets.
        errors: of the seen targets' levels, each predicted from the others, float64 (s,).
        count: number of all targets and groups.

    Returns:
        float64 (count,).
    """
    return errors_of(regressor, errors, np.arange(count))


def errors_of(regressor: KernelRegressor, errors: FloatArray, targets: IntArray) -> FloatArray:
    """The error to expect of some targets' levels, float64 (targets,); see :func:`expected_errors`."""
    some = np.unique(np.linspace(0, len(regressor.seen) - 1, min(_MOST_SEEN, len(regressor.seen))).astype(np.int64))
    seen, errors = regressor.seen[some], errors[some]
    found = np.empty(len(targets))
    place = np.full(1 + max(int(part.max(initial=-1)) for part in (regressor.seen, targets)), -1)
    place[seen] = np.arange(len(seen))
    for first in range(0, len(targets), _CHUNK):
        part = targets[first : first + _CHUNK]
        near = kernel(regressor.blocks, regressor.settings, part, seen) ** _SHARPNESS
        own = place[part]
        near[np.flatnonzero(own >= 0), own[own >= 0]] = 0.0
        found[first : first + _CHUNK] = (near @ errors + _PRIOR * errors.mean()) / (near.sum(axis=1) + _PRIOR)
    return found
