"""The temporal protocol: what was first sold on a date or later is new."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import numpy as np

from ....arrays import BoolArray
from ....errors import InputError
from ....graph import CatalogGraph, Interactions
from ....graph.catalog.availability import as_number
from ....graph.event_weights import WeightedHistory
from ...validation.splits import LEAVE_TARGETS_OUT, Split, entries, split_of

_DAY = 24 * 3600 * 1_000_000
"""In microseconds."""


def temporal_split(
    graph: CatalogGraph, interactions: Interactions, date: str, seed: int, kinds: Mapping[str, float] | None = None
) -> Split:
    """Hide what was first sold on a date (a number where times are numbers of days) or later, the same for every seed.

    All events before it are learned from; those of the new targets from then on are judged.
    """
    known = events_before(interactions, date)
    before, after = (WeightedHistory.of(interactions.where(part), graph, kinds) for part in (known, ~known))
    train, later = before.bought, after.bought
    sold = np.diff(train.tocsc().indptr) > 0
    new = (np.diff(later.tocsc().indptr) > 0) & ~sold & ~graph.is_group
    keep, signed = new[later.indices], entries(before.signed, ~new[before.signed.indices])
    return split_of(LEAVE_TARGETS_OUT, seed, graph, train, entries(later, keep), np.flatnonzero(new), signed)


def events_before(interactions: Interactions, date: str) -> BoolArray:
    """Which events are known before a date, bool (e,); an InputError without times, date or events on both sides."""
    if interactions.timestamp is None:
        raise InputError(
            f"The interactions have no times, which temporal:{date} needs; name their column (in a table of "
            "interactions: timestamp)."
        )
    moment = _moment(date)
    if not math.isfinite(moment):
        raise InputError(f"'temporal:{date}' has no date: give one such as temporal:2017-07-01.")
    known: BoolArray = interactions.timestamp.astype(np.int64) < moment * _DAY
    if known.all() or not known.any():
        times = interactions.timestamp.astype("datetime64[D]")
        first, last = times.min(), times.max()
        side = "before" if known.all() else "after"
        raise InputError(f"All events are {side} {date}; give a date between {first} and {last}, as temporal:{last}.")
    return known


def _moment(date: str) -> float:
    """Days since 1970-01-01, NaN if it is neither date nor number."""
    try:
        return as_number(date)
    except InputError:
        return as_number(float(date)) if re.fullmatch(r"\d+(\.\d+)?", date) else math.nan
