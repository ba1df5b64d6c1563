"""The update: one ALS step of a target with its prior as the mean, from zero sales to a full history."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from .factors import FactorSettings

FloatArray = npt.NDArray[np.float64]

_MOST_STEPS = 100
_LEAST_STEP = 1e-6


def update_targets(
    users: FloatArray,
    bought: sp.csc_array,
    prior_mean: FloatArray,
    strength: FloatArray,
    settings: FactorSettings,
    exposure: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Solve ``q_c = argmin_q sum_u conf_uc (r_uc - p_u . q)^2 + lambda_c |q - mu_c|^2`` for every target.

    The confidence is alpha for a purchase and the user's exposure for a non-purchase, so that a target nobody could
    have bought yet keeps its prior. Closed form: ``(sum_u conf p p' + lambda I) q = alpha sum_bought p + lambda mu``.

    Args:
        users: p, float64 (users, rank).
        bought: 0/1 CSC, shape (users, targets).
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
    identity = np.eye(users.shape[1])
    for c in range(len(prior_mean)):
        rows = bought.indices[bought.indptr[c] : bought.indptr[c + 1]]
        own = users[rows]
        system = background + (own * (settings.alpha - weight[rows])[:, None]).T @ own + strength[c] * identity
        inverse = np.linalg.inv(system)
        found[c] = inverse @ (settings.alpha * own.sum(axis=0) + strength[c] * prior_mean[c])
        share[c] = strength[c] * np.trace(inverse) / len(inverse)
    return found, share


@dataclass(frozen=True, eq=False)
class Feedback:
    """What is known of one target after the fit, in vectors p of the users in question.

    Attributes:
        everybody: ``sum_u exposure p p'`` over all users, those below included, float64 (rank, rank).
        exposure: how far users could have bought the target, 0 to 1.
        bought: ``sum_u p p'`` and ``sum_u p`` over those who had bought it at fit, float64 (rank, rank) and (rank,).
        liked: vectors of those who bought it since, float64 (l, rank).
        disliked: vectors of those who dislike it, float64 (d, rank).
    """

    everybody: FloatArray
    exposure: float
    bought: tuple[FloatArray, FloatArray]
    liked: FloatArray
    disliked: FloatArray

    def system(self, alpha: float, strength: float) -> FloatArray:
        """``sum_u conf p p' + lambda I`` without those who bought it since, float64 (rank, rank)."""
        fixed = self.bought[0] + self.disliked.T @ self.disliked
        return self.everybody + (alpha - self.exposure) * fixed + strength * np.eye(len(fixed))


def learn_target(
    feedback: Feedback, mean: FloatArray, strength: float, settings: FactorSettings
) -> tuple[FloatArray, float]:
    """The update of one target by feedback since the fit.

    ``q = argmin_q sum_others exposure (p . q)^2 + alpha (sum_bought (1 - p . q)^2 + sum_liked max(0, 1 - p . q)^2
    + sum_disliked (p . q)^2) + lambda |q - mu|^2``: a new purchase says that the preference is at least 1. So it never
    lowers its buyer's score, whoever else bought: its loss falls where that of having bought nothing rises. As long as
    no buyer since the fit scores above 1, it is the formula of :func:`update_targets`. The loss is convex and piecewise
    quadratic; a Newton step is exact once it knows who scores above 1 (Keerthi and DeCoste 2005).

    Args:
        feedback: what users did.
        mean: mu, float64 (rank,).
        strength: lambda, positive.
        settings: those that the factors were fitted with.

    Returns:
        q, float64 (rank,), and the share of the prior in it, with all feedback in the system.
    """
    alpha, exposure, liked = settings.alpha, feedback.exposure, feedback.liked
    system, right = feedback.system(alpha, strength), alpha * feedback.bought[1] + strength * mean
    inverse = np.linalg.inv(system + (alpha - exposure) * liked.T @ liked)
    found = inverse @ (right + alpha * liked.sum(axis=0))
    share = strength * float(np.trace(inverse)) / len(inverse)
    if (liked @ found <= 1).all():
        return found, share
    return _hinged(system - exposure * liked.T @ liked, right, liked, alpha, found), share


def _hinged(system: FloatArray, right: FloatArray, liked: FloatArray, alpha: float, found: FloatArray) -> FloatArray:
    """The minimum of ``q' system q / 2 - right . q + alpha / 2 sum_liked max(0, 1 - p . q)^2``, from ``found`` on."""

    def loss(q: FloatArray) -> float:
        return float(q @ system @ q / 2 - right @ q + alpha / 2 * np.square(np.maximum(1 - liked @ q, 0.0)).sum())

    for _ in range(_MOST_STEPS):
        short = liked @ found < 1
        own = liked[short]
        step = np.linalg.solve(system + alpha * own.T @ own, right + alpha * own.sum(axis=0)) - found
        if ((liked @ (found + step) < 1) == short).all():
            return found + step
        size, before = 1.0, loss(found)
        while loss(found + size * step) > before and size > _LEAST_STEP:
            size /= 2
        found = found + size * step
    return found
