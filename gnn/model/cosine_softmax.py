"""The cosine-softmax: factors as unit vectors, their cosine as the score, its softmax as the probability."""

from __future__ import annotations

import numpy as np

from ...arrays import FloatArray
from ..utils import unit_rows

HEADROOM = 1.25
"""M over the longest target vector at fit: how far later ones may grow before all embeddings are rewritten."""


def augment_users(vectors: FloatArray) -> FloatArray:
    """``[p, |p|]`` of p (users, rank), so that a target's offset counts alike for all; float64 (users, rank + 1)."""
    return np.column_stack([vectors, np.linalg.norm(vectors, axis=1)])


def target_embeddings(vectors: FloatArray, longest: float) -> FloatArray:
    """Lift ``[q, o]`` onto the unit sphere: ``z = [q, o, sqrt(M^2 - |q|^2 - o^2)] / M`` (Bachrach et al. 2014).

    ``vectors`` are (targets, rank + 1), ``longest`` is M, at least their norms. Returns float64 (targets, rank + 2).
    """
    rest = np.sqrt(np.maximum(longest**2 - np.square(vectors).sum(axis=1), 0.0))
    return np.column_stack([vectors, rest]) / longest


def user_embeddings(vectors: FloatArray) -> FloatArray:
    """Unit vectors ``f = [p / |p|, 1, 0] / sqrt(2)`` of p (users, rank), float64 (users, rank + 2); zero stays zero."""
    unit = unit_rows(augment_users(vectors))
    return np.column_stack([unit, np.zeros(len(unit))])


def cosine(users: FloatArray, targets: FloatArray) -> FloatArray:
    """The articles' similarity ``f(c).f(c') / (|f(c)| |f(c')|)`` of (users, d) and (targets, d); 0 for zero vectors."""
    lengths = np.outer(np.linalg.norm(users, axis=1), np.linalg.norm(targets, axis=1))
    product = users @ targets.T
    return np.divide(product, lengths, out=np.zeros_like(product), where=lengths > 0)


def softmax(similarities: FloatArray, tau: float = 1.0) -> FloatArray:
    """``P(c|u) = exp(sim / tau) / sum exp(sim / tau)`` over the last axis; ``tau = 1`` is the articles' rule.

    The first article's worked example (similarities .5, .2, .2) gives 0.4030 by this formula, not the 0.605 it states.
    """
    shifted = (similarities - similarities.max(axis=-1, keepdims=True)) / tau
    weights = np.exp(shifted)
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))
