"""How far a target's vector comes from the graph, read off the share of the prior in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...arguments import is_number
from ...arrays import IntArray
from ...display import short
from ...errors import InputError
from ...gnn.serving.state import ModelState
from ...gnn.validation.splits import buyers
from ...graph import Id
from ...graph.event_weights import stronger
from ...graph.frames import Table
from .table import target_positions, target_table

ROUTE_COLUMNS = ("target", "name", "route", "prior_share", "buyers")
ZERO_SHOT, FEW_SHOT, CONVENTIONAL = "zero-shot", "few-shot", "conventional"


@dataclass(frozen=True)
class RouteThresholds:
    """The thresholds of :meth:`newaisle.Recommender.route` as shares of the prior, rising from 0 to 1."""

    zero_shot: float = 1.0
    conventional: float | None = None

    def __post_init__(self) -> None:
        both = (0.0 if self.conventional is None else self.conventional, self.zero_shot)
        if not (all(map(is_number, both)) and 0.0 <= both[0] <= both[1] <= 1.0):
            raise InputError(
                f"conventional is {short(self.conventional)} and zero_shot {short(self.zero_shot)}; give "
                "shares from 0 to 1, conventional the smaller one."
            )


def route(state: ModelState, targets: Id | Sequence[Id], thresholds: RouteThresholds) -> Table:
    """How far targets' vectors come from the graph or their own sales, as a table with ``ROUTE_COLUMNS``."""
    positions = target_positions(state, targets)
    share, conventional = state.model.prior_share, thresholds.conventional
    if conventional is None:
        conventional = float(np.median(share[state.model.regressor.seen]))
    # what is prior alone stays zero-shot, whatever the threshold of the conventional ones
    routes = np.where(share <= conventional, CONVENTIONAL, FEW_SHOT)
    routes[share >= thresholds.zero_shot] = ZERO_SHOT
    return target_table(
        state,
        ROUTE_COLUMNS,
        positions,
        route=routes[positions],
        prior_share=share[positions],
        buyers=_buyers(state, positions),
    )


def _buyers(state: ModelState, targets: IntArray) -> IntArray:
    """How many users bought each of some targets and do not dislike it, int64 (targets,)."""
    counts = buyers(state.bought)
    since = state.event_log.where(np.isin(state.event_log.target, targets))
    before = state.histories.weights_at_fit(since.user, since.target)
    now = stronger(before, since.weight)
    np.add.at(counts, since.target, (now > 0).astype(np.int64) - (before > 0))
    return np.asarray(counts[targets])
