"""What users did: the history of fit time and the events since, looked up by user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ...arrays import BoolArray, FloatArray, IntArray
from ...display import short_repr
from ...graph import Id, Ids
from ..online.events import EventLog
from ..online.fold_in import UserHistory


@dataclass(frozen=True, eq=False)
class UserHistories:
    """The histories of all users by row: those of fit time first, then newcomers; fields as in ModelState."""

    users: Ids
    newcomers: Ids
    bought: sp.csr_array
    signed: sp.csr_array
    event_log: EventLog
    window: int

    __repr__ = short_repr

    def rows(self, ids: Sequence[Id]) -> IntArray:
        """The rows of users by own id, int64 (ids,); UnknownIdError for users without any history."""
        known, later = self.users.find(ids), self.newcomers.find(ids)
        self.users.positions([own for own, *row in zip(ids, known, later, strict=True) if max(row) < 0])  # raises
        return np.where(known < 0, later + len(self.users), known)

    def user_id(self, row: int) -> Id:
        """The own id of a user."""
        known = len(self.users)
        return self.users.values[row] if row < known else self.newcomers.values[row - known]

    def active(self, rows: IntArray) -> BoolArray:
        """Which users did something since the fit, bool (rows,)."""
        first, end = (np.searchsorted(self.event_log.user, edge) for edge in (rows, rows + 1))
        return np.asarray(first < end)

    def at_fit(self, row: int) -> tuple[IntArray, FloatArray]:
        """Positions of what a user bought or disliked until the fit, ascending, and the weights."""
        if row >= len(self.users):
            return np.empty(0, dtype=np.int64), np.empty(0)
        here = slice(self.signed.indptr[row], self.signed.indptr[row + 1])
        return self.signed.indices[here].astype(np.int64), self.signed.data[here]

    def weights_at_fit(self, rows: IntArray, targets: IntArray) -> FloatArray:
        """Weights of pairs of user and target until the fit, 0 where nothing was known, float64 (pairs,)."""
        weights = np.zeros(len(rows))
        for pair, (row, target) in enumerate(zip(rows.tolist(), targets.tolist(), strict=True)):
            own, weight = self.at_fit(row)
            weights[pair] = weight[own == target].sum()
        return weights

    def until_now(self, row: int) -> UserHistory:
        """What a user did until now."""
        return self.event_log.past(row, *self.at_fit(row), self.window)

    def bought_by(self, row: int) -> IntArray:
        """Positions of what a user bought until now and does not dislike, ascending."""
        if not len(self.event_log):
            own, weight = self.at_fit(row)
            return own[weight > 0]
        past = self.until_now(row)
        return np.sort(np.concatenate([past.bought, past.liked]))

    def disliked_by(self, row: int) -> IntArray:
        """Positions of what a user dislikes, ascending."""
        if len(self.event_log):
            return self.until_now(row).disliked
        own, weight = self.at_fit(row)
        return own[weight < 0]

    def quantities(self, row: int) -> dict[int, float]:
        """Position of what a user bought -> summed quantity until the fit, 1 for what was bought since."""
        found = dict.fromkeys(self.bought_by(row).tolist(), 1.0)
        if row < len(self.users):
            own = self.bought[[row]]
            found |= {at: w for at, w in zip(own.indices.tolist(), own.data.tolist(), strict=True) if at in found}
        return found

    def activity(self, rows: IntArray) -> IntArray:
        """How many targets users bought, int64 (rows,)."""
        known = rows < len(self.users)
        counts = np.zeros(len(rows), dtype=np.int64)
        counts[known] = np.diff(self.bought.indptr)[rows[known]]
        for place in np.flatnonzero(self.active(rows)).tolist():
            counts[place] = len(self.bought_by(int(rows[place])))
        return counts
