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


def forecast(fitted: ModelState, targets: Id | Among) -> Table:
    """The expected buyers of targets as a table with ``FORECAST_COLUMNS``, most buyers first, then by id."""
    several = not isinstance(targets, str | int | np.integer) or targets in ("new", "seen", "all")
    meant = fitted.choose(cast("Among", targets if several else [targets])).targets
    space = fitted.space
    rows = np.flatnonzero(activity := np.diff(fitted.bought.indptr))
    buyers = np.bincount(fitted.bought.indices, minlength=len(fitted.graph))[meant]
    sold, expected = buyers > 0, buyers.astype(np.float64)
    low, high = repeat_interval(buyers)
    expected[~sold] = expected_buyers(
        space.calibration, augment_users(space.factors.users[rows]), activity[rows], space.answers[meant[~sold]]
    )
    low[~sold], high[~sold] = space.spread.interval(expected[~sold], space.share[meant[~sold]])
    order = np.lexsort((meant, -expected))
    columns = {
        "target": fitted.id_column.take(pa.array(meant[order])),
        "name": fitted.name_column.take(pa.array(meant[order])),
        "expected_buyers": expected[order],
        "low": low[order].astype(np.int64),
        "high": high[order].astype(np.int64),
        "confidence": fitted.confidence[meant[order]],
    }
    return to_frame({name: columns[name] for name in FORECAST_COLUMNS}, fitted.backend)
