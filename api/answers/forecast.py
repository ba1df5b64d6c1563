"""How many users will buy targets, as a table."""

from __future__ import annotations

from typing import cast, get_args

import numpy as np

from ...gnn.calibration.buyers import TrueBuyers
from ...gnn.calibration.forecast import repeat_interval
from ...gnn.serving.candidates import Among
from ...gnn.serving.state import ModelState
from ...graph import Id
from ...graph.frames import Table
from ...graph.ids import id_list
from .table import target_table

FORECAST_COLUMNS = (
    "target",
    "name",
    "expected_buyers",
    "low",
    "high",
    "confidence",
    "known_buyers",
    "new_buyers",
)


def forecast(state: ModelState, targets: Id | Among) -> Table:
    """The expected buyers of targets as a table with ``FORECAST_COLUMNS``, most buyers first, then by id."""
    some = isinstance(targets, str) and targets in get_args(get_args(Among)[0])
    positions = state.choose(cast("Among", targets if some else id_list(targets))).targets
    buyers = TrueBuyers.of_each(state.bought, positions)
    known, new = buyers.known.astype(np.float64), buyers.new.astype(np.float64)
    low, high = repeat_interval(buyers.total)
    unsold = buyers.total == 0
    predicted = state.model.forecast(state.bought, positions[unsold])
    known[unsold], new[unsold] = predicted.known, predicted.new
    low[unsold], high[unsold] = predicted.low, predicted.high
    expected = known + new
    order = np.lexsort((positions, -expected))
    return target_table(
        state,
        FORECAST_COLUMNS,
        positions[order],
        expected_buyers=expected[order],
        low=low[order].astype(np.int64),
        high=high[order].astype(np.int64),
        confidence=state.confidence[positions[order]],
        known_buyers=known[order],
        new_buyers=new[order],
    )
