"""Similarity of targets: the regressor's kernel on what targets are, not on their position in the graph."""

from __future__ import annotations

from dataclasses import replace

from ...arrays import FloatArray, IntArray
from ..prior.kernel import KernelRegressor, kernel
from ..propagation.features import FeatureKind

_CONTENT = frozenset(
    {FeatureKind.TEXT, FeatureKind.NAME, FeatureKind.RELATION, FeatureKind.FEATURE, FeatureKind.MODALITY}
)


def similarities(regressor: KernelRegressor, targets: IntArray, others: IntArray) -> FloatArray:
    """Similarity ``exp(-sum_r w_r |phi_r(a) - phi_r(b)|^2)`` by the fitted weights, 0 to 1, float64 (targets, others).

    Counts and places, which predict how much a target sells rather than what it is, are left out, unless all others
    have no weight.
    """
    weights = regressor.settings.weights
    content = {name: weight for name, weight in weights.items() if regressor.blocks.kinds.get(name) in _CONTENT}
    settings = replace(regressor.settings, weights=content if any(content.values()) else weights)
    return kernel(regressor.blocks, settings, targets, others)
