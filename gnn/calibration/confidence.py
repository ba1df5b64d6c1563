"""The expected error of a target's predicted popularity, from the errors of its neighbours."""

from __future__ import annotations

import numpy as np

from ...arrays import FloatArray, IntArray
from ..prior.kernel import KernelRegressor, kernel
from ..utils import chunks

FLOOR = 0.01
"""Shares of buyers are clipped to this from below: differences between rarely bought targets concern no shop."""

_SHARPNESS = 16
"""Power of the kernel: only very similar targets are evidence of the error."""

_PRIOR = 1e-3
"""Weight of the mean error of all targets, which remains where nothing is similar."""

_MOST_SEEN = 10_000
"""Of more seen targets, so many evenly spaced ones are compared with."""

_CHUNK = 1000


def popularity_errors(expected: FloatArray, share: FloatArray) -> FloatArray:
    """``|log(expected / share)|`` of expected and true shares of buyers: log 2 is wrong by a factor of 2."""
    return np.asarray(np.abs(np.log(np.maximum(expected, FLOOR)) - np.log(np.maximum(share, FLOOR))))


def expected_errors(regressor: KernelRegressor, errors: FloatArray, targets: IntArray) -> FloatArray:
    """The expected :func:`popularity_errors` of some targets, float64 (targets,).

    A kernel regression (Nadaraya 1964) on the ``errors`` of the s seen targets, each predicted from the others, float64
    (s,); a seen target does not count for itself.
    """
    some = np.unique(np.linspace(0, len(regressor.seen) - 1, min(_MOST_SEEN, len(regressor.seen))).astype(np.int64))
    seen, errors = regressor.seen[some], errors[some]
    found = np.empty(len(targets))
    place = np.full(1 + max(int(part.max(initial=-1)) for part in (regressor.seen, targets)), -1)
    place[seen] = np.arange(len(seen))
    for part in chunks(len(targets), _CHUNK):
        near = kernel(regressor.blocks, regressor.settings, targets[part], seen) ** _SHARPNESS
        itself = place[targets[part]]
        near[np.flatnonzero(itself >= 0), itself[itself >= 0]] = 0.0
        found[part] = (near @ errors + _PRIOR * errors.mean()) / (near.sum(axis=1) + _PRIOR)
    return found
