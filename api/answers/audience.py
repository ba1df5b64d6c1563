"""Whom to tell about a target: users by the chance that they buy it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ...arrays import FloatArray, IntArray
from ...errors import InputError
from ...gnn.serving.state import ModelState
from ...gnn.utils import chunks
from ...graph import Id
from ...graph.catalog.availability import Moment
from ...graph.frames import Table, to_frame
from .recommend import check_k
from .users import Profile, UserRef, user_list

AUDIENCE_COLUMNS = ("user", "target", "name", "score", "probability", "expected_buyers")

CHUNK = 4096
"""Users whose vectors are in memory at the same time."""


@dataclass(frozen=True)
class AudienceOptions:
    """Who may be told; ``Recommender.audience`` says more.

    Attributes:
        k: how many users.
        exclude_bought: leave out who bought or dislikes the target.
        at: when the target must be available; None for any time.
        users: own ids to choose from; None for everybody with a history.

    Raises:
        InputError: ``k`` is no whole number or below 1.
    """

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
    for part in chunks(len(rows), chunk):
        scores[part], chances[part] = _scored(state, rows[part], position)
    best = np.lexsort((rows, -scores, -chances))[: options.k]
    size = len(best)
    columns = {
        "user": pa.array([state.user_id(row) for row in rows[best].tolist()], type=_id_type(state)),
        "target": state.id_column.take(pa.array(np.full(size, position))),
        "name": state.name_column.take(pa.array(np.full(size, position))),
        "score": scores[best],
        "probability": chances[best],
        "expected_buyers": np.cumsum(chances[best]),
    }
    return to_frame({name: columns[name] for name in AUDIENCE_COLUMNS}, state.backend)


def _rows(state: ModelState, options: AudienceOptions, position: int) -> IntArray:
    """The rows of the users to choose from, ascending."""
    if options.users is None:
        rows = np.union1d(np.flatnonzero(np.diff(state.bought.indptr)), state.event_log.user)
    else:
        rows = np.sort(state.rows(_own_ids(options.users)))
    if options.at is not None and not state.graph.available(options.at)[position]:
        return rows[:0]
    if options.exclude_bought:
        since = state.event_log.user[state.event_log.target == position]  # bought or disliked
        rows = np.setdiff1d(rows, np.concatenate([state.buyers.of(position)[0], since]))
    return rows


def _own_ids(users: UserRef | Sequence[UserRef]) -> list[Id]:
    wanted = user_list(users, once=True)
    own = [who for who in wanted if who is not None and not isinstance(who, Profile)]
    if not own or len(own) < len(wanted):
        raise InputError(
            "An audience is chosen among users by own id; give one or more, and neither None nor profiles."
        )
    return own


def _scored(state: ModelState, rows: IntArray, position: int) -> tuple[FloatArray, FloatArray]:
    """Cosines and chances of some users."""
    target = np.array([position])
    vectors = state.user_vectors(rows)
    return state.score(vectors, target)[:, 0], state.model.purchase_probability(vectors, state.activity(rows), target)[
        :, 0
    ]


def _id_type(state: ModelState) -> Any:
    """The Arrow type of own ids, for an audience of nobody."""
    return pa.array(state.users.values[:1]).type
