"""The cosine-softmax: factors as unit vectors, their cosine as the score, its softmax as the probability."""

from __future__ import annotations

import numpy as np

from ...arrays import FloatArray

HEADROOM = 1.25
"""How much longer than the longest target vector of fit time a later one may grow before all are rewritten."""


def augment_users(vectors: FloatArray) -> FloatArray:
    """User vectors as they meet targets that have an offset: ``[p, |p|]``, so that it weighs alike for all users.

    Args:
        vectors: p, float64 (users, rank).

    Returns:
        float64 (users, rank + 1).
    """
    return np.column_stack([vectors, np.linalg.norm(vectors, axis=1)])


def target_embeddings(vectors: FloatArray, longest: float) -> FloatArray:
    """Lift target vectors onto the unit sphere: ``z = [q, o, sqrt(M^2 - |q|^2 - o^2)] / M`` (Bachrach et al. 2014).

    Args:
        vectors: q and the offset o, float64 (targets, rank + 1).
        longest: M, at least as long as every one of them.

    Returns:
        float64 (targets, rank + 2), of length 1.
    """
    rest = np.sqrt(np.maximum(longest**2 - np.square(vectors).sum(axis=1), 0.0))
    return np.column_stack([vectors, rest]) / longest


def user_embeddings(vectors: FloatArray) -> FloatArray:
    """Unit user vectors: ``f = [p / |p|, 1, 0] / sqrt(2)``; a zero vector stays zero.

    Args:
        vectors: p, float64 (users, rank).

    Returns:
        float64 (users, rank + 2).
    """
    asked = augment_users(vectors)
    length = np.linalg.norm(asked, axis=1, keepdims=True)
    unit = np.divide(asked, length, out=np.zeros_like(asked), where=length > 0)
    return np.column_stack([unit, np.zeros(len(unit))])


def cosine(users: FloatArray, targets: FloatArray) -> FloatArray:
    """The articles' similarity ``f(c).f(c') / (|f(c)| |f(c')|)``; 0 where a vector is zero.

    Args:
        users: float64 (users, d).
        targets: float64 (targets, d).

    Returns:
        float64 (users, targets).
    """
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
