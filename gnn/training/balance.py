"""The balance of seen and new targets in the mixed ranking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from ...arrays import FloatArray
from ..factors.update import update_targets
from ..model.cosine_softmax import user_embeddings
from ..model.model import prior_strength
from ..model.settings import ModelSettings
from ..utils import sample
from ..validation.mixed_ranking import MixedRanking, best_offset, seen_targets
from .criteria import as_new
from .folds import MAX_TARGETS, FittedFold, ValidationFold, held_out_folds

_STRENGTHS = (3.0, 10.0, 30.0, 100.0, 300.0)


def choose_balance(folds: Sequence[ValidationFold], settings: ModelSettings) -> ModelSettings:
    """Choose the strength of the seen targets' prior, and the offset of the scores of new targets.

    A fifth of the purchases is hidden beside the pseudo-new targets. The strength maximises the NDCG@20 of seen targets
    ranked alone, the offset the harmonic mean H of both sides; a single set of factors is fitted, for speed.
    """
    factors = settings.factors
    if factors.second:
        factors = replace(factors, rank=2 * factors.rank, second=0)
    single = replace(settings, factors=factors)
    rankings: list[MixedRanking] = []
    scored: list[dict[float, FloatArray]] = []
    for fold in held_out_folds(folds):
        seen = sample(seen_targets(fold.split), MAX_TARGETS, fold.split.seed)
        ranking = fold.mixed_ranking(seen)
        rankings.append(ranking)
        scored.append(_scores_by_strength(fold.fit(single, seen).informed(), ranking, single))
    if not rankings:
        return settings

    def seen_ndcg(strength: float) -> float:
        return float(np.mean([ranking.seen_ndcg(of[strength]) for ranking, of in zip(rankings, scored, strict=True)]))

    strength = max(_STRENGTHS, key=seen_ndcg)
    offset = best_offset([(ranking, of[strength]) for ranking, of in zip(rankings, scored, strict=True)])
    return replace(settings, seen_strength=strength, offset=offset)


def _scores_by_strength(fit: FittedFold, ranking: MixedRanking, settings: ModelSettings) -> dict[float, FloatArray]:
    """Strength of the seen targets' prior -> scores over ``|p|`` without offset, float64 (users, targets)."""
    seen, prior = fit.regressor.seen, fit.regressor.leave_one_out()
    sales = sp.csc_array(fit.fold.split.weights[:, seen])
    users = user_embeddings(fit.factors.user_vectors(ranking.users))[:, :-1] * np.sqrt(2)
    new = as_new(fit.regressor.prior(ranking.targets[ranking.is_new]).mean, settings)
    scores = {}
    for gamma in _STRENGTHS:
        strength = prior_strength(prior.variance, gamma, settings)
        vectors, _ = update_targets(fit.factors.users, sales, prior.mean[:, :-1], strength, settings.factors)
        answers = np.empty((len(ranking.targets), vectors.shape[1] + 1))
        answers[~ranking.is_new] = settings.as_new(vectors, prior.mean[:, -1])
        answers[ranking.is_new] = new
        scores[gamma] = np.asarray(users @ answers.T)
    return scores
