"""Criteria on fitted validation folds that choose the last settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize_scalar

from ...arrays import BoolArray, FloatArray
from ..calibration.buyers import TrueBuyers
from ..calibration.held_out import HeldOutTargets
from ..factors.popularity import popularity_logits
from ..factors.update import update_targets
from ..model.cosine_softmax import augment_users, cosine, target_embeddings, user_embeddings
from ..model.model import norm_with_headroom, prior_strength
from ..model.settings import ModelSettings
from ..validation.metrics import ndcg, taste_auc
from ..validation.splits import entries
from .folds import FittedFold

STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
_LEVELS = (0.0, 0.02, 0.05)
_SHORT_HISTORY = 30
"""Purchases of the median user beyond which popularity gained nothing in trials."""
_REVEALED = 0.1


def choose_rounds(fits: list[FittedFold], settings: ModelSettings) -> tuple[ModelSettings, list[FittedFold]]:
    """Inform the factors by the graph, unless this lowers the taste AUC of the pseudo-new targets."""
    informed = [fit.informed() for fit in fits]
    gain = np.mean([_taste_auc(after) - _taste_auc(before) for before, after in zip(fits, informed, strict=True)])
    if gain < 0:  # not where taste is undefined (NaN)
        return replace(settings, factors=replace(settings.factors, rounds=0)), fits
    return settings, informed


def choose_level(fits: Sequence[FittedFold]) -> float:
    """Weight of the predicted popularity in the scores: 0 where users' histories are long."""
    sizes = np.concatenate([np.diff(fit.fold.split.train.indptr) for fit in fits])
    if np.median(sizes[sizes > 0]) > _SHORT_HISTORY:
        return 0.0
    return max(_LEVELS, key=lambda weight: float(np.mean([_zero_shot_ndcg(fit, weight) for fit in fits])))


def choose_strength(fits: Sequence[FittedFold], settings: ModelSettings) -> float:
    """Strength of the prior with the greatest NDCG@20 after first sales."""

    def mean_ndcg(strength: float) -> float:
        chosen = replace(settings, strength=strength)
        return float(np.mean([_few_shot_ndcg(fit, chosen) for fit in fits]))

    return max(STRENGTHS, key=mean_ndcg)


def fit_tau(fits: Sequence[FittedFold], settings: ModelSettings) -> float:
    """Temperature with the least cross-entropy at purchases, searched on a logarithmic scale."""
    judged = [(_similarities(fit, settings), fit.fold.hits) for fit in fits]
    found = minimize_scalar(
        lambda log_tau: float(np.mean([_cross_entropy(each / np.exp(log_tau), hits) for each, hits in judged])),
        bounds=(np.log(1e-3), np.log(10.0)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(np.exp(found.x))


def held_out(fit: FittedFold, settings: ModelSettings) -> HeldOutTargets:
    """All pseudo-new targets with their predictions, those with few or no buyers included."""
    fold, split, regressor = fit.fold, fit.fold.split, fit.regressor
    if fold.everybody is not None:  # popularity as the model will know it, not that among a sample of users
        known = entries(fold.everybody, ~np.isin(fold.everybody.indices, split.hidden))
        logits = popularity_logits(known, regressor.seen)
        regressor = regressor.with_factors(np.column_stack([regressor.factors[:, :-1], logits]))
    mean = regressor.prior(split.listed).mean
    return HeldOutTargets(
        users=augment_users(fit.factors.users),
        history=split.train,
        sales=split.test,
        vectors=as_new(mean, settings),
        targets=split.listed,
        popularity=np.asarray(mean[:, -1], dtype=np.float64),
        buyers=TrueBuyers.of_hidden(fold.purchases, split.hidden, split.listed),
        seed=fold.seed,
    )


def as_new(mean: FloatArray, settings: ModelSettings) -> FloatArray:
    """Vectors of new targets from their prior mean, whose last column is the popularity logit."""
    return settings.as_new(mean[:, :-1], mean[:, -1])


def _taste_auc(fit: FittedFold) -> float:
    train, hits = fit.fold.split.train[fit.fold.users], sp.csr_array(fit.fold.hits)
    return taste_auc(fit.users[:, :-1] @ fit.prior.mean[:, :-1].T, hits, np.diff(train.indptr))


def _zero_shot_ndcg(fit: FittedFold, weight: float) -> float:
    return ndcg(fit.users @ as_new(fit.prior.mean, ModelSettings(level=weight)).T, fit.fold.hits)


def _few_shot_ndcg(fit: FittedFold, settings: ModelSettings) -> float:
    """NDCG@20 after a tenth of the users revealed their purchases of the pseudo-new targets, on the others."""
    fold, split, random = fit.fold, fit.fold.split, np.random.default_rng(fit.fold.seed)
    revealing = random.random(split.train.shape[0]) < _REVEALED
    judged = ~revealing[fold.users]
    if not judged.any():
        return 0.0
    strength = prior_strength(fit.prior.variance, settings.gamma(revealing.mean()), settings)
    sales = sp.csc_array(split.test[:, fold.candidates].multiply(revealing[:, None]))
    sales.eliminate_zeros()
    mean, level = fit.prior.mean[:, :-1], fit.prior.mean[:, -1]
    exposure = revealing.astype(np.float64)
    vectors, _ = update_targets(fit.factors.users, sales, mean, strength, settings.factors, exposure)
    return ndcg(fit.users[judged] @ settings.as_new(vectors, level).T, fold.hits[judged])


def _similarities(fit: FittedFold, settings: ModelSettings) -> FloatArray:
    vectors = as_new(fit.prior.mean, settings)
    longest = max(norm_with_headroom(fit.factors.targets), norm_with_headroom(vectors))
    return cosine(user_embeddings(fit.factors.users[fit.fold.users]), target_embeddings(vectors, longest))


def _cross_entropy(logits: FloatArray, hits: BoolArray) -> float:
    """Mean over users of the cross-entropy of the softmax at their purchases; both (users, candidates)."""
    log_sum = np.log(np.exp(logits - logits.max(axis=1, keepdims=True)).sum(axis=1)) + logits.max(axis=1)
    return float(np.mean(log_sum - (logits * hits).sum(axis=1) / hits.sum(axis=1)))
