"""Targets predicted without their own sales, and what users bought of them: what everything here is calibrated on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ...arrays import FloatArray, IntArray
from ..utils import chunks, sample
from .forecast import BuyerCounts, expected_buyers
from .probability import PurchaseCalibration, ScoredPairs

_MOST_USERS = 1000
_MOST_TARGETS = 5000
_MOST_COUNTED = 1000
"""Targets whose buyers are counted; of more, a random sample."""


@dataclass(frozen=True, eq=False)
class HeldOutTargets:
    """Predicted target vectors, and the sales that they were predicted without."""

    users: FloatArray  # p of all users, float64 (users, rank)
    history: sp.csr_array  # purchases that p was fitted to, CSR (users, n)
    sales: sp.csr_array  # purchases of the targets, CSR (users, n)
    vectors: FloatArray  # predicted q, float64 (targets, rank)
    targets: IntArray
    seed: int  # of the random samples of users and targets

    def pairs(self) -> ScoredPairs:
        """Scores and purchases of users with a history; of many users and targets, a random sample."""
        rows, part = self._active(), sample(np.arange(len(self.targets)), _MOST_TARGETS, self.seed)
        bought = self.sales[rows][:, self.targets[part]].toarray() > 0
        return ScoredPairs(self.users[rows] @ self.vectors[part].T, self._activity[rows], bought)

    def shares(self, calibration: PurchaseCalibration) -> tuple[FloatArray, FloatArray]:
        """Expected and true shares of buyers among users with a history (sampled), float64 (targets,) twice."""
        rows, expected = self._active(), np.empty(len(self.targets))
        for part in chunks(len(self.targets), _MOST_TARGETS):
            scores = self.users[rows] @ self.vectors[part].T
            expected[part] = calibration.probability(scores, self._activity[rows]).mean(axis=0)
        return expected, self._buyers(rows)[self.targets] / len(rows)

    def buyer_counts(self, calibration: PurchaseCalibration) -> BuyerCounts:
        """Expected and true numbers of buyers among users with a history; of many targets, a random sample."""
        part = sample(np.arange(len(self.targets)), _MOST_COUNTED, self.seed)
        rows = np.flatnonzero(self._activity)
        expected = expected_buyers(calibration, self.users[rows], self._activity[rows], self.vectors[part])
        return BuyerCounts(expected, self._buyers(rows)[self.targets[part]].astype(np.int64))

    @property
    def _activity(self) -> IntArray:
        return np.diff(self.history.indptr)

    def _active(self) -> IntArray:
        """Rows of users with a history; of many, a random sample."""
        return sample(np.flatnonzero(self._activity), _MOST_USERS, self.seed)

    def _buyers(self, rows: IntArray) -> IntArray:
        return np.bincount(self.sales[rows].indices, minlength=self.sales.shape[1])
