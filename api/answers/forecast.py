"""How many buyers targets will find, as a table."""

from __future__ import annotations

from typing import cast

import numpy as np
import pyarrow as pa

from ...gnn.calibration.forecast import expected_buyers, repeat_interval
from ...gnn.model.cosine_softmax import augment_users
from ...gnn.serving.state import Among, ModelState
from ...graph import Id
from ...graph.frames import Table, to_frame

FORECAST_COLUMNS = ("target", "name", "expected_buyers", "low", "high", "confidence")


def forecast(state: ModelState, targets: Id | Among) -> Table:
    """The expected buyers of targets as a table with ``FORECAST_COLUMNS``, most buyers first, then by id."""
    several = not isinstance(targets, str | int | np.integer) or targets in ("new", "seen", "all")
    meant = state.choose(cast("Among", targets if several else [targets])).targets
    model = state.model
    rows = np.flatnonzero(activity := np.diff(state.bought.indptr))
    buyers = np.bincount(state.bought.indices, minlength=len(state.graph))[meant]
    sold, expected = buyers > 0, buyers.astype(np.float64)
    low, high = repeat_interval(buyers)
    expected[~sold] = expected_buyers(
        model.calibration,
        augment_users(model.factors.users[rows]),
        activity[rows],
        model.augmented_targets[meant[~sold]],
    )
    low[~sold], high[~sold] = model.spread.interval(expected[~sold], model.prior_share[meant[~sold]])
    order = np.lexsort((meant, -expected))
    columns = {
        "target": state.id_column.take(pa.array(meant[order])),
        "name": state.name_column.take(pa.array(meant[order])),
        "expected_buyers": expected[order],
        "low": low[order].astype(np.int64),
        "high": high[order].astype(np.int64),
        "confidence": state.confidence[meant[order]],
    }
    return to_frame({name: columns[name] for name in FORECAST_COLUMNS}, state.backend)
