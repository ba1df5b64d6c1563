"""Targets predicted without their own sales, and what users bought of them: what everything here is calibrated on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ...arrays import FloatArray, IntArray
from ...display import short_repr
from ..utils import sample
from .buyers import TrueBuyers
from .forecast import BuyerCounts, expected_buyers
from .new_customers import FirstPurchases, NewCustomers
from .probability import PurchaseCalibration, ScoredPairs

MOST_USERS = 1000
MOST_TARGETS = 5000
MOST_COUNTED = 1000
"""Targets whose buyers are counted; of more, a random sample."""


@dataclass(frozen=True, eq=False)
class HeldOutTargets:
    """Pseudo-new targets, predicted with factors that know the sales of none of them."""

    users: FloatArray  # ``[p, |p|]`` of some users, float64 (users, rank + 1)
    history: sp.csr_array  # purchases that p was fitted to, CSR (users, n)
    sales: sp.csr_array  # their purchases of the targets, CSR (users, n)
    vectors: FloatArray  # predicted ``[q, o]``, float64 (targets, rank + 1)
    targets: IntArray
    popularity: FloatArray  # predicted, float64 (targets,)
    buyers: TrueBuyers  # of the targets, among all users
    seed: int  # of the random samples of users and targets

    __repr__ = short_repr

    def pairs(self) -> ScoredPairs:
        """Scores and purchases of users with a history; of many users and targets, a random sample."""
        rows = sample(np.flatnonzero(self._activity), MOST_USERS, self.seed)
        part = sample(np.arange(len(self.targets)), MOST_TARGETS, self.seed)
        bought = self.sales[rows][:, self.targets[part]].toarray() > 0
        scores = self.users[rows] @ self.vectors[part].T
        return ScoredPairs(scores.ravel(), np.repeat(self._activity[rows], len(part)), bought.ravel())

    def first_purchases(self) -> FirstPurchases:
        """Popularity and true new customers."""
        return FirstPurchases(self.popularity, self.buyers.new, self.buyers.per_target)

    def buyer_counts(self, calibration: PurchaseCalibration, new_customers: NewCustomers) -> BuyerCounts:
        """Expected and true numbers of buyers among all users; of many targets, a random sample."""
        part = sample(np.arange(len(self.targets)), MOST_COUNTED, self.seed)
        rows = np.flatnonzero(self._activity)
        known = expected_buyers(calibration, self.users[rows], self._activity[rows], self.vectors[part])
        new = new_customers.expected(self.popularity[part], self.buyers.per_sold)
        return BuyerCounts(known * (self.buyers.users / len(rows)) + new, self.buyers.total[part])

    @property
    def _activity(self) -> IntArray:
        return np.diff(self.history.indptr)
