"""What a target is like: the kernel of the head on what targets are, not on how they stand in the graph."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...arrays import FloatArray, IntArray
from ..prior.kernel import KernelRegressor, kernel
from ..propagation.features import FeatureKind

_WHAT_IT_IS = frozenset(
    {FeatureKind.TEXT, FeatureKind.NAME, FeatureKind.RELATION, FeatureKind.FEATURE, FeatureKind.MODALITY}
)


def similarity(regressor: KernelRegressor, target: int, others: IntArray) -> FloatArray:
    """How alike one target and others are, 0 to 1, float64 (others,); see :func:`similarities`."""
    return np.asarray(similarities(regressor, np.array([target]), others)[0])


def similarities(regressor: KernelRegressor, targets: IntArray, others: IntArray) -> FloatArray:
    """How alike targets and others are, 0 to 1, float64 (targets, others).

    ``exp(-sum_r w_r |phi_r(a) - phi_r(b)|^2)`` with the fitted weights, over texts, names, relations, features and
    given vectors; counts and places say how much of a thing sells rather than what it is. All blocks where these have
    no weight.
    """
    weights = regressor.settings.weights
    what = {name: weight for name, weight in weights.items() if regressor.blocks.kinds.get(name) in _WHAT_IT_IS}
    settings = replace(regressor.settings, weights=what if any(what.values()) else weights)
    return kernel(regressor.blocks, settings, targets, others)
