"""The update: one ALS step of a target with its prior as the mean, from zero sales to a full history."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import scipy.sparse as sp

from ...arrays import FloatArray
from .settings import FactorSettings
from .solve import weighted_sum

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

    The confidence is alpha for a full purchase (``1 + (alpha - 1) |w|`` for a pair with weight w) and the user's
    exposure for a non-purchase, so that a target nobody could have bought yet keeps its prior. Closed form:
    ``(sum_u conf p p' + lambda I) q = sum_bought conf p + lambda mu``.

    Args:
        users: p, float64 (users, rank).
        signed: weights, CSC, shape (users, targets): 1 for a full purchase, below 0 for a dislike.
        prior_mean: mu, float64 (targets, rank).
        strength: lambda, float64 (targets,), positive.
        settings: those that the factors were fitted with.
        exposure: how far each user could have bought these targets, 0 to 1, float64 (users,); None means fully.

    Returns:
        q, float64 (targets, rank), and the share of the prior in it, ``trace(lambda (sum_u conf p p' + lambda I)^-1)``
        divided by the rank: 1 without sales and exposure, near 0 with many; float64 (targets,).
    """
    weight = np.ones(len(users)) if exposure is None else exposure
    background = (users * weight[:, None]).T @ users
    found, share = np.empty_like(prior_mean), np.empty(len(prior_mean))
    rank = users.shape[1]
    identity = np.eye(rank)
    certain = settings.certainty(signed.data)
    scale, turn = np.linalg.eigh(background)
    turned = users @ turn
    for c in range(len(prior_mean)):
        here = slice(signed.indptr[c], signed.indptr[c + 1])
        rows, sure = signed.indices[here], certain[here]
        more = settings.alpha * np.abs(sure) - weight[rows]
        if settings.few(len(rows), rank):  # Woodbury, in the axes of the common part
            own, alone = turned[rows], 1.0 / (scale + strength[c])
            scaled = np.sqrt(more)[:, None] * own
            toward = scaled * alone
            inner = toward @ scaled.T
            inner[np.diag_indices_from(inner)] += 1.0
            plain = alone * (settings.alpha * weighted_sum(own, sure) + strength[c] * prior_mean[c] @ turn)
            solved = np.linalg.solve(inner, np.column_stack([scaled @ plain, toward]))
            found[c] = turn @ (plain - toward.T @ solved[:, 0])
            share[c] = strength[c] * (alone.sum() - np.einsum("hr,hr->", toward, solved[:, 1:])) / rank
            continue
        own = users[rows]
        system = background + (own * more[:, None]).T @ own + strength[c] * identity
        inverse = np.linalg.inv(system)
        found[c] = inverse @ (settings.alpha * weighted_sum(own, sure) + strength[c] * prior_mean[c])
        share[c] = strength[c] * np.trace(inverse) / len(inverse)
    return found, share


@dataclass(frozen=True, eq=False)
class Sums:
    """What the system of one target needs to know of some users, in their vectors p.

    Attributes:
        gram: ``sum_u p p'``, float64 (rank, rank).
        lacking: ``sum_u (1 - |certainty|) p p'``, zero where all bought fully, float64 (rank, rank).
        total: ``sum_bought certainty p``, float64 (rank,).
    """

    gram: FloatArray
    lacking: FloatArray
    total: FloatArray

    @classmethod
    def of(cls, own: FloatArray, certain: FloatArray) -> Self:
        """The sums over vectors, float64 (h, rank), with their certainty, below 0 for dislikes, float64 (h,)."""
        lack = 1.0 - np.abs(certain)
        some = own[lack != 0]
        return cls(own.T @ own, lack[lack != 0] * some.T @ some, weighted_sum(own, certain))

    def __add__(self, other: Sums) -> Self:
        return replace(
            self, gram=self.gram + other.gram, lacking=self.lacking + other.lacking, total=self.total + other.total
        )

    def __sub__(self, other: Sums) -> Self:
        return replace(
            self, gram=self.gram - other.gram, lacking=self.lacking - other.lacking, total=self.total - other.total
        )


@dataclass(frozen=True, eq=False)
class Feedback:
    """What is known of one target after the fit, in vectors p of the users in question.

    Attributes:
        everybody: ``sum_u exposure p p'`` over all users, those below included, float64 (rank, rank).
        exposure: how far users could have bought the target, 0 to 1.
        fixed: of those who had bought it at fit, and of those who dislike it.
        liked: vectors of those who bought it since, or more surely than at fit, float64 (l, rank).
        certain: their certainty, float64 (l,).
    """

    everybody: FloatArray
    exposure: float
    fixed: Sums
    liked: FloatArray
    certain: FloatArray

    def system(self, alpha: float, strength: float) -> FloatArray:
        """``sum_u conf p p' + lambda I`` without those who bought it since, float64 (rank, rank)."""
        fixed = self.fixed
        sure = self.everybody + (alpha - self.exposure) * fixed.gram - alpha * fixed.lacking
        return sure + strength * np.eye(len(sure))

    def whole_system(self, alpha: float, strength: float) -> FloatArray:
        """``sum_u conf p p' + lambda I``, float64 (rank, rank)."""
        more = (alpha * self.certain - self.exposure) * self.liked.T @ self.liked
        return self.system(alpha, strength) + more


def learn_target(
    feedback: Feedback, mean: FloatArray, strength: float, settings: FactorSettings
) -> tuple[FloatArray, float]:
    """The update of one target by feedback since the fit.

    ``q = argmin_q sum_others exposure (p . q)^2 + sum_bought conf (1 - p . q)^2 + sum_liked conf max(0, 1 - p . q)^2
    + sum_disliked conf (p . q)^2 + lambda |q - mu|^2``, conf being alpha where the event is a full one: a new purchase
    says that the preference is at least 1. So it never lowers its buyer's score, whoever else bought: its loss falls
    where that of having bought nothing rises. As long as no buyer since the fit scores above 1, it is the formula of
    :func:`update_targets`. The loss is convex and piecewise quadratic; a Newton step is exact once it knows who scores
    above 1 (Keerthi and DeCoste 2005).

    Args:
        feedback: what users did.
        mean: mu, float64 (rank,).
        strength: lambda, positive.
        settings: those that the factors were fitted with.

    Returns:
        q, float64 (rank,), and the share of the prior in it, with all feedback in the system.
    """
    alpha, exposure, liked, certain = settings.alpha, feedback.exposure, feedback.liked, feedback.certain
    right = alpha * feedback.fixed.total + strength * mean
    inverse = np.linalg.inv(feedback.whole_system(alpha, strength))
    found = inverse @ (right + alpha * weighted_sum(liked, certain))
    share = strength * float(np.trace(inverse)) / len(inverse)
    if (liked @ found <= 1).all():
        return found, share
    system = feedback.system(alpha, strength) - exposure * liked.T @ liked
    return _hinged(system, right, liked, certain, alpha, found), share


def _hinged(
    system: FloatArray, right: FloatArray, liked: FloatArray, certain: FloatArray, alpha: float, found: FloatArray
) -> FloatArray:
    """The minimum of ``q' system q / 2 - right . q + sum_liked conf max(0, 1 - p . q)^2 / 2``, from ``found`` on."""

    def loss(q: FloatArray) -> float:
        short = np.square(np.maximum(1 - liked @ q, 0.0))
        return float(q @ system @ q / 2 - right @ q + alpha / 2 * (certain * short).sum())

    for _ in range(_MOST_STEPS):
        short = liked @ found < 1
        own, sure = liked[short], certain[short]
        step = np.linalg.solve(system + alpha * sure * own.T @ own, right + alpha * weighted_sum(own, sure)) - found
        if ((liked @ (found + step) < 1) == short).all():
            return found + step
        size, before = 1.0, loss(found)
        while loss(found + size * step) > before and size > _LEAST_STEP:
            size /= 2
        found = found + size * step
    return found
