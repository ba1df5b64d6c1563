"""Users by id, by profile or unknown, and user vectors with noise for others to keep."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from ...arguments import check_seed
from ...arrays import FloatArray, IntArray
from ...display import short_repr
from ...errors import InputError, name_some
from ...gnn.model.cosine_softmax import user_embeddings
from ...gnn.retrieval.privacy import release_vectors
from ...gnn.serving.state import ModelState
from ...graph import Id
from ...graph.ids import id_list


def release(state: ModelState, users: Id | Sequence[Id], epsilon: float, delta: float, seed: int | None) -> FloatArray:
    """Unit vectors of users with the noise of the Gaussian mechanism, float64 (users, rank + 2)."""
    known = user_embeddings(resolve_users(state, users, once=True).vectors)[:, :-1]  # the last is 0 for everybody
    noisy = release_vectors(known, epsilon, delta, np.random.default_rng(None if seed is None else check_seed(seed)))
    return np.column_stack([noisy, np.zeros(len(noisy))])


@dataclass(frozen=True, eq=False)
class Profile:
    """A user without a history, described by a text; made by ``Recommender.profile``.

    Attributes:
        targets: own ids of the seen targets in place of a history, in the order of the text.
        vector: p, folded in from them, float64 (rank,).
    """

    text: str
    targets: tuple[Id, ...]
    vector: FloatArray

    __repr__ = short_repr


UserRef = Id | Profile | None
"""A user by own id, a profile, or None: a user without history, who gets the mean user's vector."""

_NOTHING = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class UserBatch:
    """Some users.

    Attributes:
        ids: own ids; None for profiles and for users without any.
        vectors: p, float64 (users, rank).
        bought: ascending positions per user, like ``disliked``; nothing for None and for profiles.
        activity: how many targets each user bought, of a profile the typical number, int64 (users,).
    """

    ids: tuple[Id | None, ...]
    vectors: FloatArray
    bought: tuple[IntArray, ...]
    disliked: tuple[IntArray, ...]
    activity: IntArray

    __repr__ = short_repr


def user_list(users: UserRef | Sequence[UserRef], *, once: bool = False) -> list[UserRef]:
    """One or several users (also a column of a table or an array) as a list; with ``once`` each only once."""
    wanted: list[UserRef] = [users] if isinstance(users, Profile) else id_list(users)
    if once and len(set(wanted)) < len(wanted):
        times = Counter(who for who in wanted if who is not None and not isinstance(who, Profile))
        twice: list[object] = [own for own, number in times.items() if number > 1]
        if twice:
            which = f"User {name_some(twice)} is" if len(twice) == 1 else f"Users {name_some(twice)} are"
            raise InputError(f"{which} in the list several times; give every user once.")
    return wanted


def resolve_users(state: ModelState, users: UserRef | Sequence[UserRef], *, once: bool = False) -> UserBatch:
    """Look up users, at least one; with ``once`` an InputError if one repeats."""
    wanted = user_list(users, once=once)
    if not wanted:
        raise InputError("There is no user to answer for; give a user id, or None for a user without history.")
    known = [who is not None and not isinstance(who, Profile) for who in wanted]
    places = np.full(len(wanted), -1)
    places[known] = rows = state.histories.rows([cast("Id", who) for who in itertools.compress(wanted, known)])
    ids = tuple(state.histories.user_id(place) if place >= 0 else None for place in places.tolist())
    vectors = np.tile(state.model.factors.mean_user, (len(ids), 1))
    vectors[places >= 0] = state.user_vectors(rows)
    for place, who in enumerate(wanted):
        if isinstance(who, Profile):
            vectors[place] = who.vector
    bought, disliked = (
        tuple(of(place) if place >= 0 else _NOTHING for place in places.tolist())
        for of in (state.histories.bought_by, state.histories.disliked_by)
    )
    activity = np.array([len(targets) for targets in bought])
    activity[[isinstance(who, Profile) for who in wanted]] = state.typical_activity
    return UserBatch(ids, vectors, bought, disliked, activity)
