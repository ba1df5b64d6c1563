"""Why a user is shown a target: two sums that are exact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..gnn.reasons import history_shares, source_shares
from ..graph import Id
from ..graph.catalog import FloatArray, IntArray
from .fitted import Fitted
from .users import ask


@dataclass(frozen=True)
class Reason:
    """One summand of a score.

    Attributes:
        target: own id of the target that speaks for it.
        name: its name.
        share: its part of the sum, which may be negative.
    """

    target: Id
    name: str
    share: float


@dataclass(frozen=True)
class Explanation:
    """Why a user is shown a target.

    Attributes:
        user: own id of the user.
        target: own id of the target.
        score: the cosine score.
        history: what each bought target contributes, the most first and what speaks against it last; adds up to the
            score. Empty for a user without history, whose score is that of the mean user.
        sources: what each seen target contributes to the score through the target's embedding, the most first.
        own_sales: what the target's own sales add; with all ``sources`` it adds up to the score.
    """

    user: Id
    target: Id
    score: float
    history: tuple[Reason, ...]
    sources: tuple[Reason, ...]
    own_sales: float


def explain(fitted: Fitted, user: Id, target: Id) -> Explanation:
    """Explain the score of one user and one target; ``Recommender.explain`` says more."""
    space, position, asked = fitted.space, fitted.graph.ids.position(target), ask(fitted, user)
    vector, history = asked.vectors[0], asked.bought[0]
    scale = float(np.linalg.norm(vector)) * space.longest
    weights, own = source_shares(space, position)
    through = weights * (space.head.factors @ vector) / scale
    shares = history_shares(space, history, position)
    first, order = np.argsort(-shares, kind="stable"), np.argsort(-through, kind="stable")
    return Explanation(
        user,
        target,
        float(fitted.score(asked.vectors, np.array([position]))[0, 0]),
        _reasons(fitted, history[first], shares[first]),
        _reasons(fitted, space.head.seen[order], through[order]),
        float(own @ vector / scale),
    )


def _reasons(fitted: Fitted, positions: IntArray, shares: FloatArray) -> tuple[Reason, ...]:
    graph, pairs = fitted.graph, zip(positions.tolist(), shares.tolist(), strict=True)
    return tuple(Reason(graph.ids.values[i], graph.names[i], share) for i, share in pairs)
