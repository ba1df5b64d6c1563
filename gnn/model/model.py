"""The one space: a vector per user and a vector per target, from which everything is answered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from ...arrays import FloatArray, IntArray
from ..calibration.confidence import expected_errors, popularity_errors
from ..calibration.forecast import BuyerCounts, ConformalInterval, fit_interval
from ..calibration.probability import PurchaseCalibration, ScoredPairs, expected_shares, fit_calibration
from ..factors.als import Factors
from ..factors.popularity import popularity_logits
from ..factors.update import update_targets
from ..prior.kernel import KernelRegressor, KernelSettings, Prior
from ..prior.nearest import make_regressor
from ..propagation.features import FeatureBlocks
from .cosine_softmax import HEADROOM, augment_users, cosine, softmax, target_embeddings, user_embeddings
from .settings import ModelSettings


@dataclass(frozen=True, eq=False)
class LatentFactorModel:
    """The fitted model.

    Attributes:
        settings: the numbers it was fitted with.
        factors: of users and targets; rows of targets without sales are zero.
        regressor: carries the seen targets' factors, and their levels as one column more, to all others.
        prior: of all n targets and groups; that of a seen target leaves its own sales out.
        level: the predicted logit of the share of buyers, less the mean of the seen targets, float64 (n,); that of a
            seen target leaves its own sales out.
        vectors: q after the update, float64 (n, rank).
        share: how much of each vector is prior, 1 (zero-shot) down to 0, float64 (n,).
        longest: M, longer than every vector.
        calibration: from ``p . q + |p| o`` to the chance of a purchase.
        error: how far the level that the prior predicts is likely to be off, as a logarithm, float64 (n,).
        spread: how far the number of buyers is likely to be from the expected one.
    """

    settings: ModelSettings
    factors: Factors
    regressor: KernelRegressor
    prior: Prior
    level: FloatArray
    vectors: FloatArray
    share: FloatArray
    longest: float
    calibration: PurchaseCalibration
    error: FloatArray
    spread: ConformalInterval

    @cached_property
    def offset(self) -> FloatArray:
        """o, what is added to everybody's ``p . q / |p|`` of a target, float64 (n,)."""
        found = self.settings.level * self.level
        found[self.regressor.seen] -= self.settings.offset
        return np.asarray(found)

    @cached_property
    def answers(self) -> FloatArray:
        """``[q, o]``, which ``[p, |p|]`` meets, float64 (n, rank + 1)."""
        return np.column_stack([self.vectors, self.offset.astype(self.vectors.dtype)])

    def embeddings(self, targets: IntArray) -> FloatArray:
        """z, the unit vectors of targets, float64 (targets, rank + 2)."""
        return target_embeddings(self.answers[targets], self.longest)

    def score(self, users: FloatArray, targets: IntArray) -> FloatArray:
        """``cos(f_u, z_c) = (p_u . q_c / |p_u| + o_c) / (sqrt(2) M)`` of user vectors p, float64 (users, targets)."""
        return cosine(user_embeddings(users), self.embeddings(targets))

    def unscaled(self, users: FloatArray, targets: IntArray) -> FloatArray:
        """``p_u . q_c + |p_u| o_c``, the score before users are scaled to one length, float64 (users, targets)."""
        return np.asarray(augment_users(users) @ self.answers[targets].T)

    def probabilities(self, scores: FloatArray, tau: float | None = None) -> FloatArray:
        """The softmax of scores over their last axis; ``tau = 1`` is the articles' rule, None the fitted one."""
        return softmax(scores, self.settings.tau if tau is None else tau)

    def chance(self, users: FloatArray, activity: IntArray, targets: IntArray) -> FloatArray:
        """How likely users are to buy targets within a time as long as that of the sales, float64 (users, targets).

        It holds for targets on sale, shown as the seen ones were, and was fitted on pseudo-new ones, those that hardly
        anybody bought included. A user's order by it is the order by score.

        Args:
            users: p, float64 (users, rank).
            activity: number of distinct targets in each user's history, int (users,).
            targets: positions.
        """
        return self.calibration.chance(self.unscaled(users, targets), activity)

    @property
    def confidence(self) -> FloatArray:
        """How sure the level of every target is, between 0 and 1, float64 (n,).

        ``exp(-error)``, where the error is the expected ``|log(predicted / true share of buyers)|`` as far as the
        vector still is prior: with 0.5 it is typically wrong by a factor of 2.
        """
        return np.asarray(np.exp(-self.error * self.share))


def build_model(
    bought: sp.csr_array,
    factors: Factors,
    blocks: FeatureBlocks,
    settings: ModelSettings,
    seed: int = 0,
    signed: sp.csr_array | None = None,
    regressor: KernelRegressor | None = None,
) -> LatentFactorModel:
    """Put the space together from fitted factors: prior by propagation, then the update of all seen targets.

    A head of the same targets, whatever factors it carries, saves solving the kernel.
    """
    weights = bought if signed is None else signed
    seen = np.flatnonzero(np.bincount(bought.indices, minlength=bought.shape[1]))
    new = np.setdiff1d(np.arange(bought.shape[1]), seen)
    regressor = make_regressor(blocks, settings.kernel, seen, factors.targets[seen]) if regressor is None else regressor
    regressor = regressor.carrying(with_popularity(factors, bought, seen))
    mean, variance = np.empty_like(factors.targets), np.empty(bought.shape[1])
    level = np.empty(bought.shape[1])
    for targets, prior in ((seen, regressor.leave_one_out()), (new, regressor.prior(new))):
        mean[targets], level[targets], variance[targets] = prior.mean[:, :-1], prior.mean[:, -1], prior.variance
    strength = prior_strength(variance[seen], settings.seen_strength, settings)
    vectors, share = mean.copy(), np.ones(len(mean))
    vectors[seen], share[seen] = update_targets(
        factors.users, sp.csc_array(weights[:, seen]), mean[seen], strength, settings.factors
    )
    users, foreseen = augment_users(factors.users), settings.as_new(mean[seen], level[seen])
    pairs = ScoredPairs.of(users, bought, bought, foreseen, seen, seed)
    calibration = settings.calibration or fit_calibration([pairs], seed)
    expected, true = expected_shares(calibration, users, bought, foreseen, seen, seed)
    error = expected_errors(regressor, popularity_errors(expected, true), len(mean))
    spread = settings.spread or fit_interval([BuyerCounts.of(calibration, users, bought, bought, foreseen, seen, seed)])
    prior, longest = Prior(mean, variance), max_norm(factors.targets)
    model = LatentFactorModel(
        settings, factors, regressor, prior, level, vectors, share, longest, calibration, error, spread
    )
    return replace(model, longest=max(longest, max_norm(model.answers)))


def popularity_regressor(
    blocks: FeatureBlocks, settings: KernelSettings, seen: IntArray, factors: Factors, bought: sp.csr_array
) -> KernelRegressor:
    """The head that carries factors of seen targets and, as one column more, their levels."""
    return make_regressor(blocks, settings, seen, with_popularity(factors, bought, seen))


def with_popularity(factors: Factors, bought: sp.csr_array, seen: IntArray) -> FloatArray:
    """Factors of seen targets and, as one column more, their levels, float64 (seen, rank + 1)."""
    return np.column_stack([factors.targets[seen], popularity_logits(bought, seen).astype(factors.targets.dtype)])


def max_norm(vectors: FloatArray) -> float:
    """M for some vectors: the longest of them with ``HEADROOM``."""
    return HEADROOM * float(np.linalg.norm(vectors, axis=1).max())


def prior_strength(variance: FloatArray, gamma: float | FloatArray, settings: ModelSettings) -> FloatArray:
    """``lambda_c = gamma / (s_c + lambda)``: a prior that is sure of itself gives way to sales more slowly."""
    return np.asarray(gamma / (variance + settings.kernel.ridge))
