"""A user's vector after events since the fit: the counterpart of the update of a target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...arrays import FloatArray, IntArray
from ...display import short_repr
from ..factors.settings import FactorSettings
from ..factors.update import Feedback, Sums, update_from_feedback
from ..model.model import LatentFactorModel


def no_targets() -> IntArray:
    """No targets, int64 (0,)."""
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class UserHistory:
    """The events of one user; no target is in two of the lists of positions."""

    bought: IntArray  # until the fit
    liked: IntArray  # bought since, or with a stronger kind of event than until the fit
    disliked: IntArray  # whenever it was bought
    weight: FloatArray  # of all of them in this order, below 0 for what is disliked, float64 (h,)
    known: bool = True  # whether the user had a history at fit; if not, the mean user is the prior
    exposure: float = 1.0  # how far the user could have bought the other targets of fit time, 0 to 1; 1 if known

    __repr__ = short_repr

    def certainty(self, settings: FactorSettings) -> list[FloatArray]:
        """Certainty of what was bought, of what is liked and of what is disliked."""
        before = len(self.bought)
        return np.split(settings.certainty(self.weight), [before, before + len(self.liked)])


def fold_in(model: LatentFactorModel, past: UserHistory) -> FloatArray:
    """Solve the vector p of one user, float64 (rank,); the mean user where nothing else is left of a known user.

    ``p = argmin_p sum_others exposure (p . b)^2 + sum_bought conf (1 - p . b)^2 + sum_liked conf max(0, 1 - p . b)^2 +
    sum_disliked conf (p . b)^2 + reg |p - prior|^2``, each set of factors by itself, the counterpart of
    :func:`~newaisle.gnn.factors.update.update_from_feedback`. ``b`` is the basis, or the prior mean of a target without
    sales at fit, which counts where it was bought or disliked. Without events since the fit it is the vector of fit
    time.
    """
    if not len(past.bought) and not len(past.liked) and (past.known or not len(past.disliked)):
        return model.factors.mean_user
    settings = model.settings.factors
    parts = [
        update_from_feedback(feedback, prior, settings.regularization, settings)[0]
        for feedback, prior in _feedback_by_set(model, past)
    ]
    return np.asarray(np.concatenate(parts) / np.sqrt(len(parts)))


def folded_shares(model: LatentFactorModel, past: UserHistory, target: int) -> FloatArray:
    """Contributions of what is bought, then liked, to the score of one target, float64 (bought and liked,).

    ``score = sum_i (conf_i r_i b_i + reg prior / h)' W q_c / (sqrt(2) |p| M)`` exactly, plus the offset, with ``W`` the
    inverse of the user's system: ``p = W (sum_i conf_i r_i b_i + reg prior)`` (Hu et al. 2008, section 5). ``r_i`` is
    1, or the user's own score of a purchase since the fit above 1; the prior, zero for a known user, is divided evenly
    among the h purchases.
    """
    settings, sets = model.settings.factors, len(model.settings.factors.parts)
    alpha, weight, before = settings.alpha, settings.regularization, len(past.bought)
    shares, square = np.zeros(before + len(past.liked)), 0.0
    if not len(shares):
        return shares
    vectors = np.sqrt(sets) * _basis_of(model, np.concatenate([past.bought, past.liked]))
    certainty = np.concatenate(past.certainty(settings)[:2])
    for part, (feedback, prior) in zip(settings.parts, _feedback_by_set(model, past), strict=True):
        user, _ = update_from_feedback(feedback, prior, weight, settings)
        transformed = np.linalg.solve(feedback.system(alpha, weight), model.vectors[target, part]) / np.sqrt(sets)
        preference = certainty.copy()
        preference[before:] *= np.maximum(1.0, feedback.liked @ user)
        shares += alpha * preference * (vectors[:, part] @ transformed) + weight * (prior @ transformed) / len(shares)
        square += float(user @ user) / sets
    return np.asarray(shares / (np.sqrt(2.0 * square) * model.longest))


def _feedback_by_set(model: LatentFactorModel, past: UserHistory) -> Iterator[tuple[Feedback, FloatArray]]:
    """The user's feedback and prior for each set of factors, scaled as if it were the only one."""
    settings, factors = model.settings.factors, model.factors
    root = np.sqrt(len(settings.parts))
    prior = np.zeros(factors.basis.shape[1]) if past.known else factors.mean_user
    bought, liked, disliked = (root * _basis_of(model, targets) for targets in (past.bought, past.liked, past.disliked))
    targets = np.concatenate([past.bought, past.liked, past.disliked])
    certain_bought, certain_liked, certain_disliked = past.certainty(settings)
    new = root * model.prior.mean[targets[~np.isin(targets, model.regressor.seen)]]
    for part in settings.parts:
        rows = new[:, part]
        everything = root**2 * factors.gram[part, part] + rows.T @ rows
        feedback = Feedback(
            past.exposure * everything,
            past.exposure,
            Sums.of(bought[:, part], certain_bought) + Sums.of(disliked[:, part], certain_disliked),
            liked[:, part],
            certain_liked,
        )
        yield feedback, root * prior[part]


def _basis_of(model: LatentFactorModel, targets: IntArray) -> FloatArray:
    """The vectors from which users are folded in: the basis, or the prior mean of a target without sales at fit."""
    seen = np.isin(targets, model.regressor.seen)[:, None]
    return np.where(seen, model.factors.basis[targets], model.prior.mean[targets])
