"""Diverse lists by maximal marginal relevance."""

from __future__ import annotations

import numpy as np

from ...arrays import FloatArray, IntArray


def diversify(scores: FloatArray, vectors: FloatArray, k: int, diversity: float) -> IntArray:
    """Choose targets one after another, relevant and unlike those chosen before: indices, int64 (min(k, c),).

    ``argmax_c (1 - diversity) cos(f, z_c) - diversity max_d cos(z_c, z_d)`` over the chosen ``d`` (Carbonell and
    Goldstein 1998, with their lambda as ``1 - diversity``, 0 to 1). ``scores`` are cosines, best first, float64 (c,);
    ``vectors`` z, (c, d). The first choice is the best by score.
    """
    chosen = np.zeros(min(k, len(scores)), dtype=np.int64)
    nearest = np.full(len(scores), -np.inf)
    for place in range(1, len(chosen)):
        latest = chosen[place - 1]
        nearest = np.maximum(nearest, vectors @ vectors[latest])
        nearest[latest] = np.inf  # never again
        chosen[place] = int(np.argmax((1.0 - diversity) * scores - diversity * nearest))
    return chosen
