"""Targets for users as a table, best first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ...arrays import FloatArray, IntArray
from ...errors import InputError
from ...gnn.model.cosine_softmax import augment_users, user_embeddings
from ...gnn.retrieval.diversity import diversify
from ...gnn.retrieval.topk import Best
from ...gnn.serving.state import Candidates, ModelState
from ...graph.catalog.availability import Moment
from ...graph.frames import Table, to_frame
from .users import UserBatch

RESULT_COLUMNS = ("user", "target", "name", "score", "probability", "confidence")

_POOL = 10
"""Candidates per target of a diverse list."""


@dataclass(frozen=True)
class RecommendOptions:
    """What a list shall be like; ``Recommender.recommend`` says more.

    Attributes:
        k: targets per user.
        exclude_bought: leave out what the user bought or dislikes.
        diversity: 0 (by score alone) to 1.
        min_confidence: least confidence of a target.
        min_probability: least chance that the user buys the target.
        at: when the targets must be available; None for any time.

    Raises:
        InputError: a number out of its range.
    """

    k: int
    exclude_bought: bool = True
    diversity: float = 0.0
    min_confidence: float = 0.0
    min_probability: float = 0.0
    at: Moment | None = None

    def __post_init__(self) -> None:
        check_k(self.k)
        for name in ("diversity", "min_confidence", "min_probability"):
            if not 0.0 <= (value := getattr(self, name)) <= 1.0:
                raise InputError(f"{name} is {value}; give a number from 0 to 1.")


def check_k(k: int, what: str = "target") -> None:
    """Refuse a number of targets, or of what else is asked for, that is not whole or below 1.

    Raises:
        InputError: it is.
    """
    if not isinstance(k, int | np.integer) or k < 1:
        raise InputError(f"k is {k}; ask for 1 {what} or more, as a whole number.")


def recommend(fitted: ModelState, asked: UserBatch, choice: Candidates, wish: RecommendOptions) -> Table:
    """The best targets of every user as a table with ``RESULT_COLUMNS``; fewer than ``k`` where there are fewer."""
    users = user_embeddings(asked.vectors)
    closed = fitted.confidence[choice.targets] < wish.min_confidence if wish.min_confidence else None
    if wish.at is not None:
        gone = ~fitted.graph.available(wish.at)[choice.targets]
        closed = gone if closed is None else closed | gone
    barred = _barred(asked, choice) if wish.exclude_bought else None
    best = choice.index.top(users, wish.k * (_POOL if wish.diversity else 1), barred=barred, closed=closed)
    if wish.min_probability:
        likely = (best.places >= 0) & (_chance(fitted, asked, best.scores) >= wish.min_probability)
        best = Best(np.where(likely, best.places, -1), np.where(likely, best.scores, -np.inf))
    places, scores = _diverse(choice, best, wish) if wish.diversity else (best.places, best.scores)
    there = places >= 0
    row = np.nonzero(there)[0]
    targets = choice.targets[places[there]]
    columns = {
        "user": pa.array(asked.ids).take(pa.array(row)),
        "target": fitted.id_column.take(pa.array(targets)),
        "name": fitted.name_column.take(pa.array(targets)),
        "score": scores[there],
        "probability": _chance(fitted, asked, scores)[there],
        "confidence": fitted.confidence[targets],
    }
    return to_frame({name: columns[name] for name in RESULT_COLUMNS}, fitted.backend)


def _chance(fitted: ModelState, asked: UserBatch, scores: FloatArray) -> FloatArray:
    """The chance of a purchase from the cosines of every user's own list; of any value where they are -inf."""
    lengths = np.linalg.norm(augment_users(asked.vectors), axis=1)[:, None] * fitted.space.longest
    return fitted.space.calibration.chance(np.where(np.isfinite(scores), scores, 0.0) * lengths, asked.activity)


def _barred(asked: UserBatch, choice: Candidates) -> tuple[IntArray, IntArray]:
    """Pairs of users and what they bought or dislike, as places in ``asked`` and in the choice."""
    own = [np.concatenate(both) for both in zip(asked.bought, asked.disliked, strict=True)]
    rows = np.repeat(np.arange(len(own)), [len(targets) for targets in own])
    columns = choice.place[np.concatenate(own)]
    return rows[columns >= 0], columns[columns >= 0]


def _diverse(choice: Candidates, best: Best, wish: RecommendOptions) -> tuple[IntArray, FloatArray]:
    """The places and scores of the diverse lists, chosen from the best."""
    order = np.zeros((len(best.places), min(wish.k, best.places.shape[1])), dtype=np.int64)
    for row, (places, scores) in enumerate(zip(best.places, best.scores, strict=True)):
        known = int((places >= 0).sum())
        chosen = diversify(scores[:known], choice.index.vectors[places[:known]], wish.k, wish.diversity)
        order[row] = np.concatenate([chosen, np.arange(len(chosen), order.shape[1])])
    return np.take_along_axis(best.places, order, axis=1), np.take_along_axis(best.scores, order, axis=1)
