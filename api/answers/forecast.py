"""How many users will buy targets, as a table."""

from __future__ import annotations

from typing import cast

import numpy as np

from ...gnn.calibration.forecast import expected_buyers, repeat_interval
from ...gnn.model.cosine_softmax import augment_users
from ...gnn.serving.candidates import Among
from ...gnn.serving.state import ModelState
from ...graph import Id
from ...graph.frames import Table
from .table import target_table

FORECAST_COLUMNS = ("target", "name", "expected_buyers", "low", "high", "confidence")


def forecast(state: ModelState, targets: Id | Among) -> Table:
    """The expected buyers of targets as a table with ``FORECAST_COLUMNS``, most buyers first, then by id."""
    several = not isinstance(targets, str | int | np.integer) or targets in ("new", "seen", "all")
    positions = state.choose(cast("Among", targets if several else [targets])).targets
    model = state.model
    rows = np.flatnonzero(activity := np.diff(state.bought.indptr))
    buyers = np.bincount(state.bought.indices, minlength=len(state.graph))[positions]
    sold, expected = buyers > 0, buyers.astype(np.float64)
    low, high = repeat_interval(buyers)
    unsold = positions[~sold]
    expected[~sold] = expected_buyers(
        model.calibration, augment_users(model.factors.users[rows]), activity[rows], model.augmented_targets[unsold]
    )
    low[~sold], high[~sold] = model.spread.interval(expected[~sold], model.prior_share[unsold])
    order = np.lexsort((positions, -expected))
    return target_table(
        state,
        FORECAST_COLUMNS,
        positions[order],
        expected_buyers=expected[order],
        low=low[order].astype(np.int64),
        high=high[order].astype(np.int64),
        confidence=state.confidence[positions[order]],
    )
