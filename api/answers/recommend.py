"""Targets for users as a table, best first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ...arguments import is_number
from ...arrays import FloatArray, IntArray
from ...display import short
from ...errors import InputError
from ...gnn.model.cosine_softmax import augment_users, user_embeddings
from ...gnn.retrieval.diversity import diversify
from ...gnn.retrieval.topk import Best
from ...gnn.serving.candidates import Candidates
from ...gnn.serving.state import ModelState
from ...graph.catalog.availability import Moment
from ...graph.frames import Table
from .table import check_k, target_table
from .users import UserBatch

RESULT_COLUMNS = ("user", "target", "name", "score", "probability", "confidence")

_POOL = 10
"""Candidates per target of a diverse list."""


@dataclass(frozen=True)
class RecommendOptions:
    """The options of :meth:`newaisle.Recommender.recommend`."""

    k: int
    exclude_bought: bool = True
    diversity: float = 0.0
    min_confidence: float = 0.0
    min_probability: float = 0.0
    at: Moment | None = None

    def __post_init__(self) -> None:
        check_k(self.k)
        for name in ("diversity", "min_confidence", "min_probability"):
            if not (is_number(value := getattr(self, name)) and 0.0 <= value <= 1.0):
                raise InputError(f"{name} is {short(value)}; give a number from 0 to 1.")


def recommend(state: ModelState, batch: UserBatch, candidates: Candidates, options: RecommendOptions) -> Table:
    """The best targets of every user as a table with ``RESULT_COLUMNS``; fewer than ``k`` where there are fewer."""
    users = user_embeddings(batch.vectors)
    closed = state.confidence[candidates.targets] < options.min_confidence if options.min_confidence else None
    if options.at is not None:
        unavailable = ~state.graph.available(options.at)[candidates.targets]
        closed = unavailable if closed is None else closed | unavailable
    barred = _barred(batch, candidates) if options.exclude_bought else None
    best = candidates.index.top(users, options.k * (_POOL if options.diversity else 1), barred=barred, closed=closed)
    if options.min_probability:
        likely = (best.places >= 0) & (_chance(state, batch, best.scores) >= options.min_probability)
        best = Best(np.where(likely, best.places, -1), np.where(likely, best.scores, -np.inf))
    places, scores = _diverse(candidates, best, options) if options.diversity else (best.places, best.scores)
    found = places >= 0
    targets = candidates.targets[places[found]]
    return target_table(
        state,
        RESULT_COLUMNS,
        targets,
        user=state.user_column(batch.ids).take(pa.array(np.nonzero(found)[0])),
        score=scores[found],
        probability=_chance(state, batch, scores)[found],
        confidence=state.confidence[targets],
    )


def _chance(state: ModelState, batch: UserBatch, scores: FloatArray) -> FloatArray:
    """The chance of a purchase from the cosines of every user's own list; of any value where they are -inf."""
    lengths = np.linalg.norm(augment_users(batch.vectors), axis=1)[:, None] * state.model.longest
    return state.model.calibrated(np.where(np.isfinite(scores), scores, 0.0) * lengths, batch.activity)


def _barred(batch: UserBatch, candidates: Candidates) -> tuple[IntArray, IntArray]:
    """Pairs of users and what they bought or dislike, as places in ``batch`` and among the candidates."""
    own = [np.concatenate(both) for both in zip(batch.bought, batch.disliked, strict=True)]
    rows = np.repeat(np.arange(len(own)), [len(targets) for targets in own])
    columns = candidates.place[np.concatenate(own)]
    return rows[columns >= 0], columns[columns >= 0]


def _diverse(candidates: Candidates, best: Best, options: RecommendOptions) -> tuple[IntArray, FloatArray]:
    """The places and scores of the diverse lists, chosen from the best."""
    order = np.zeros((len(best.places), min(options.k, best.places.shape[1])), dtype=np.int64)
    for row, (places, scores) in enumerate(zip(best.places, best.scores, strict=True)):
        known = int((places >= 0).sum())
        chosen = diversify(scores[:known], candidates.index.vectors[places[:known]], options.k, options.diversity)
        order[row] = np.concatenate([chosen, np.arange(len(chosen), order.shape[1])])
    return np.take_along_axis(best.places, order, axis=1), np.take_along_axis(best.scores, order, axis=1)
