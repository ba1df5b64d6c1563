"""Learning after the fit: what users did since then, and the targets solved again with it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from ...arrays import FloatArray, IntArray
from ...graph.event_weights import stronger
from ..factors.als import Factors
from ..factors.update import Feedback, Sums, update_from_feedback, update_targets
from ..model.cosine_softmax import HEADROOM
from ..model.model import LatentFactorModel, prior_strength
from .events import EventLog

_MANY = 500
"""Buyers whose sums are worth keeping."""


@dataclass(frozen=True, eq=False)
class TrainingBuyers:
    """Who had bought or disliked what at fit, and what that adds to the targets' systems.

    Attributes:
        signed: weights, below 0 where disliked, CSC (users, n).
        factors: of fit time.
    """

    signed: sp.csc_array
    factors: Factors

    def of(self, target: int) -> tuple[IntArray, FloatArray]:
        """Rows of the users who had bought or disliked a target, int64, ascending, and the weights."""
        here = slice(*self.signed.indptr[target : target + 2].tolist())
        return np.asarray(self.signed.indices[here], dtype=np.int64), self.signed.data[here]

    def sums(self, target: int) -> Sums:
        """Sums over them; kept where they are many, since that takes a while."""
        if target in self._kept:
            return self._kept[target]
        users, weights = self.of(target)
        found = Sums.of(self.factors.users[users], self.factors.settings.certainty(weights))
        if len(users) > _MANY:
            self._kept[target] = found
        return found

    @cached_property
    def _kept(self) -> dict[int, Sums]:
        return {}


def update_targets_online(
    model: LatentFactorModel, buyers: TrainingBuyers, event_log: EventLog, exposure: FloatArray, targets: IntArray
) -> LatentFactorModel:
    """Solve targets again with all that is known of them; the order in which it became known does not matter.

    Users count with their vectors of fit time, those without a history then as the mean user. Where nothing was
    observed, a target is as it was after the fit.

    Args:
        model: the model; its vectors are not touched.
        buyers: who had bought what at fit, with the same users.
        event_log: what happened since then; its ``longest`` is set.
        exposure: how far users could have bought each target that had no sales at fit, float64 (n,).
        targets: positions of those to solve, ascending.

    Returns:
        The space with their vectors and shares of the prior. A vector longer than M makes M grow by whole steps of
        ``HEADROOM``, which depends on the vectors alone, too.
    """
    settings, factors = model.settings.factors, model.factors
    vectors, share = model.vectors.copy(), model.share.copy()
    is_seen = np.zeros(len(vectors), dtype=np.bool_)
    is_seen[model.regressor.seen] = True
    exposure = np.where(is_seen, 1.0, exposure)
    strength = prior_strength(model.prior.variance, model.settings.gamma(exposure), model.settings)
    told = np.zeros(len(vectors), dtype=np.bool_)
    told[event_log.target] = True
    vectors[targets], share[targets] = model.prior.mean[targets], 1.0
    plain = targets[is_seen[targets] & ~told[targets]]
    if len(plain):
        vectors[plain], share[plain] = update_targets(
            factors.users, sp.csc_array(buyers.signed[:, plain]), model.prior.mean[plain], strength[plain], settings
        )
    wanted = np.zeros(len(vectors), dtype=np.bool_)
    wanted[targets] = True
    rows = np.flatnonzero(wanted[event_log.target])
    rows = rows[np.argsort(event_log.target[rows], kind="stable")]
    for own in np.split(rows, np.flatnonzero(np.diff(event_log.target[rows])) + 1) if len(rows) else ():
        target = int(event_log.target[own[0]])
        feedback = _feedback(buyers, target, event_log.user[own], event_log.weight[own], float(exposure[target]))
        vectors[target], share[target] = update_from_feedback(
            feedback, model.prior.mean[target], float(strength[target]), settings
        )
    learned = replace(model, vectors=vectors, share=share)
    return replace(learned, longest=_grown(event_log.longest, learned.answers))


def _feedback(buyers: TrainingBuyers, target: int, users: IntArray, weights: FloatArray, exposure: float) -> Feedback:
    """What users did with one target: ``weights`` are those since the fit, of ``users``, ascending."""
    factors, certainty = buyers.factors, buyers.factors.settings.certainty
    had, own = buyers.of(target)
    before = np.zeros(len(users))
    before[np.isin(users, had)] = own[np.isin(had, users)]
    now = stronger(before, weights)
    likes, dislikes = now > np.maximum(before, 0.0), now < np.minimum(before, 0.0)
    gone = (likes | dislikes) & (before != 0)
    liked, outside = _vectors(factors, users[likes])
    disliked, further = _vectors(factors, users[dislikes])
    fixed = buyers.sums(target)
    if gone.any():
        fixed = fixed - Sums.of(factors.users[users[gone]], certainty(before[gone]))
    mean = factors.mean_user
    everybody = exposure * (factors.user_gram + (outside + further) * np.outer(mean, mean))
    fixed = fixed + Sums.of(disliked, certainty(now[dislikes]))
    return Feedback(everybody, exposure, fixed, liked, certainty(now[likes]))


def _vectors(factors: Factors, users: IntArray) -> tuple[FloatArray, int]:
    """Vectors of fit time, and how many of the users had none and count as the mean user."""
    found = np.zeros((len(users), factors.users.shape[1]))
    there = users < len(factors.users)
    found[there] = factors.users[users[there]]
    unknown = ~found.any(axis=1)
    found[unknown] = factors.mean_user
    return found, int(unknown.sum())


def _grown(longest: float, vectors: FloatArray) -> float:
    """M: that of fit time as long as it is longer than every vector."""
    needed = math.sqrt(float(np.einsum("nr,nr->n", vectors, vectors).max()))
    return longest if needed < longest else longest * HEADROOM ** (1 + math.floor(math.log(needed / longest, HEADROOM)))
