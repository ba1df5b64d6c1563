"""Learning after the fit: what users did since then, and the targets solved again with it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import scipy.sparse as sp

from ..graph.catalog import BoolArray, FloatArray, IntArray
from .factors import Factors
from .folding import Past, nothing
from .scoring import HEADROOM
from .space import Space, prior_strength
from .update import Feedback, learn_target, update_targets

NO_FIRST, NO_LAST = 2**62, -(2**62)
"""Earliest and latest time of events without one."""

_TICKS = 1000
"""Steps in which exposure grows, so that an event seldom moves what others know."""

_MANY = 500
"""Buyers whose sums are worth keeping."""

_COLUMNS = ("user", "target", "liked", "first", "last")


@dataclass(frozen=True, eq=False)
class Observed:
    """What users did since the fit: one row per user and target, sorted by both, whatever order the events came in.

    Attributes:
        user: rows of the users of fit time, then the users who came later, int64 (e,).
        target: positions, int64 (e,).
        liked: False where the user dislikes the target, whatever else happened, bool (e,).
        first: earliest time in microseconds since 1970, ``NO_FIRST`` where none is known, int64 (e,).
        last: latest time, ``NO_LAST`` where none is known, int64 (e,).
        longest: M of fit time, 0 before the first event.
    """

    user: IntArray = field(default_factory=nothing)
    target: IntArray = field(default_factory=nothing)
    liked: BoolArray = field(default_factory=lambda: np.empty(0, dtype=np.bool_))
    first: IntArray = field(default_factory=nothing)
    last: IntArray = field(default_factory=nothing)
    longest: float = 0.0

    def __len__(self) -> int:
        return len(self.user)

    def merged(self, other: Observed) -> tuple[Self, IntArray]:
        """Add the rows of another one.

        Returns:
            With them, and which of the rows, by place in it, say something new: were not there, or became disliked.
        """
        size = 1 + max(int(part.target.max(initial=0)) for part in (self, other))
        own, further = (part.user * size + part.target for part in (self, other))
        place = np.searchsorted(own, further)
        known = place < len(own)
        known[known] = own[place[known]] == further[known]
        at = place[known]
        liked, first, last = self.liked.copy(), self.first.copy(), self.last.copy()
        liked[at] &= other.liked[known]
        first[at] = np.minimum(first[at], other.first[known])
        last[at] = np.maximum(last[at], other.last[known])
        old = replace(self, liked=liked, first=first, last=last)
        made = old._with(lambda name: np.insert(getattr(old, name), place[~known], getattr(other, name)[~known]))
        changed = np.searchsorted(made.user * size + made.target, further)
        said = np.ones(len(further), dtype=np.bool_)
        said[known] = self.liked[at] != liked[at]
        return made, changed[said]

    def where(self, keep: BoolArray) -> Self:
        """The rows where ``keep`` (bool, shape (e,)) is True."""
        return self._with(lambda name: getattr(self, name)[keep])

    def _with(self, column: Callable[[str], Any]) -> Self:
        columns: dict[str, Any] = {name: column(name) for name in _COLUMNS}
        return replace(self, **columns)

    def past(self, user: int, bought: IntArray, window: int) -> Past:
        """What one user did until now.

        Args:
            user: row.
            bought: positions of what the user bought until the fit, ascending.
            window: length of the training window in microseconds, 0 where unknown.
        """
        rows = self.rows(user)
        target, liked = self.target[rows], self.liked[rows]
        first = self.first[rows].min(initial=NO_FIRST, keepdims=True)
        return Past(
            bought=np.setdiff1d(bought, target[~liked], assume_unique=True),
            liked=np.setdiff1d(target[liked], bought, assume_unique=True),
            disliked=target[~liked],
            known=len(bought) > 0,
            exposure=1.0 if len(bought) else float(_passed(first, self.latest, window)[0]),
        )

    def rows(self, user: int) -> slice:
        """The rows of one user."""
        return slice(*np.searchsorted(self.user, (user, user + 1)).tolist())

    @cached_property
    def latest(self) -> int:
        """The latest time of all, ``NO_LAST`` where none is known."""
        return int(self.last.max(initial=NO_LAST))

    def exposure(self, window: int, size: int) -> FloatArray:
        """How far users could have bought targets: the share of a window between first event and latest of all.

        Args:
            window: length of the training window in microseconds, 0 where unknown.
            size: number of targets.

        Returns:
            0 to 1 in steps of a thousandth, 0 without known times, float64 (size,).
        """
        first = np.full(size, NO_FIRST)
        np.minimum.at(first, self.target, self.first)
        return _passed(first, self.latest, window)


def _passed(first: IntArray, latest: int, window: int) -> FloatArray:
    """The share of a window that passed since each first event, in steps of a thousandth, 0 where times are unknown."""
    if not window or latest == NO_LAST:
        return np.zeros(len(first))
    passed = np.where(first == NO_FIRST, 0, np.minimum(latest - first, window))
    return np.asarray(passed * _TICKS // window / _TICKS)


def gather(user: IntArray, target: IntArray, liked: BoolArray, time: IntArray | None) -> Observed:
    """Events in any order as rows of :class:`Observed`.

    Args:
        user: rows, int64 (a,).
        target: positions, int64 (a,).
        liked: False for a dislike, bool (a,).
        time: microseconds since 1970, int64 (a,); None where unknown.
    """
    order = np.lexsort((target, user))
    user, target, liked = user[order], target[order], liked[order]
    starts = np.flatnonzero(np.r_[True, (np.diff(user) != 0) | (np.diff(target) != 0)])
    if time is None:
        first, last = np.full(len(starts), NO_FIRST), np.full(len(starts), NO_LAST)
    else:
        first, last = (pick.reduceat(time[order], starts) for pick in (np.minimum, np.maximum))
    return Observed(user[starts], target[starts], np.logical_and.reduceat(liked, starts), first, last)


@dataclass(frozen=True, eq=False)
class Buyers:
    """Who had bought what at fit, and what that adds to the targets' systems.

    Attributes:
        bought: CSC (users, n).
        factors: of fit time.
    """

    bought: sp.csc_array
    factors: Factors

    def of(self, target: int) -> IntArray:
        """Rows of the users who had bought a target, int64."""
        start, end = self.bought.indptr[target : target + 2]
        return np.asarray(self.bought.indices[start:end], dtype=np.int64)

    def sums(self, target: int) -> tuple[FloatArray, FloatArray]:
        """``sum_u p p'`` and ``sum_u p`` over them; kept where they are many, since that takes a while."""
        if target in self._kept:
            return self._kept[target]
        vectors = self.factors.users[self.of(target)]
        found = np.asarray(vectors.T @ vectors), np.asarray(vectors.sum(axis=0))
        if len(vectors) > _MANY:
            self._kept[target] = found
        return found

    @cached_property
    def _kept(self) -> dict[int, tuple[FloatArray, FloatArray]]:
        return {}


def relearn(space: Space, buyers: Buyers, observed: Observed, exposure: FloatArray, targets: IntArray) -> Space:
    """Solve targets again with all that is known of them; the order in which it became known does not matter.

    Users count with their vectors of fit time, those without a history then as the mean user. Where nothing was
    observed, a target is as it was after the fit.

    Args:
        space: the model; its vectors are not touched.
        buyers: who had bought what at fit, with the same users.
        observed: what happened since then; its ``longest`` is set.
        exposure: how far users could have bought each target that had no sales at fit, float64 (n,).
        targets: positions of those to solve, ascending.

    Returns:
        The space with their vectors and shares of the prior. A vector longer than M makes M grow by whole steps of
        ``HEADROOM``, which depends on the vectors alone, too.
    """
    settings, factors = space.settings.factors, space.factors
    vectors, share = space.vectors.copy(), space.share.copy()
    is_seen = np.zeros(len(vectors), dtype=np.bool_)
    is_seen[space.head.seen] = True
    gamma = np.where(is_seen, space.settings.seen_strength, space.settings.strength)
    strength = prior_strength(space.prior.variance, gamma, space.settings)
    told = np.zeros(len(vectors), dtype=np.bool_)
    told[observed.target] = True
    vectors[targets], share[targets] = space.prior.mean[targets], 1.0
    plain = targets[is_seen[targets] & ~told[targets]]
    if len(plain):
        vectors[plain], share[plain] = update_targets(
            factors.users, sp.csc_array(buyers.bought[:, plain]), space.prior.mean[plain], strength[plain], settings
        )
    wanted = np.zeros(len(vectors), dtype=np.bool_)
    wanted[targets] = True
    rows = np.flatnonzero(wanted[observed.target])
    rows = rows[np.argsort(observed.target[rows], kind="stable")]
    for own in np.split(rows, np.flatnonzero(np.diff(observed.target[rows])) + 1) if len(rows) else ():
        target = int(observed.target[own[0]])
        exposed = 1.0 if is_seen[target] else float(exposure[target])
        feedback = _feedback(buyers, target, observed.user[own], observed.liked[own], exposed)
        vectors[target], share[target] = learn_target(
            feedback, space.prior.mean[target], float(strength[target]), settings
        )
    learned = replace(space, vectors=vectors, share=share)
    return replace(learned, longest=_grown(observed.longest, learned.answers))


def _feedback(buyers: Buyers, target: int, users: IntArray, likes: BoolArray, exposure: float) -> Feedback:
    """What users did with one target, at fit and since: ``likes`` says for each of ``users`` whether it was bought."""
    factors, before = buyers.factors, buyers.of(target)
    gram, total = buyers.sums(target)
    liked, outside = _vectors(factors, np.setdiff1d(users[likes], before, assume_unique=True))
    disliked, further = _vectors(factors, users[~likes])
    if not likes.all():
        gone = factors.users[np.intersect1d(before, users[~likes], assume_unique=True)]
        gram, total = gram - gone.T @ gone, total - gone.sum(axis=0)
    mean = factors.mean_user
    everybody = exposure * (factors.user_gram + (outside + further) * np.outer(mean, mean))
    return Feedback(everybody, exposure, (gram, total), liked, disliked)


def _vectors(factors: Factors, users: IntArray) -> tuple[FloatArray, int]:
    """Vectors of fit time, and how many of the users had none and count as the mean user."""
    found = np.zeros((len(users), factors.users.shape[1]))
    there = users < len(factors.users)
    found[there] = factors.users[users[there]]
    unknown = ~found.any(axis=1)
    found[unknown] = factors.mean_user
    return found, int(unknown.sum())


def _grown(longest: float, vectors: FloatArray) -> float:
    """M: that of fit time as long as it is longer than every vector."""
    needed = math.sqrt(float(np.einsum("nr,nr->n", vectors, vectors).max()))
    return longest if needed < longest else longest * HEADROOM ** (1 + math.floor(math.log(needed / longest, HEADROOM)))
