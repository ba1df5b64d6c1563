"""The update: one ALS step of a target with its prior as the mean, from zero sales to a full history."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from .factors import FactorSettings

FloatArray = npt.NDArray[np.float64]


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
