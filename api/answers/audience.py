"""The users most likely to buy a target, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...arrays import IntArray
from ...errors import InputError
from ...gnn.serving.state import ModelState
from ...gnn.utils import chunks
from ...graph import Id
from ...graph.catalog.availability import Moment
from ...graph.frames import Table
from .table import check_k, target_table
from .users import Profile, UserRef, user_list

AUDIENCE_COLUMNS = ("user", "target", "name", "score", "probability", "expected_buyers")

CHUNK = 4096
"""Users whose vectors are in memory at the same time."""


@dataclass(frozen=True)
class AudienceOptions:
    """The options of :meth:`newaisle.Recommender.audience`."""

    k: int
    exclude_bought: bool = True
    at: Moment | None = None
    users: UserRef | Sequence[UserRef] = None

    def __post_init__(self) -> None:
        check_k(self.k, "user")


def audience(state: ModelState, target: Id, options: AudienceOptions, chunk: int = CHUNK) -> Table:
    """The users most likely to buy a target as a table with ``AUDIENCE_COLUMNS``; equal chances in the order of ids."""
    position = state.graph.ids.position(target)
    rows = _rows(state, options, position)
    scores, chances = np.empty(len(rows)), np.empty(len(rows))
    one = np.array([position])
    for part in chunks(len(rows), chunk):
        vectors = state.user_vectors(rows[part])
        scores[part] = state.score(vectors, one)[:, 0]
        chances[part] = state.model.purchase_probability(vectors, state.activity(rows[part]), one)[:, 0]
    best = np.lexsort((rows, -scores, -chances))[: options.k]
    return target_table(
        state,
        AUDIENCE_COLUMNS,
        np.full(len(best), position),
        user=state.user_column([state.histories.user_id(row) for row in rows[best].tolist()]),
        score=scores[best],
        probability=chances[best],
        expected_buyers=np.cumsum(chances[best]),
    )


def _rows(state: ModelState, options: AudienceOptions, position: int) -> IntArray:
    """The rows of the users to choose from, ascending."""
    if options.users is None:
        rows = np.union1d(np.flatnonzero(np.diff(state.bought.indptr)), state.event_log.user)
    else:
        rows = np.sort(state.histories.rows(_own_ids(options.users)))
    if options.at is not None and not state.graph.available(options.at)[position]:
        return rows[:0]
    if options.exclude_bought:
        since = state.event_log.user[state.event_log.target == position]  # bought or disliked
        rows = np.setdiff1d(rows, np.concatenate([state.buyers.of(position)[0], since]))
    return rows


def _own_ids(users: UserRef | Sequence[UserRef]) -> list[Id]:
    wanted = user_list(users, once=True)
    ids = [user for user in wanted if user is not None and not isinstance(user, Profile)]
    if not ids or len(ids) < len(wanted):
        raise InputError(
            "An audience is chosen among users by own id; give one or more, and neither None nor profiles."
        )
    return ids
