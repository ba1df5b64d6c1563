"""What the last settings are chosen by, on validation folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize_scalar

from ...arrays import BoolArray, FloatArray
from ..calibration.forecast import BuyerCounts
from ..calibration.probability import PurchaseCalibration, ScoredPairs
from ..factors.als import Factors
from ..factors.update import update_targets
from ..model.cosine_softmax import augment_users, cosine, target_embeddings, user_embeddings
from ..model.model import max_norm, popularity_regressor, prior_strength, with_popularity
from ..model.settings import ModelSettings
from ..prior.informed_factors import inform_factors
from ..prior.kernel import KernelRegressor, Prior
from ..validation.metrics import ndcg, taste_auc
from .folds import ValidationFold

STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
_LEVELS = (0.0, 0.02, 0.05)
_SHORT_HISTORY = 30
"""Purchases of the median user up to which the level joins the scores; beyond, trials gained nothing by it."""
_REVEALED = 0.1


@dataclass(frozen=True, eq=False)
class FittedFold:
    """One episode with chosen factors and kernel: what is predicted for its pseudo-new targets."""

    fold: ValidationFold
    factors: Factors
    regressor: KernelRegressor

    @classmethod
    def of(cls, fold: ValidationFold, settings: ModelSettings) -> FittedFold:
        """Without the graph's say in the factors."""
        split, factors = fold.split, fold.factors(settings.factors)
        return cls(fold, factors, popularity_regressor(fold.blocks, settings.kernel, split.seen, factors, split.train))

    def informed(self) -> FittedFold:
        """The same with factors informed by the graph."""
        split = self.fold.split
        factors = inform_factors(self.factors, self.regressor, split.weights)
        return replace(
            self, factors=factors, regressor=self.regressor.carrying(with_popularity(factors, split.train, split.seen))
        )

    @cached_property
    def users(self) -> FloatArray:
        """``[p, |p|]`` of the judged users, float64 (users, rank + 1)."""
        return augment_users(self.factors.users[self.fold.users])

    @cached_property
    def prior(self) -> Prior:
        """Of the judged pseudo-new targets, the level in its last column."""
        return self.regressor.prior(self.fold.candidates)

    def taste(self) -> float:
        """How well the zero-shot scores tell buyers of a pseudo-new target from others (taste AUC)."""
        train, hits = self.fold.split.train[self.fold.users], sp.csr_array(self.fold.hits)
        return taste_auc(self.users[:, :-1] @ self.prior.mean[:, :-1].T, hits, np.diff(train.indptr))

    def zero_shot_ndcg(self, weight: float) -> float:
        """NDCG@20 with so much of the predicted level in the scores."""
        settings = ModelSettings(level=weight)
        return ndcg(self.users @ as_new(self.prior.mean, settings).T, self.fold.hits)

    def pairs(self, settings: ModelSettings) -> ScoredPairs:
        """Users with all pseudo-new targets, those that nobody or hardly anybody bought included."""
        split, seed = self.fold.split, self.fold.seed
        users, foreseen = augment_users(self.factors.users), as_new(self._foreseen, settings)
        return ScoredPairs.of(users, split.train, split.test, foreseen, split.listed, seed)

    def outcomes(self, calibration: PurchaseCalibration, settings: ModelSettings) -> BuyerCounts:
        """Expected and true buyers of the same pseudo-new targets."""
        split, seed = self.fold.split, self.fold.seed
        users, foreseen = augment_users(self.factors.users), as_new(self._foreseen, settings)
        return BuyerCounts.of(calibration, users, split.train, split.test, foreseen, split.listed, seed)

    @cached_property
    def _foreseen(self) -> FloatArray:
        """Predicted q and level of all pseudo-new targets, float64 (listed, rank + 1)."""
        return self.regressor.prior(self.fold.split.listed).mean

    def similarities(self, settings: ModelSettings) -> FloatArray:
        """Cosines of judged users and pseudo-new targets, float64 (users, candidates)."""
        answers = as_new(self.prior.mean, settings)
        longest = max(max_norm(self.factors.targets), max_norm(answers))
        embeddings = target_embeddings(answers, longest)
        return cosine(user_embeddings(self.factors.users[self.fold.users]), embeddings)

    def revealed_ndcg(self, settings: ModelSettings) -> float:
        """NDCG@20 after a tenth of the users revealed what they bought of the pseudo-new targets, on the others."""
        split, random = self.fold.split, np.random.default_rng(self.fold.seed)
        revealing = random.random(split.train.shape[0]) < _REVEALED
        judged = ~revealing[self.fold.users]
        if not judged.any():
            return 0.0
        strength = prior_strength(self.prior.variance, settings.gamma(revealing.mean()), settings)
        shown = sp.csc_array(split.test[:, self.fold.candidates].multiply(revealing[:, None]))
        shown.eliminate_zeros()
        mean, level = self.prior.mean[:, :-1], self.prior.mean[:, -1]
        vectors, _ = update_targets(
            self.factors.users, shown, mean, strength, settings.factors, revealing.astype(np.float64)
        )
        return ndcg(self.users[judged] @ settings.as_new(vectors, level).T, self.fold.hits[judged])


def mean_revealed(folds: Sequence[FittedFold], settings: ModelSettings) -> float:
    """Mean NDCG@20 of the folds after first sales."""
    return float(np.mean([fold.revealed_ndcg(settings) for fold in folds]))


def as_new(foreseen: FloatArray, settings: ModelSettings) -> FloatArray:
    """What new targets answer by, from predicted factors with the level in the last column."""
    return settings.as_new(foreseen[:, :-1], foreseen[:, -1])


def choose_rounds(folds: list[FittedFold], settings: ModelSettings) -> tuple[ModelSettings, list[FittedFold]]:
    """Informed by the graph, unless the factors of the pseudo-new targets' neighbours then tell less of taste."""
    informed = [fold.informed() for fold in folds]
    gain = np.mean([after.taste() - before.taste() for before, after in zip(folds, informed, strict=True)])
    if gain < 0:  # not so where taste cannot be told (NaN)
        return replace(settings, factors=replace(settings.factors, rounds=0)), folds
    return settings, informed


def choose_level(folds: Sequence[FittedFold]) -> float:
    """How much of the predicted level goes into the scores: nothing where users' own purchases say enough."""
    sizes = np.concatenate([np.diff(fold.fold.split.train.indptr) for fold in folds])
    if np.median(sizes[sizes > 0]) > _SHORT_HISTORY:
        return 0.0
    return max(_LEVELS, key=lambda weight: float(np.mean([fold.zero_shot_ndcg(weight) for fold in folds])))


def fit_tau(folds: Sequence[FittedFold], settings: ModelSettings) -> float:
    """The temperature with the least cross-entropy at purchases, searched on a logarithmic scale."""
    judged = [(fold.similarities(settings), fold.fold.hits) for fold in folds]
    found = minimize_scalar(
        lambda log_tau: float(np.mean([_cross_entropy(each / np.exp(log_tau), hits) for each, hits in judged])),
        bounds=(np.log(1e-3), np.log(10.0)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(np.exp(found.x))


def _cross_entropy(logits: FloatArray, hits: BoolArray) -> float:
    """Mean over users of the cross-entropy of the softmax at their purchases, (users, candidates) both."""
    log_sum = np.log(np.exp(logits - logits.max(axis=1, keepdims=True)).sum(axis=1)) + logits.max(axis=1)
    return float(np.mean(log_sum - (logits * hits).sum(axis=1) / hits.sum(axis=1)))
