"""Why a user is shown a target: two sums that are exact, and their main parts in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....arrays import FloatArray, IntArray
from ....display import short_repr
from ....gnn.online.fold_in import folded_shares
from ....gnn.retrieval.attribution import history_shares, offset_share, scale_of, source_shares
from ....gnn.serving.state import ModelState
from ....graph import Id
from ..users import resolve_users
from .sentences import Because, Reason, ReasonWriter


@dataclass(frozen=True)
class Explanation:
    """The score of a user and a target as two exact sums.

    Attributes:
        history: what each bought target contributes, the greatest first; with ``offset`` it adds up to the score. Empty
            for a user without history; a user later than the fit starts from the mean user, whose rest is divided
            evenly.
        sources: what each seen target contributes through the target's embedding, the greatest first.
        own_sales: what the target's own sales add; with ``sources`` and ``offset`` it adds up to the score.
        offset: the same for everybody: the weighed predicted popularity, less what is taken from all seen targets so
            that new ones can share a list with them.
        because: the main parts of both sums in words, with the paths through the catalog.
    """

    user: Id
    target: Id
    score: float
    history: tuple[Reason, ...]
    sources: tuple[Reason, ...]
    own_sales: float
    offset: float
    because: tuple[Because, ...]

    __repr__ = short_repr


def explain(state: ModelState, user: Id, target: Id, source: str | None = None) -> Explanation:
    """The score of one user and one target as two sums; ``source`` is the name of the catalog in the store."""
    model, position = state.model, state.graph.ids.position(target)
    row, vector = int(state.histories.rows([user])[0]), resolve_users(state, user).vectors
    score = float(state.score(vector, np.array([position]))[0, 0])
    scale = scale_of(model, vector[0])
    weights, sales = source_shares(model, position)
    sources = _reasons(state, model.regressor.seen, weights * (model.regressor.factors[:, :-1] @ vector[0]) / scale)
    history = _reasons(state, *_history(state, row, position))
    own_sales = float(sales @ vector[0] / scale)
    writer = ReasonWriter(state, user, state.histories.quantities(row), position, score, source)
    because = writer.write(history, sources, own_sales)
    user, target = state.histories.user_id(row), state.graph.ids.values[position]
    return Explanation(user, target, score, history, sources, own_sales, offset_share(model, position), because)


def _history(state: ModelState, row: int, position: int) -> tuple[IntArray, FloatArray]:
    """What a user bought, and what each of it adds to the score of a target."""
    histories = state.histories
    if not histories.active(np.array([row]))[0]:
        return histories.bought_by(row), history_shares(state.model, *histories.at_fit(row), position)
    past = histories.until_now(row)
    return np.concatenate([past.bought, past.liked]), folded_shares(state.model, past, position)


def _reasons(state: ModelState, positions: IntArray, shares: FloatArray) -> tuple[Reason, ...]:
    """Summands, the greatest first."""
    graph, order = state.graph, np.argsort(-shares, kind="stable")
    pairs = zip(positions[order].tolist(), shares[order].tolist(), strict=True)
    return tuple(Reason(graph.ids.values[i], graph.names[i], share) for i, share in pairs)
