"""Which way a target's vector was found, read off the share of the prior in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ...arrays import IntArray
from ...errors import InputError
from ...gnn.serving.state import ModelState, as_list
from ...gnn.validation.splits import buyers
from ...graph import Id
from ...graph.event_weights import stronger
from ...graph.frames import Table, to_frame

ROUTE_COLUMNS = ("target", "name", "route", "prior_share", "buyers")
ZERO_SHOT, FEW_SHOT, CONVENTIONAL = "zero-shot", "few-shot", "conventional"


@dataclass(frozen=True)
class RouteThresholds:
    """Where one route ends and the next begins.

    Attributes:
        zero_shot: least share of the prior of a zero-shot target; at 1 the first event ends it.
        conventional: greatest share of a conventional target; None for the median of the seen targets: then a target is
            known by its own sales as well as half of what the shop sells.

    Raises:
        InputError: they do not rise from 0 to 1.
    """

    zero_shot: float = 1.0
    conventional: float | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= (self.conventional or 0.0) <= self.zero_shot <= 1.0:
            raise InputError(
                f"conventional is {self.conventional} and zero_shot {self.zero_shot}; give shares from 0 to 1, "
                "conventional the smaller one."
            )


def route(state: ModelState, targets: Id | Sequence[Id], thresholds: RouteThresholds) -> Table:
    """A table with ``ROUTE_COLUMNS``; ``Recommender.route`` says more."""
    positions = state.graph.ids.positions(as_list(targets))
    if not len(positions):
        raise InputError("There is no target to answer for; give at least one target id.")
    share = state.model.prior_share
    conventional = thresholds.conventional
    if conventional is None:
        conventional = float(np.median(share[state.model.regressor.seen]))
    # what is prior alone stays zero-shot, wherever the limit of the conventional ones lies
    ways = np.where(share <= conventional, CONVENTIONAL, FEW_SHOT)
    ways[share >= thresholds.zero_shot] = ZERO_SHOT
    place = pa.array(positions)
    columns = {
        "target": state.id_column.take(place),
        "name": state.name_column.take(place),
        "route": ways[positions],
        "prior_share": share[positions],
        "buyers": _buyers(state, positions),
    }
    return to_frame({name: columns[name] for name in ROUTE_COLUMNS}, state.backend)


def _buyers(state: ModelState, targets: IntArray) -> IntArray:
    """How many users bought each of some targets and do not dislike it, int64 (targets,)."""
    counts = buyers(state.bought)
    since = state.event_log.where(np.isin(state.event_log.target, targets))
    before = state.before(since.user, since.target)
    now = stronger(before, since.weight)
    np.add.at(counts, since.target, (now > 0).astype(np.int64) - (before > 0))
    return np.asarray(counts[targets])
