"""Learning after the fit: new events, and users to forget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import compress

import numpy as np
import scipy.sparse as sp

from ...arrays import BoolArray, IntArray
from ...errors import InputError, InteractionsError, ModelError, UnknownIdError, name_some
from ...gnn.online.events import EventLog, log_events
from ...gnn.online.relearn import update_targets_online
from ...gnn.serving.state import ModelState
from ...graph import Id, Ids, Interactions
from ...graph.event_weights import stronger
from ...graph.frames import Table, read_frame
from ...graph.ids import id_list

_AHEAD = timedelta(days=1)
"""Times without a time zone may be half a day ahead of UTC."""

DUPLICATE = "exact duplicate"
"""The name of a repeated row in a cleaning report."""

_OPTIONAL = ("weight", "timestamp", "event")


@dataclass(frozen=True)
class ObserveReport:
    """What was learned from some events.

    Attributes:
        learned: events with a user's first purchase or first dislike of a target, or a weightier kind than known.
        repeated: events with nothing new, those of kinds that are left out among them.
        new_users: users without any event before.
    """

    learned: int
    repeated: int
    new_users: int


def read_events(events: Interactions | Table) -> Interactions:
    """Events as interactions; a table has columns ``user``, ``target`` and optional ``weight, timestamp, event``."""
    if isinstance(events, Interactions):
        return events
    columns = read_frame(events, "events", ("user", "target")).columns
    named = {name: name for name in _OPTIONAL if name in columns}
    return Interactions.from_table(
        events, weight=named.get("weight"), timestamp=named.get("timestamp"), event=named.get("event")
    )


def observe(state: ModelState, events: Interactions | Table) -> tuple[ModelState, ObserveReport]:
    """Learn from events (:meth:`Recommender.observe`)."""
    given = read_events(events)
    if not len(given):
        raise InteractionsError("There is no event to learn from; give at least one.")
    target = _targets(state, given)
    _check_times(given)
    weight = state.kinds.weights(given)
    size = len(given) + (0 if given is events else given.report.dropped.get(DUPLICATE, 0))
    if not weight.all():
        counted = weight != 0
        given, target, weight = given.where(counted), target[counted], weight[counted]
        if not len(given):
            return state, ObserveReport(0, size, 0)
    user, newcomers = _users(state, given)
    time = None if given.timestamp is None else given.timestamp.astype("datetime64[us]").astype(np.int64)
    before = _renumbered(state, newcomers)
    after, changed = before.merged(log_events(user, target, weight, time))
    pairs = after.user[changed], after.target[changed]
    known = stronger(state.histories.weights_at_fit(*pairs), before.of(*pairs))
    learned = int((stronger(known, after.weight[changed]) != known).sum())
    report = ObserveReport(learned, size - learned, len(newcomers) - len(state.newcomers))
    return _relearned(state, before, after, newcomers, pairs[1]), report


def forget(state: ModelState, users: Id | Sequence[Id]) -> ModelState:
    """Forget users (:meth:`Recommender.forget`)."""
    gone = id_list(users)
    if not gone:
        raise InputError("There is no user to forget; give at least one user id.")
    kept = np.ones(len(state.users) + len(state.newcomers), dtype=np.bool_)
    kept[state.histories.rows(gone)] = False
    before, place = state.event_log, np.cumsum(kept) - 1
    after = before.where(kept[before.user])
    after = replace(after, user=place[after.user])
    known, later = kept[: len(state.users)], kept[len(state.users) :]
    newcomers = _kept(state.newcomers, later)
    targets = before.target[~kept[before.user]]
    if known.all():
        return _relearned(state, before, after, newcomers, targets)
    factors = replace(state.model.factors, users=state.model.factors.users[known])
    if not factors.users.any():
        raise ModelError("Nobody with a history would be left, so nothing could be answered; delete the model instead.")
    left = replace(
        state,
        users=_kept(state.users, known),
        bought=sp.csr_array(state.bought[np.flatnonzero(known)]),
        signed=sp.csr_array(state.signed[np.flatnonzero(known)]),
        model=replace(state.model, factors=factors),
        report=replace(state.report, examples={}, columns=(), notes=()),  # which may name them
    )
    # they weighed on every seen target by what they did not buy, and on others by being part of the mean user
    return _relearned(left, before, after, newcomers, np.concatenate([state.model.regressor.seen, before.target]))


def _kept(ids: Ids, kept: BoolArray) -> Ids:
    return Ids(tuple(compress(ids, kept.tolist())), "user")


def _relearned(state: ModelState, before: EventLog, after: EventLog, newcomers: Ids, targets: IntArray) -> ModelState:
    """The state with some targets solved again, and those whose exposure has changed."""
    size = len(state.graph)
    exposure = after.exposure(state.window, size)
    moved = before.exposure(state.window, size) != exposure
    moved[state.model.regressor.seen] = False
    after = replace(after, longest=before.longest or state.model.longest)
    wanted = np.union1d(targets, np.flatnonzero(moved))
    model = update_targets_online(state.model, state.buyers, after, exposure, wanted)
    return state.renewed(model, after, newcomers)


def _targets(state: ModelState, given: Interactions) -> IntArray:
    """Positions of the targets of events, int64 (e,)."""
    place = state.graph.ids.find(given.targets)
    unknown = np.unique(given.target[place[given.target] < 0])
    if len(unknown):
        ids: list[object] = [given.targets.values[at] for at in unknown.tolist()]
        raise UnknownIdError(
            f"Unknown target id{'s' if len(ids) > 1 else ''} {name_some(ids)}: `add` them to the model first, or leave "
            "their events out."
        )
    return place[given.target]


def _check_times(given: Interactions) -> None:
    if given.timestamp is None:
        return
    at = int(given.timestamp.argmax())
    latest = given.timestamp[at]
    if latest > np.datetime64((datetime.now(UTC) + _AHEAD).replace(tzinfo=None), "us"):
        user, target = given.users.values[given.user[at]], given.targets.values[given.target[at]]
        raise InteractionsError(
            f"The event of user {user!r} and target {target!r} has the time {latest.astype('datetime64[s]')}, which "
            "lies in the future; correct it."
        )


def _users(state: ModelState, given: Interactions) -> tuple[IntArray, Ids]:
    """Rows of the users of events, int64 (e,), and all who came after the fit."""
    used = np.unique(given.user)
    ids = [given.users.values[at] for at in used.tolist()]
    known = state.users.values or state.newcomers.values
    if known and isinstance(ids[0], str) is not isinstance(known[0], str):
        kinds = [type(own).__name__ for own in (ids[0], known[0])]
        raise InputError(f"The user id {ids[0]!r} is of type {kinds[0]}, those of the model {kinds[1]}; give them so.")
    rows = state.users.find(ids)
    further = [own for own, row in zip(ids, rows.tolist(), strict=True) if row < 0 and own not in state.newcomers]
    newcomers = Ids.of([*state.newcomers, *further], "user") if further else state.newcomers
    rows = np.where(rows < 0, len(state.users) + newcomers.find(ids), rows)
    return rows[np.searchsorted(used, given.user)], newcomers


def _renumbered(state: ModelState, newcomers: Ids) -> EventLog:
    """The event log with the rows that users have among more newcomers."""
    event_log, known = state.event_log, len(state.users)
    if newcomers is state.newcomers:
        return event_log
    place = known + newcomers.find(state.newcomers)
    return replace(event_log, user=np.concatenate([np.arange(known), place])[event_log.user])
