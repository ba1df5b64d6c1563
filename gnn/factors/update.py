"""The update: one ALS step of a target with its prior as the mean, from zero sales to a full history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy.sparse as sp

from ...arrays import FloatArray
from ...display import short_repr
from .settings import FactorSettings
from .solve import solve_woodbury, weighted_sum

_MOST_STEPS = 100
_LEAST_STEP = 1e-6


def update_targets(
    users: FloatArray,
    signed: sp.csc_array,
    prior_mean: FloatArray,
    strength: FloatArray,
    settings: FactorSettings,
    exposure: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Solve ``q_c = argmin_q sum_u conf_uc (r_uc - p_u . q)^2 + lambda_c |q - mu_c|^2`` for every target.

    The confidence is ``1 + (alpha - 1) |w|`` for a pair with weight w and the user's exposure, 0 to 1, for a
    non-purchase, so that a target nobody could have bought yet keeps its prior: ``(sum_u conf p p' + lambda I) q =
    sum_bought conf p + lambda mu``. ``users`` is p, (users, rank), ``signed`` w, CSC (users, targets), below 0 for
    dislikes, ``prior_mean`` mu, (targets, rank), ``strength`` lambda, positive, (targets,); ``exposure`` is (users,),
    None for 1.

    Returns:
        q, float64 (targets, rank), and the share of the prior in it, ``trace(lambda (sum_u conf p p' + lambda I)^-1) /
            rank``: 1 without sales and exposure, near 0 with many; float64 (targets,).
    """
    weight = np.ones(len(users)) if exposure is None else exposure
    background = (users * weight[:, None]).T @ users
    solved, share = np.empty_like(prior_mean), np.empty(len(prior_mean))
    rank = users.shape[1]
    identity = np.eye(rank)
    certainty = settings.certainty(signed.data)
    eigenvalues, axes = np.linalg.eigh(background)
    rotated = users @ axes
    for c in range(len(prior_mean)):
        pairs = slice(signed.indptr[c], signed.indptr[c + 1])
        rows, certain = signed.indices[pairs], certainty[pairs]
        more = settings.alpha * np.abs(certain) - weight[rows]
        if settings.few(len(rows), rank):  # Woodbury, in the axes in which the background is diagonal
            vectors, inverse = rotated[rows], 1.0 / (eigenvalues + strength[c])
            scaled = np.sqrt(more)[:, None] * vectors
            carried = scaled * inverse
            plain = inverse * (settings.alpha * weighted_sum(vectors, certain) + strength[c] * prior_mean[c] @ axes)
            inner = solve_woodbury(scaled, carried, np.column_stack([scaled @ plain, carried]))
            solved[c] = axes @ (plain - carried.T @ inner[:, 0])
            share[c] = strength[c] * (inverse.sum() - np.einsum("hr,hr->", carried, inner[:, 1:])) / rank
            continue
        vectors = users[rows]
        system = background + (vectors * more[:, None]).T @ vectors + strength[c] * identity
        inverse = np.linalg.inv(system)
        solved[c] = inverse @ (settings.alpha * weighted_sum(vectors, certain) + strength[c] * prior_mean[c])
        share[c] = strength[c] * np.trace(inverse) / len(inverse)
    return solved, share


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums over some users' vectors p, which make up the system of one target."""

    gram: FloatArray  # ``sum_u p p'``, float64 (rank, rank)
    uncertain: FloatArray  # ``sum_u (1 - |certainty|) p p'``, zero where all are full purchases, (rank, rank)
    total: FloatArray  # ``sum_bought certainty p``, float64 (rank,)

    __repr__ = short_repr

    @classmethod
    def of(cls, vectors: FloatArray, certainty: FloatArray) -> Self:
        """Sum vectors, float64 (h, rank), with their certainty, below 0 for dislikes, float64 (h,)."""
        missing = 1.0 - np.abs(certainty)
        some = vectors[missing != 0]
        return cls(vectors.T @ vectors, missing[missing != 0] * some.T @ some, weighted_sum(vectors, certainty))

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.gram + other.gram, self.uncertain + other.uncertain, self.total + other.total)

    def __sub__(self, other: Sums) -> Sums:
        return Sums(self.gram - other.gram, self.uncertain - other.uncertain, self.total - other.total)


@dataclass(frozen=True, eq=False)
class Feedback:
    """Everything known of one target after the fit, in users' vectors p."""

    everybody: FloatArray  # ``sum_u exposure p p'`` over all users, those below included, float64 (rank, rank)
    exposure: float  # how far users could have bought the target, 0 to 1
    fixed: Sums  # over buyers of fit time and users who dislike it
    liked: FloatArray  # of those who bought it since, or with a stronger kind of event than at fit, float64 (l, rank)
    certainty: FloatArray  # theirs, float64 (l,)

    __repr__ = short_repr

    def fixed_system(self, alpha: float, strength: float) -> FloatArray:
        """``sum_u conf p p' + lambda I`` with those in ``liked`` as non-buyers, float64 (rank, rank)."""
        fixed = self.fixed
        known = self.everybody + (alpha - self.exposure) * fixed.gram - alpha * fixed.uncertain
        return known + strength * np.eye(len(known))

    def system(self, alpha: float, strength: float) -> FloatArray:
        """``sum_u conf p p' + lambda I``, float64 (rank, rank)."""
        more = (alpha * self.certainty - self.exposure) * self.liked.T @ self.liked
        return self.fixed_system(alpha, strength) + more


def update_from_feedback(
    feedback: Feedback, mean: FloatArray, strength: float, settings: FactorSettings
) -> tuple[FloatArray, float]:
    """Update one target by feedback since the fit: q, float64 (rank,), and the share of the prior in it.

    ``q = argmin_q sum_others exposure (p . q)^2 + sum_bought conf (1 - p . q)^2 + sum_liked conf max(0, 1 - p . q)^2 +
    sum_disliked conf (p . q)^2 + lambda |q - mu|^2`` with confidence alpha for a full event, ``mean`` as mu, float64
    (rank,), and ``strength`` as lambda, positive. A new purchase shows a preference of at least 1, so it never lowers
    its buyer's score, whoever else bought. It is the formula of :func:`update_targets` unless a buyer since the fit
    scores above 1. The loss is convex and piecewise quadratic; a Newton step is exact once it knows who does (Keerthi
    and DeCoste 2005).
    """
    alpha, exposure, liked, certainty = settings.alpha, feedback.exposure, feedback.liked, feedback.certainty
    right = alpha * feedback.fixed.total + strength * mean
    inverse = np.linalg.inv(feedback.system(alpha, strength))
    solved = inverse @ (right + alpha * weighted_sum(liked, certainty))
    share = strength * float(np.trace(inverse)) / len(inverse)
    if (liked @ solved <= 1).all():
        return solved, share
    system = feedback.fixed_system(alpha, strength) - exposure * liked.T @ liked
    return _minimise_hinged(system, right, liked, certainty, alpha, solved), share


def _minimise_hinged(
    system: FloatArray, right: FloatArray, liked: FloatArray, certainty: FloatArray, alpha: float, start: FloatArray
) -> FloatArray:
    """``argmin_q q' system q / 2 - right . q + sum_liked conf max(0, 1 - p . q)^2 / 2`` by Newton's method."""

    def loss(q: FloatArray) -> float:
        short = np.square(np.maximum(1 - liked @ q, 0.0))
        return float(q @ system @ q / 2 - right @ q + alpha / 2 * (certainty * short).sum())

    found = start
    for _ in range(_MOST_STEPS):
        short = liked @ found < 1
        rows, certain = liked[short], certainty[short]
        newton = np.linalg.solve(system + alpha * certain * rows.T @ rows, right + alpha * weighted_sum(rows, certain))
        step = newton - found
        if ((liked @ (found + step) < 1) == short).all():
            return found + step
        size, before = 1.0, loss(found)
        while loss(found + size * step) > before and size > _LEAST_STEP:
            size /= 2
        found = found + size * step
    return found
