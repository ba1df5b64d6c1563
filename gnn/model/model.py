"""The fitted model: one vector per user and one per target, from which every answer is computed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from ...arrays import FloatArray, IntArray
from ...display import short_repr
from ...sharing import FieldsOnly
from ..calibration.buyers import TrueBuyers, per_sold
from ..calibration.confidence import expected_errors, popularity_errors
from ..calibration.forecast import ConformalInterval, Forecast, expected_buyers, fit_interval
from ..calibration.left_out import LeftOutTargets
from ..calibration.new_customers import NewCustomers, fit_new_customers
from ..calibration.probability import PurchaseCalibration, ScoredPairs, fit_calibration
from ..factors.als import Factors
from ..factors.popularity import popularity_logits
from ..factors.update import update_targets
from ..prior.kernel import KernelRegressor, KernelSettings, Prior
from ..prior.nearest import make_regressor
from ..propagation.features import FeatureBlocks
from .cosine_softmax import HEADROOM, augment_users, cosine, softmax, target_embeddings, user_embeddings
from .settings import ModelSettings


@dataclass(frozen=True, eq=False)
class LatentFactorModel(FieldsOnly):
    """The fitted model of n targets and groups; what is predicted of a seen target leaves its own sales out."""

    settings: ModelSettings
    factors: Factors  # rows of targets without sales are zero
    regressor: KernelRegressor  # of factors and, as one column more, popularity
    prior: Prior
    popularity: FloatArray  # predicted logit of the share of buyers, less the mean of the seen targets, float64 (n,)
    vectors: FloatArray  # q after the update, float64 (n, rank)
    prior_share: FloatArray  # share of the prior in each vector, 1 (zero-shot) down to 0, float64 (n,)
    longest: float  # M, above the norm of every vector
    calibration: PurchaseCalibration  # from ``p . q + |p| o`` to the probability of a purchase
    popularity_error: FloatArray  # expected error of the predicted popularity, as a logarithm, float64 (n,)
    spread: ConformalInterval  # of the number of buyers around the expected one
    new_customers: NewCustomers | None  # from predicted popularity to customers who buy nothing else; None: not known
    unknown: PurchaseCalibration | None  # of users of whom no purchase is known; None: as ``calibration``

    __repr__ = short_repr

    @cached_property
    def offset(self) -> FloatArray:
        """o, added to every user's ``p . q / |p|`` of a target, float64 (n,)."""
        offset = self.settings.level * self.popularity
        offset[self.regressor.seen] -= self.settings.offset
        return np.asarray(offset)

    @cached_property
    def augmented_targets(self) -> FloatArray:
        """``[q, o]``, the counterpart of ``[p, |p|]``, float64 (n, rank + 1)."""
        return np.column_stack([self.vectors, self.offset.astype(self.vectors.dtype)])

    def embeddings(self, targets: IntArray) -> FloatArray:
        """z, the unit vectors of targets, float64 (targets, rank + 2)."""
        return target_embeddings(self.augmented_targets[targets], self.longest)

    def score(self, users: FloatArray, targets: IntArray) -> FloatArray:
        """``cos(f_u, z_c) = (p_u . q_c / |p_u| + o_c) / (sqrt(2) M)`` of user vectors p, float64 (users, targets)."""
        return cosine(user_embeddings(users), self.embeddings(targets))

    def raw_scores(self, users: FloatArray, targets: IntArray) -> FloatArray:
        """``p_u . q_c + |p_u| o_c``, the score before users are scaled to one length, float64 (users, targets)."""
        return np.asarray(augment_users(users) @ self.augmented_targets[targets].T)

    def probabilities(self, scores: FloatArray, tau: float | None = None) -> FloatArray:
        """The softmax of scores over their last axis; ``tau = 1`` is the articles' rule, None the fitted one."""
        return softmax(scores, self.settings.tau if tau is None else tau)

    def purchase_probability(self, users: FloatArray, activity: IntArray, targets: IntArray) -> FloatArray:
        """The probability that users buy targets within a time as long as that of the sales, float64 (users, targets).

        It holds for targets on sale, shown as the seen ones were, and ranks each user's targets as the score does.
        ``users`` is p, (users, rank), ``activity`` the number of distinct targets in each history, int (users,).
        """
        return self.calibrated(self.raw_scores(users, targets), activity)

    def calibrated(self, scores: FloatArray, activity: IntArray) -> FloatArray:
        """The probabilities of :meth:`raw_scores`, float64 (users, targets); those without history are any customer."""
        found = self.calibration.probability(scores, activity)
        if self.unknown is not None and not activity.all():
            found[activity == 0] = self.unknown.probability(scores[activity == 0], activity[activity == 0])
        return found

    def forecast(self, bought: sp.csr_array, targets: IntArray) -> Forecast:
        """The buyers of targets without sales; ``bought`` are the purchases that it was fitted to, CSR (users, n)."""
        rows = np.flatnonzero(activity := np.diff(bought.indptr))
        users, vectors = augment_users(self.factors.users[rows]), self.augmented_targets[targets]
        known, new = expected_buyers(self.calibration, users, activity[rows], vectors), np.zeros(len(targets))
        if self.new_customers is not None:
            new = self.new_customers.expected(self.popularity[targets], per_sold(bought))
        return Forecast(known, new, *self.spread.interval(known + new, self.prior_share[targets]))

    @property
    def confidence(self) -> FloatArray:
        """How certain the popularity of every target is, between 0 and 1, float64 (n,).

        ``exp(-error)`` with the expected ``|log(predicted / true share of buyers)|``, times the share of the prior: at
        0.5 it is typically wrong by a factor of 2.
        """
        return np.asarray(np.exp(-self.popularity_error * self.prior_share))


def build_model(
    bought: sp.csr_array,
    factors: Factors,
    blocks: FeatureBlocks,
    settings: ModelSettings,
    seed: int = 0,
    signed: sp.csr_array | None = None,
    regressor: KernelRegressor | None = None,
) -> LatentFactorModel:
    """Build the model from fitted factors: prior by propagation, then the update of all seen targets, then calibration.

    ``bought`` is 0/1 CSR (users, n), ``signed`` the weights of the pairs, below 0 for dislikes, None where each is a
    full purchase. A ``regressor`` of the same targets, with any factors, saves solving the kernel.
    """
    seen = np.flatnonzero(np.bincount(bought.indices, minlength=bought.shape[1]))
    new = np.setdiff1d(np.arange(bought.shape[1]), seen)
    regressor = regressor or make_regressor(blocks, settings.kernel, seen, factors.targets[seen])
    regressor = regressor.with_factors(with_popularity(factors, bought, seen))
    mean, variance = np.empty_like(factors.targets), np.empty(bought.shape[1])
    popularity = np.empty(bought.shape[1])
    for targets, prior in ((seen, regressor.leave_one_out()), (new, regressor.prior(new))):
        mean[targets], popularity[targets] = prior.mean[:, :-1], prior.mean[:, -1]
        variance[targets] = prior.variance
    strength = prior_strength(variance[seen], settings.seen_strength, settings)
    vectors, share = mean.copy(), np.ones(len(mean))
    signed = bought if signed is None else signed
    of_seen = sp.csc_array(signed[:, seen])
    vectors[seen], share[seen] = update_targets(factors.users, of_seen, mean[seen], strength, settings.factors)
    predicted = settings.as_new(mean[seen], popularity[seen])
    left_out = LeftOutTargets(
        factors, augment_users(factors.users), bought, signed, predicted, seen, popularity[seen], seed
    )
    calibration = settings.calibration or fit_calibration([left_out.pairs()], seed)
    new_customers = settings.new_customers or fit_new_customers([left_out.first_purchases()])
    errors = popularity_errors(*left_out.shares(calibration, new_customers))
    longest = norm_with_headroom(factors.targets)
    model = LatentFactorModel(
        settings=settings,
        factors=factors,
        regressor=regressor,
        prior=Prior(mean, variance),
        popularity=popularity,
        vectors=vectors,
        prior_share=share,
        longest=longest,
        calibration=calibration,
        popularity_error=expected_errors(regressor, errors, np.arange(len(mean))),
        spread=settings.spread or fit_interval([left_out.buyer_counts(calibration, new_customers)]),
        new_customers=new_customers,
        unknown=None,
    )
    unknown = _fit_unknown(model, predicted, left_out.buyers, seed)
    return replace(model, longest=max(longest, norm_with_headroom(model.augmented_targets)), unknown=unknown)


def _fit_unknown(model: LatentFactorModel, predicted: FloatArray, buyers: TrueBuyers, seed: int) -> PurchaseCalibration:
    """From the mean user's scores of the seen targets, predicted from the others and as they are, to buyers' shares."""
    vectors = np.concatenate([predicted, model.augmented_targets[model.regressor.seen]])
    scores = (augment_users(model.factors.mean_user[None, :]) @ vectors.T)[0]
    share = np.tile(buyers.total / buyers.users, 2)
    return fit_calibration([ScoredPairs(scores, np.zeros(len(scores), dtype=np.int64), share)], seed)


def popularity_regressor(
    blocks: FeatureBlocks, settings: KernelSettings, seen: IntArray, factors: Factors, bought: sp.csr_array
) -> KernelRegressor:
    """The regressor of factors and, as one column more, popularity."""
    return make_regressor(blocks, settings, seen, with_popularity(factors, bought, seen))


def with_popularity(factors: Factors, bought: sp.csr_array, seen: IntArray) -> FloatArray:
    """Factors of seen targets and, as one column more, their popularity, float64 (seen, rank + 1)."""
    return np.column_stack([factors.targets[seen], popularity_logits(bought, seen).astype(factors.targets.dtype)])


def norm_with_headroom(vectors: FloatArray) -> float:
    """M for some vectors: the greatest norm times ``HEADROOM``."""
    return HEADROOM * float(np.linalg.norm(vectors, axis=1).max())


def prior_strength(variance: FloatArray, gamma: float | FloatArray, settings: ModelSettings) -> FloatArray:
    """``lambda_c = gamma / (s_c + lambda)``: a more certain prior yields to sales more slowly."""
    return np.asarray(gamma / (variance + settings.kernel.ridge))
