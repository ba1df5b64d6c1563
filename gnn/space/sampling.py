"""A random part of many."""

from __future__ import annotations

import numpy as np

from ...arrays import IntArray


def sample(positions: IntArray, most: int, seed: int) -> IntArray:
    """At most ``most`` of some positions, drawn without replacement; ascending where they are drawn."""
    if len(positions) <= most:
        return positions
    return np.sort(np.random.default_rng(seed).choice(positions, most, replace=False))
