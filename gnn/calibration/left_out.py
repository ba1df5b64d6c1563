"""Seen targets, each predicted from the others for users without their purchase of it: calibration without folds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from ...arrays import FloatArray, IntArray
from ..factors.als import Factors
from ..factors.leave_one_out import leave_one_out_vectors
from ..utils import chunks, sample
from .buyers import TrueBuyers
from .forecast import BuyerCounts
from .held_out import MOST_COUNTED, MOST_TARGETS, MOST_USERS
from .new_customers import FirstPurchases, NewCustomers
from .probability import PurchaseCalibration, ScoredPairs


@dataclass(frozen=True, eq=False)
class LeftOutTargets:
    """The seen targets, each predicted from the others; whoever bought one counts as if without it.

    A user who bought nothing else has no history then, and is one of its new customers.
    """

    factors: Factors
    users: FloatArray  # ``[p, |p|]``, float64 (users, rank + 1)
    bought: sp.csr_array  # CSR (users, n)
    signed: sp.csr_array  # weights of all pairs, below 0 for dislikes, CSR (users, n)
    vectors: FloatArray  # predicted ``[q, o]``, float64 (targets, rank + 1)
    targets: IntArray  # ascending
    popularity: FloatArray  # predicted, float64 (targets,)
    seed: int  # of the random samples of users and targets

    def pairs(self) -> ScoredPairs:
        """Scores and purchases of users with another purchase; of many users and targets, a random sample."""
        rows, part = self._rows, sample(np.arange(len(self.targets)), MOST_TARGETS, self.seed)
        scores, own = self.users[rows] @ self.vectors[part].T, self._own_scores[:, part].tocoo()
        activity = np.repeat(self._activity[rows][:, None], len(part), axis=1)
        bought = np.zeros(scores.shape, dtype=np.bool_)
        scores[own.row, own.col], bought[own.row, own.col] = own.data, True
        activity[own.row, own.col] -= 1
        left = activity > 0
        return ScoredPairs(scores[left], activity[left], bought[left])

    def first_purchases(self) -> FirstPurchases:
        """Popularity and true new customers."""
        return FirstPurchases(self.popularity, self.buyers.new, self.buyers.per_target)

    def buyer_counts(self, calibration: PurchaseCalibration, new_customers: NewCustomers) -> BuyerCounts:
        """Expected and true numbers of buyers; of many targets, and users, a random sample."""
        rows, part = self._rows, sample(np.arange(len(self.targets)), MOST_COUNTED, self.seed)
        probability = calibration.probability(self.users[rows] @ self.vectors[part].T, self._activity[rows])
        own = self._own_scores[:, part].tocoo()
        others = self._activity[rows][own.row] - 1
        without = calibration.probability(own.data[:, None], others)[:, 0]
        probability[own.row, own.col] = np.where(others > 0, without, 0.0)
        known = probability.sum(axis=0) * (self.buyers.users / len(rows))
        new = new_customers.expected(self.popularity[part], self.buyers.per_sold)
        return BuyerCounts(known + new, self.buyers.total[part])

    def shares(
        self, calibration: PurchaseCalibration, new_customers: NewCustomers | None
    ) -> tuple[FloatArray, FloatArray]:
        """Expected and true buyers per user with a history (sampled), float64 (targets,) twice.

        Users count with what they bought of the target, for speed.
        """
        rows, expected = self._rows, np.empty(len(self.targets))
        for part in chunks(len(self.targets), MOST_TARGETS):
            scores = self.users[rows] @ self.vectors[part].T
            expected[part] = calibration.probability(scores, self._activity[rows]).mean(axis=0)
        if new_customers is not None:
            expected += new_customers.expected(self.popularity, self.buyers.per_sold) / self.buyers.users
        count = np.bincount(self.bought[rows].indices, minlength=self.bought.shape[1])
        return expected, count[self.targets] / len(rows)

    @cached_property
    def buyers(self) -> TrueBuyers:
        """The true buyers of every target."""
        return TrueBuyers.of_each(self.bought, self.targets)

    @cached_property
    def _activity(self) -> IntArray:
        return np.diff(self.bought.indptr)

    @cached_property
    def _rows(self) -> IntArray:
        """Rows of users with a history; of many, a random sample."""
        return sample(np.flatnonzero(self._activity), MOST_USERS, self.seed)

    @cached_property
    def _own_scores(self) -> sp.csr_array:
        """Score of each sampled user, without the purchase in question, and what the user bought, CSR (rows, targets).

        0 where that was all.
        """
        own = self.bought[self._rows]
        places = np.searchsorted(self.targets, own.indices)
        found = np.empty(own.nnz)
        for row, user in enumerate(self._rows.tolist()):
            pairs = slice(own.indptr[row], own.indptr[row + 1])
            without, predicted = leave_one_out_vectors(self.factors, self.signed[[user]]), self.vectors[places[pairs]]
            offset = np.linalg.norm(without, axis=1) * predicted[:, -1]
            found[pairs] = np.einsum("hr,hr->h", without, predicted[:, :-1]) + offset
        return sp.csr_array((found, places, own.indptr), shape=(len(self._rows), len(self.targets)))
