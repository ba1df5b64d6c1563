"""Targets updated with events since the fit."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from ...arrays import FloatArray, IntArray
from ...display import short_repr
from ...graph.event_weights import stronger
from ..factors.als import Factors
from ..factors.update import Feedback, Sums, update_from_feedback, update_targets
from ..model.cosine_softmax import HEADROOM
from ..model.model import LatentFactorModel, prior_strength
from .events import EventLog

_MANY = 500
"""Buyers from which on their sums are cached."""


@dataclass(frozen=True, eq=False)
class TrainingBuyers:
    """Who had bought or disliked what at fit, and the sums over their vectors."""

    signed: sp.csc_array  # weights, below 0 where disliked, CSC (users, n)
    factors: Factors

    __repr__ = short_repr

    def of(self, target: int) -> tuple[IntArray, FloatArray]:
        """Rows of the users who had bought or disliked a target, int64, ascending, and the weights."""
        column = slice(*self.signed.indptr[target : target + 2].tolist())
        return np.asarray(self.signed.indices[column], dtype=np.int64), self.signed.data[column]

    def sums(self, target: int) -> Sums:
        """Sums over them; cached where they are many."""
        if target in self._cached:
            return self._cached[target]
        users, weights = self.of(target)
        found = Sums.of(self.factors.users[users], self.factors.settings.certainty(weights))
        if len(users) > _MANY:
            self._cached[target] = found
        return found

    @cached_property
    def _cached(self) -> dict[int, Sums]:
        return {}


def update_targets_online(
    model: LatentFactorModel, buyers: TrainingBuyers, event_log: EventLog, exposure: FloatArray, targets: IntArray
) -> LatentFactorModel:
    """Update vectors and prior shares of targets (ascending) with everything known of them, in whatever order it came.

    Users count with their vectors of fit time, those without a history then as the mean user. ``exposure`` is how far
    users could have bought each target that had no sales at fit, float64 (n,); ``event_log.longest`` is set. A vector
    longer than M makes M grow by whole steps of ``HEADROOM``, a function of the vectors alone, too. Without events, a
    target becomes what it was after the fit; the arrays of ``model`` are not modified.
    """
    settings, factors, prior = model.settings.factors, model.factors, model.prior.mean
    vectors, share = model.vectors.copy(), model.prior_share.copy()
    is_seen, has_events, chosen = (np.zeros(len(vectors), dtype=np.bool_) for _ in range(3))
    is_seen[model.regressor.seen] = has_events[event_log.target] = chosen[targets] = True
    exposure = np.where(is_seen, 1.0, exposure)
    strength = prior_strength(model.prior.variance, model.settings.gamma(exposure), model.settings)
    vectors[targets], share[targets] = prior[targets], 1.0
    plain = targets[is_seen[targets] & ~has_events[targets]]
    if len(plain):
        vectors[plain], share[plain] = update_targets(
            factors.users, sp.csc_array(buyers.signed[:, plain]), prior[plain], strength[plain], settings
        )
    rows = np.flatnonzero(chosen[event_log.target])
    rows = rows[np.argsort(event_log.target[rows], kind="stable")]
    for part in np.split(rows, np.flatnonzero(np.diff(event_log.target[rows])) + 1) if len(rows) else ():
        target = int(event_log.target[part[0]])
        feedback = _feedback(buyers, target, event_log.user[part], event_log.weight[part], float(exposure[target]))
        vectors[target], share[target] = update_from_feedback(
            feedback, prior[target], float(strength[target]), settings
        )
    updated = replace(model, vectors=vectors, prior_share=share)
    return replace(updated, longest=_raised(event_log.longest, updated.augmented_targets))


def _feedback(buyers: TrainingBuyers, target: int, users: IntArray, weights: FloatArray, exposure: float) -> Feedback:
    """Feedback on one target; ``weights`` are those of events since the fit, of ``users``, ascending."""
    factors, certainty = buyers.factors, buyers.factors.settings.certainty
    buyers_at_fit, weights_at_fit = buyers.of(target)
    before = np.zeros(len(users))
    before[np.isin(users, buyers_at_fit)] = weights_at_fit[np.isin(buyers_at_fit, users)]
    now = stronger(before, weights)
    likes, dislikes = now > np.maximum(before, 0.0), now < np.minimum(before, 0.0)
    replaced = (likes | dislikes) & (before != 0)
    liked, unknown_likes = _vectors(factors, users[likes])
    disliked, unknown_dislikes = _vectors(factors, users[dislikes])
    fixed = buyers.sums(target)
    if replaced.any():
        fixed = fixed - Sums.of(factors.users[users[replaced]], certainty(before[replaced]))
    mean = factors.mean_user
    everybody = exposure * (factors.user_gram + (unknown_likes + unknown_dislikes) * np.outer(mean, mean))
    fixed = fixed + Sums.of(disliked, certainty(now[dislikes]))
    return Feedback(everybody, exposure, fixed, liked, certainty(now[likes]))


def _vectors(factors: Factors, users: IntArray) -> tuple[FloatArray, int]:
    """Vectors of fit time, and how many of the users had none and count as the mean user."""
    found = np.zeros((len(users), factors.users.shape[1]))
    at_fit = users < len(factors.users)
    found[at_fit] = factors.users[users[at_fit]]
    unknown = ~found.any(axis=1)
    found[unknown] = factors.mean_user
    return found, int(unknown.sum())


def _raised(longest: float, vectors: FloatArray) -> float:
    """M: that of fit time as long as it is above the norm of every vector."""
    needed = math.sqrt(float(np.einsum("nr,nr->n", vectors, vectors).max()))
    return longest if needed < longest else longest * HEADROOM ** (1 + math.floor(math.log(needed / longest, HEADROOM)))
