"""From a score to the probability of a purchase: a monotone logistic regression, fitted to held-out targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import expit

from ...arrays import BoolArray, FloatArray, IntArray
from ...display import short_repr

_QUANTILES = (0.25, 0.5, 0.75, 0.9, 0.97, 0.99, 0.999)
_PENALTY = 1e-3
_MOST_PAIRS = 200_000
_LEAST_SLOPE = 1e-3
"""In deviations of the score: a higher score is always a higher probability."""
_LEAST_SPREAD = 1e-4
"""In deviations of the score: a piece with hardly any pair is no evidence, and probabilities must not jump there."""

BINS = 15
"""Bins of equal size for the expected calibration error."""


@dataclass(frozen=True)
class PurchaseCalibration:
    """``P = sigmoid(intercept + sum_k slopes_k piece_k(r) + activity log(1 + n))`` with r = p . q and n purchases.

    The pieces divide the scale of r at the knots, each rising by as much as r does between them; no slope is negative,
    so each user's ranking stays.
    """

    knots: tuple[float, ...]  # ascending
    slopes: tuple[float, ...]  # below the first knot and after each; 0 or more
    activity: float
    intercept: float

    def probability(self, scores: FloatArray, activity: IntArray) -> FloatArray:
        """Probabilities of scores ``p . q``, float64 (users, targets); ``activity`` is n of each user, int (users,)."""
        logit = np.tile(self.intercept + self.activity * np.log1p(activity)[:, None], scores.shape[1])
        for slope, piece in zip(self.slopes, _pieces(scores, self.knots), strict=True):
            logit += slope * piece
        return np.asarray(expit(logit))


@dataclass(frozen=True, eq=False)
class ScoredPairs:
    """Pairs of users and targets with their scores, and whether the user bought the target."""

    scores: FloatArray  # ``p . q``, float64 (pairs,)
    activity: IntArray  # number of distinct targets in the user's history, int (pairs,)
    bought: BoolArray | FloatArray  # whether they bought, or the share of many who did, (pairs,)

    __repr__ = short_repr


def fit_calibration(sets: Sequence[ScoredPairs], seed: int) -> PurchaseCalibration:
    """Fit to sets of pseudo-new targets by maximum likelihood; ``seed`` is that of the random sample of many pairs."""
    from scipy.optimize import minimize  # serving does not fit

    score = np.concatenate([pairs.scores for pairs in sets])
    active = np.log1p(np.concatenate([pairs.activity for pairs in sets]))
    hit = np.concatenate([pairs.bought for pairs in sets])
    if not len(score):  # nobody has a second purchase, and everybody the same first one
        score, active, hit = (np.zeros(1) for _ in range(3))
    if len(score) > _MOST_PAIRS:
        some = np.random.default_rng(seed).choice(len(score), _MOST_PAIRS, replace=False)
        score, active, hit = score[some], active[some], hit[some]
    knots = tuple(np.unique(np.quantile(score, _QUANTILES)).tolist())
    pieces = np.stack(list(_pieces(score, knots)), axis=-1)
    spread, deviation = pieces.std(axis=0), float(score.std()) or 1.0  # slopes of one magnitude: the search converges
    spread[spread < _LEAST_SPREAD * deviation] = deviation
    design = np.column_stack([pieces / spread, active, np.ones(len(score))])
    truth = hit.astype(np.float64)

    def loss(weights: FloatArray) -> tuple[float, FloatArray]:
        logit = design @ weights
        value = np.mean(np.logaddexp(0.0, logit) - truth * logit) + _PENALTY * np.mean(np.square(weights[:-1]))
        slope = design.T @ (expit(logit) - truth) / len(truth)
        slope[:-1] += 2.0 * _PENALTY * weights[:-1] / (len(weights) - 1)
        return float(value), slope

    start = np.full(design.shape[1], _LEAST_SLOPE)
    bounds: list[tuple[float | None, None]] = [(_LEAST_SLOPE, None)] * pieces.shape[1] + [(None, None)] * 2
    found = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": 500}).x
    slopes = found[:-2] / spread
    return PurchaseCalibration(knots, tuple(slopes.tolist()), float(found[-2]), float(found[-1]))


def brier_score(probability: FloatArray, bought: BoolArray) -> float:
    """Mean squared error of probabilities (Brier 1950), 0 (best) to 1."""
    return float(np.mean(np.square(probability - bought)))


def expected_calibration_error(probability: FloatArray, bought: BoolArray, bins: int = BINS) -> float:
    """Mean distance between predicted and true frequency over bins of equally many pairs (Naeini et al. 2015)."""
    order = np.argsort(probability, axis=None, kind="stable")
    predicted, true = probability.ravel()[order], bought.ravel()[order].astype(np.float64)
    parts = [part for part in np.array_split(np.arange(len(order)), bins) if len(part)]
    return float(sum(len(p) * abs(predicted[p].mean() - true[p].mean()) for p in parts) / len(order))


def _pieces(scores: FloatArray, knots: Sequence[float]) -> Iterator[FloatArray]:
    """How far each score goes into each piece of the scale, float64 (...), one piece after the other."""
    yield np.minimum(scores, knots[0]) - knots[0]
    for low, high in pairwise((*knots, np.inf)):
        yield np.clip(scores, low, high) - low
