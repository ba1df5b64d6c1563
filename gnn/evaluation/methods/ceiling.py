"""The ceiling: a conventional recommender that has the hidden targets' sales."""

from __future__ import annotations

import numpy as np
import scipy.linalg as la

from ....arrays import FloatArray, IntArray
from ...validation.metrics import ndcg
from ...validation.splits import SHARE, Split, binary, revealing_half
from ..contracts import fitted


class Ceiling:
    """Ridge regression from purchases of seen targets to purchases of hidden ones, taught by half of the users."""

    name = "ceiling"
    _RIDGES = (10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._weights: FloatArray | None = None

    def judged(self, split: Split) -> IntArray:
        """The judged users of the other half."""
        return split.users[~revealing_half(split, self.seed)[split.users]]

    def fit(self, split: Split) -> None:
        """Choose the ridge on a fifth of the revealing users, then fit on all of them."""
        revealing = np.flatnonzero(revealing_half(split, self.seed))
        held = np.random.default_rng([self.seed, 1]).random(len(revealing)) < SHARE
        teach, check = revealing[~held], np.intersect1d(revealing[held], split.users)
        hits = split.test[check][:, split.candidates].toarray() > 0

        def judge(ridge: float) -> float:
            weights = self._regress(split, teach, split.candidates, ridge)
            return ndcg(binary(split.train)[check][:, split.seen] @ weights, hits) if len(check) else 0.0

        self._weights = self._regress(split, revealing, np.arange(split.test.shape[1]), max(self._RIDGES, key=judge))

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:
        """Predicted purchases, float64 (users, targets)."""
        return np.asarray(binary(split.train)[users][:, split.seen] @ fitted(self._weights)[:, targets])

    @staticmethod
    def _regress(split: Split, users: IntArray, targets: IntArray, ridge: float) -> FloatArray:
        """``(X'X + ridge I)^-1 X'Y``, float64 (seen, targets), or its dual where users are fewer."""
        bought = binary(split.train)[users][:, split.seen]
        sales = split.test[users][:, targets].toarray()
        dual = bought.shape[0] < bought.shape[1]
        system = (bought @ bought.T if dual else bought.T @ bought).toarray()
        system[np.diag_indices_from(system)] += ridge
        solved = la.cho_solve(la.cho_factor(system), sales if dual else bought.T @ sales)
        return np.asarray(bought.T @ solved if dual else solved)
