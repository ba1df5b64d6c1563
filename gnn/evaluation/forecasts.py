"""Judging forecasts of how many buyers hidden targets find."""

from __future__ import annotations

import numpy as np

from ...arrays import BoolArray, FloatArray
from ..calibration.forecast import Forecast
from ..validation.splits import Split, buyers

BEST_SOLD = 60
"""Targets left out of the metrics that end in ``TAIL``: a few best sellers decide over means."""
TAIL = ":tail"


def forecast_metrics(forecast: Forecast, split: Split) -> dict[str, float]:
    """Coverage and ratio of the forecasts of all hidden targets (``split.listed``), bought by nobody or many.

    ``forecast_coverage`` is the share of them with the true number of buyers inside the 80 % interval, users without a
    history included; ``forecast_ratio`` the mean forecast over the mean true number, 1 at best. The same with ``:tail``
    without the ``BEST_SOLD`` best sold targets of the catalog, among which hidden ones count by their forecast; there
    are none of these figures where this leaves no target that was bought.
    """
    true = buyers(split.test)[split.listed]
    inside = (forecast.low <= true) & (true <= forecast.high)
    every, tail = np.ones(len(true), dtype=np.bool_), ~_best_sold(forecast.expected, split)
    found: dict[str, float] = {}
    for suffix, part in (("", every), (TAIL, tail)):
        if true[part].any():
            found[f"forecast_coverage{suffix}"] = float(inside[part].mean())
            found[f"forecast_ratio{suffix}"] = float(forecast.expected[part].mean() / true[part].mean())
    return found


def _best_sold(expected: FloatArray, split: Split) -> BoolArray:
    """Which hidden targets are among the ``BEST_SOLD`` of the catalog, bool (listed,)."""
    sales = buyers(split.train).astype(np.float64)
    sales[split.listed] = expected
    best = np.zeros(len(sales), dtype=np.bool_)
    best[np.argsort(-sales, kind="stable")[:BEST_SOLD]] = True
    return np.asarray(best[split.listed])
