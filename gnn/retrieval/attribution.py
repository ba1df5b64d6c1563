"""Additive attribution: a score as a sum over the history, an embedding as a sum over seen targets. Not causal."""

from __future__ import annotations

import numpy as np

from ...arrays import FloatArray, IntArray
from ..factors.solve import solve_one, weighted_sum
from ..model.cosine_softmax import augment_users
from ..model.model import LatentFactorModel


def history_shares(model: LatentFactorModel, history: IntArray, weights: FloatArray, target: int) -> FloatArray:
    """Contribution of each bought target to the score of one target, float64 (bought,) (Hu et al. 2008, section 5).

    ``score = sum_i conf_i b_i' W_u q_c / (sqrt(2) |p_u| M)`` exactly, plus :func:`offset_share`, as ``p_u = W_u sum_i
    conf_i b_i`` over what was bought, with ``W_u`` the inverse of the user's ALS system, which includes dislikes.
    ``history`` are positions of both, ``weights`` below 0 for dislikes.
    """
    settings, gram = model.settings.factors, model.factors.gram
    vectors, certainty, liked = model.factors.basis[history], settings.certainty(weights), weights > 0
    if not liked.any():
        return np.empty(0)
    user = solve_one(vectors, certainty, gram, settings.alpha * weighted_sum(vectors, certainty), settings)
    transformed = solve_one(vectors, certainty, gram, settings.alpha * model.vectors[target], settings)
    return np.asarray(certainty[liked] * (vectors[liked] @ transformed) / scale_of(model, user))


def offset_share(model: LatentFactorModel, target: int) -> float:
    """Contribution of the offset, the same for all users, to the score of one target: ``o / (sqrt(2) M)``."""
    return float(model.offset[target] / (np.sqrt(2) * model.longest))


def scale_of(model: LatentFactorModel, vector: FloatArray) -> float:
    """``sqrt(2) |p| M``, by which ``p . q + |p| o`` is divided."""
    return float(np.linalg.norm(augment_users(vector[None]))) * model.longest


def source_shares(model: LatentFactorModel, target: int) -> tuple[FloatArray, FloatArray]:
    """Split the vector of one target exactly: ``q_c = weights . Q_seen + sales``, float64 (seen,) and (rank,)."""
    weights = model.regressor.sources(target)
    return weights, model.vectors[target] - weights @ model.regressor.factors[:, :-1]
