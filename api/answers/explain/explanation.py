"""Why a user is shown a target: two sums that are exact, and their main parts in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....arrays import FloatArray, IntArray
from ....gnn.online.fold_in import folded_shares
from ....gnn.retrieval.attribution import history_shares, offset_share, scale_of, source_shares
from ....gnn.serving.state import ModelState
from ....graph import Id
from ..users import resolve_users
from .sentences import Because, Reason, ReasonWriter


@dataclass(frozen=True)
class Explanation:
    """Why a user is shown a target.

    Attributes:
        user: own id of the user.
        target: own id of the target.
        score: the cosine score.
        history: what each bought target contributes, the most first and what speaks against it last; adds up to the
            score with ``offset``. Empty for a user without history, whose score is that of the mean user; somebody who
            came after the fit starts from there, and what remains of the mean user is divided evenly among the
            purchases.
        sources: what each seen target contributes to the score through the target's embedding, the most first.
        own_sales: what the target's own sales add; with all ``sources`` and ``offset`` it adds up to the score.
        offset: what is the same for everybody: the target's expected level as far as the model weighs it, less what
            is taken from all seen targets so that new ones can share a list with them.
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


def explain(fitted: ModelState, user: Id, target: Id) -> Explanation:
    """Explain the score of one user and one target; ``Recommender.explain`` says more."""
    space, position, asked = fitted.space, fitted.graph.ids.position(target), resolve_users(fitted, user)
    vector, row = asked.vectors[0], int(fitted.rows([user])[0])
    scale = scale_of(space, vector)
    weights, own = source_shares(space, position)
    through = weights * (space.head.factors[:, :-1] @ vector) / scale
    history, shares = _history(fitted, row, position)
    first, order = np.argsort(-shares, kind="stable"), np.argsort(-through, kind="stable")
    score = float(fitted.score(asked.vectors, np.array([position]))[0, 0])
    bought = _reasons(fitted, history[first], shares[first])
    sources = _reasons(fitted, space.head.seen[order], through[order])
    own_sales = float(own @ vector / scale)
    because = ReasonWriter(fitted, user, fitted.weights(row), position, score).tell(bought, sources, own_sales)
    offset = offset_share(space, position)
    return Explanation(user, target, score, bought, sources, own_sales, offset, because)


def _history(fitted: ModelState, row: int, position: int) -> tuple[IntArray, FloatArray]:
    """What a user bought, and what each of it adds to the score of a target."""
    if not fitted.active(np.array([row]))[0]:
        return fitted.history(row), history_shares(fitted.space, *fitted.told(row), position)
    past = fitted.past(row)
    return np.concatenate([past.bought, past.liked]), folded_shares(fitted.space, past, position)


def _reasons(fitted: ModelState, positions: IntArray, shares: FloatArray) -> tuple[Reason, ...]:
    graph, pairs = fitted.graph, zip(positions.tolist(), shares.tolist(), strict=True)
    return tuple(Reason(graph.ids.values[i], graph.names[i], share) for i, share in pairs)
