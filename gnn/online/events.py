"""The log of events after the fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from ...arrays import BoolArray, FloatArray, IntArray
from ...display import short_repr
from ...graph.event_weights import stronger
from ...sharing import FieldsOnly
from .fold_in import UserHistory, no_targets

NO_FIRST, NO_LAST = 2**62, -(2**62)
"""Earliest and latest time of events without one."""
_TICKS = 1000
"""Steps in which exposure grows, so that an event seldom changes other targets."""
LOG_COLUMNS = ("user", "target", "weight", "first", "last")


@dataclass(frozen=True, eq=False)
class EventLog(FieldsOnly):
    """Events since the fit: one row per user and target, sorted by both, whatever order they came in."""

    user: IntArray = field(default_factory=no_targets)  # rows of the users of fit time, then of later ones, int64 (e,)
    target: IntArray = field(default_factory=no_targets)  # positions, int64 (e,)
    weight: FloatArray = field(default_factory=lambda: np.empty(0))  # the greatest, below 0 if one is a dislike, (e,)
    first: IntArray = field(default_factory=no_targets)  # earliest, microseconds since 1970, or ``NO_FIRST``, (e,)
    last: IntArray = field(default_factory=no_targets)  # latest, or ``NO_LAST``, int64 (e,)
    longest: float = 0.0  # M of fit time, 0 before the first event

    __repr__ = short_repr

    def __len__(self) -> int:
        return len(self.user)

    def merged(self, other: EventLog) -> tuple[Self, IntArray]:
        """Add the rows of another log; the indices are of rows that are new, of greater weight, or newly disliked."""
        place, known = self._find(other.user, other.target)
        at = place[known]
        weight, first, last = self.weight.copy(), self.first.copy(), self.last.copy()
        weight[at] = stronger(weight[at], other.weight[known])
        first[at] = np.minimum(first[at], other.first[known])
        last[at] = np.maximum(last[at], other.last[known])
        old = replace(self, weight=weight, first=first, last=last)
        merged = old._with(lambda name: np.insert(getattr(old, name), place[~known], getattr(other, name)[~known]))
        rows, _ = merged._find(other.user, other.target)
        changed = np.ones(len(other), dtype=np.bool_)
        changed[known] = self.weight[at] != weight[at]
        return merged, rows[changed]

    def of(self, users: IntArray, targets: IntArray) -> FloatArray:
        """Weights of pairs of user and target, 0 where there is none, float64 (pairs,)."""
        place, known = self._find(users, targets)
        weights = np.zeros(len(users))
        weights[known] = self.weight[place[known]]
        return weights

    def _find(self, users: IntArray, targets: IntArray) -> tuple[IntArray, BoolArray]:
        """Where pairs are or belong among the rows, int64 (pairs,), and whether they exist, bool (pairs,)."""
        size = 1 + max(int(part.max(initial=0)) for part in (self.target, targets))
        keys, searched = self.user * size + self.target, users * size + targets
        place = np.searchsorted(keys, searched)
        known = place < len(keys)
        known[known] = keys[place[known]] == searched[known]
        return place, known

    def where(self, keep: BoolArray) -> Self:
        """The rows where ``keep`` (bool, shape (e,)) is True."""
        return self._with(lambda name: getattr(self, name)[keep])

    def _with(self, column: Callable[[str], Any]) -> Self:
        columns: dict[str, Any] = {name: column(name) for name in LOG_COLUMNS}
        return replace(self, **columns)

    def past(self, user: int, at_fit: IntArray, weight: FloatArray, window: int) -> UserHistory:
        """The history of one user until now; ``at_fit`` is what the user bought or disliked until the fit, ascending.

        ``weight`` is theirs, below 0 for dislikes; ``window`` is the training window in microseconds, 0 where unknown.
        """
        rows = self.rows(user)
        targets = np.union1d(at_fit, self.target[rows])
        before, now = np.zeros(len(targets)), np.zeros(len(targets))
        before[np.searchsorted(targets, at_fit)] = weight
        now[np.searchsorted(targets, self.target[rows])] = self.weight[rows]
        now = stronger(before, now)
        kept, liked, disliked = (np.flatnonzero(part) for part in ((now > 0) & (now == before), now > before, now < 0))
        known = bool((before > 0).any())
        first = self.first[rows].min(initial=NO_FIRST, keepdims=True)
        return UserHistory(
            bought=targets[kept],
            liked=targets[liked],
            disliked=targets[disliked],
            weight=now[np.concatenate([kept, liked, disliked])],
            known=known,
            exposure=1.0 if known else float(passed(first, self.latest, window)[0]),
        )

    @property
    def liked(self) -> BoolArray:
        """False where the user dislikes the target, bool (e,)."""
        return self.weight > 0

    def rows(self, user: int) -> slice:
        """The rows of one user."""
        return slice(*np.searchsorted(self.user, (user, user + 1)).tolist())

    @cached_property
    def latest(self) -> int:
        """The latest time of all, ``NO_LAST`` where none is known."""
        return int(self.last.max(initial=NO_LAST))

    def exposure(self, window: int, size: int) -> FloatArray:
        """How far users could have bought ``size`` targets: the time from the first event to the latest over a window.

        ``window`` is in microseconds, 0 where unknown. Returns 0 to 1 by thousandths, 0 without times, float64 (size,).
        """
        first = np.full(size, NO_FIRST)
        np.minimum.at(first, self.target, self.first)
        return passed(first, self.latest, window)


def passed(first: IntArray, latest: int, window: int) -> FloatArray:
    """The share of a window that passed since each first event, in steps of a thousandth, 0 where times are unknown."""
    if not window or latest == NO_LAST:
        return np.zeros(len(first))
    time = np.where(first == NO_FIRST, 0, np.minimum(latest - first, window))
    return np.asarray(time * _TICKS // window / _TICKS)


def log_events(user: IntArray, target: IntArray, weight: FloatArray, time: IntArray | None) -> EventLog:
    """Sort events, in any order, into an :class:`EventLog`; all arguments have the shape (a,), users are rows.

    ``weight`` is below 0 for a dislike, not 0; ``time`` is int64, microseconds since 1970, None where unknown.
    """
    order = np.lexsort((target, user))
    user, target, weight = user[order], target[order], weight[order]
    starts = np.flatnonzero(np.r_[True, (np.diff(user) != 0) | (np.diff(target) != 0)])
    if time is None:
        first, last = np.full(len(starts), NO_FIRST), np.full(len(starts), NO_LAST)
    else:
        first, last = (pick.reduceat(time[order], starts) for pick in (np.minimum, np.maximum))
    greatest = stronger(*(pick.reduceat(weight, starts) for pick in (np.minimum, np.maximum)))
    return EventLog(user[starts], target[starts], greatest, first, last)
