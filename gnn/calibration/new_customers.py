"""New customers: how many people will make a target their first purchase, from its predicted popularity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...arrays import FloatArray, IntArray


@dataclass(frozen=True)
class NewCustomers:
    """``m exp(intercept + slope popularity)`` new customers of a target; m is the mean number of buyers of a sold one.

    A Poisson regression on the predicted popularity. It predicts the share of new customers among the buyers of an
    average target, so it depends neither on how many users the shop has nor on how well the hidden targets sold.
    """

    intercept: float
    slope: float  # 0 or more
    lowest: float  # a popularity outside of those that it was fitted to counts as the nearest of them
    highest: float

    def expected(self, popularity: FloatArray, per_sold: float) -> FloatArray:
        """Expected new customers of targets by predicted popularity, float64 (targets,); ``per_sold`` is m."""
        inside = np.clip(popularity, self.lowest, self.highest)
        return np.asarray(per_sold * np.exp(self.intercept + self.slope * inside), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class FirstPurchases:
    """Targets whose popularity was predicted without their sales, and their true new customers."""

    popularity: FloatArray  # float64 (targets,)
    customers: IntArray  # int64 (targets,)
    per_target: float  # mean number of all buyers of those targets that have any


def fit_new_customers(sets: Sequence[FirstPurchases]) -> NewCustomers:
    """Fit to sets of targets by maximum likelihood: of all together the expected number is the true one.

    Where there is no new customer at all, half a one is assumed.
    """
    from scipy.optimize import minimize  # serving does not fit

    popularity = np.concatenate([each.popularity for each in sets]).astype(np.float64)
    true = np.concatenate([each.customers for each in sets]).astype(np.float64)
    base = np.concatenate([np.full(len(each.popularity), each.per_target) for each in sets])
    mean = float(np.log(max(true.sum(), 0.5) / base.sum()))
    lowest, highest = float(popularity.min()), float(popularity.max())
    if not true.any() or lowest == highest:
        return NewCustomers(mean, 0.0, lowest, highest)
    centre = float(np.average(popularity, weights=base))
    size = base.sum()

    def loss(weights: FloatArray) -> tuple[float, FloatArray]:
        logarithm = weights[0] + weights[1] * (popularity - centre)
        expected = base * np.exp(logarithm)
        miss = expected - true
        gradient = np.array([miss.sum(), (miss * (popularity - centre)).sum()])
        return float((expected - true * logarithm).sum() / size), gradient / size

    start = np.array([mean, 0.0])
    found = minimize(loss, start, jac=True, bounds=[(None, None), (0.0, None)], method="L-BFGS-B", tol=1e-12).x
    return NewCustomers(float(found[0] - found[1] * centre), float(found[1]), lowest, highest)
