"""Diverse lists by maximal marginal relevance."""

from __future__ import annotations

import numpy as np

from ...arrays import FloatArray, IntArray


def diversify(scores: FloatArray, vectors: FloatArray, k: int, diversity: float) -> IntArray:
    """Choose targets one after another, relevant and unlike those chosen before.

    ``argmax_c (1 - diversity) cos(f, z_c) - diversity max_d cos(z_c, z_d)`` over the chosen ``d`` (Carbonell and
    Goldstein 1998, with their lambda as ``1 - diversity``). The first is the best by score.

    Args:
        scores: cosines of the user with the candidates, best first, float64 (c,).
        vectors: unit vectors z of the candidates, float64 (c, d).
        k: how many to choose.
        diversity: 0 (the order by score) to 1.

    Returns:
        Indices of the chosen candidates in the order of choice, int64 (min(k, c),).
    """
    chosen = np.zeros(min(k, len(scores)), dtype=np.int64)
    nearest = np.full(len(scores), -np.inf)
    for place in range(1, len(chosen)):
        latest = chosen[place - 1]
        nearest = np.maximum(nearest, vectors @ vectors[latest])
        nearest[latest] = np.inf  # never again
        chosen[place] = int(np.argmax((1.0 - diversity) * scores - diversity * nearest))
    return chosen
