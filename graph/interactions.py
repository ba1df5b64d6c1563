"""Interactions: who bought (or visited, liked) which target, with the user's own ids."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from .catalog import CatalogGraph
from .cleaning import CleaningReport
from .errors import InteractionsError
from .frames import Table, read_frame
from .ids import Id, Ids, own_id


@dataclass(frozen=True, eq=False)
class Interactions:
    """User x target events, cleaned and sorted by user, target, time.

    Attributes:
        users: own ids of the users.
        targets: own ids of the targets that occur.
        user: positions in ``users``, int64 (e,).
        target: positions in ``targets``, int64 (e,).
        weight: positive finite weights (quantity, count), float64 (e,).
        timestamp: datetime64[us] (e,) or None.
        event: kind of each event (e,) or None.
        report: what cleaning did.
        backend: the table library the events came in (None: Arrow).
    """

    users: Ids
    targets: Ids
    user: npt.NDArray[np.int64]
    target: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float64]
    timestamp: npt.NDArray[np.datetime64] | None = None
    event: npt.NDArray[np.str_] | None = None
    report: CleaningReport = field(default_factory=CleaningReport)
    backend: ModuleType | None = None

    @classmethod
    def from_table(
        cls,
        table: Table,
        *,
        user: str = "user",
        target: str = "target",
        weight: str | None = None,
        timestamp: str | None = None,
        event: str | None = None,
    ) -> Interactions:
        """Read and clean a table of events.

        Rows without a user or target, rows with a weight of 0 or below and exact duplicates (equal in all the columns
        named here) are dropped and counted in ``report``.

        Args:
            table: a pandas, polars or Arrow table.
            user: name of the column with user ids.
            target: name of the column with target ids.
            weight: name of the column with weights; None counts every row as 1.
            timestamp: name of the column with dates or times.
            event: name of the column with kinds of events.

        Raises:
            InteractionsError: a weight is NaN, missing or infinite, a timestamp is missing, or no row is left.
            InputError: missing columns, an empty table, mixed id types.
        """
        wanted = [name for name in (user, target, weight, timestamp, event) if name is not None]
        frame = read_frame(table, "interactions", wanted)
        dropped: Counter[str] = Counter()
        seen: set[tuple[object, ...]] = set()
        rows: list[tuple[Id, Id, float, object, object]] = []
        times = _timestamps(frame, timestamp)
        columns = [frame.get_column(name).to_list() for name in (user, target)]
        weights = [1.0] * len(frame) if weight is None else frame.get_column(weight).to_list()
        events = [None] * len(frame) if event is None else frame.get_column(event).to_list()
        for number, (u, t, w, when, kind) in enumerate(zip(*columns, weights, times, events, strict=True), start=1):
            who, what = own_id(u), own_id(t)
            if who is None or what is None:
                dropped["missing id"] += 1
                continue
            if w is None or not math.isfinite(w):
                raise InteractionsError(
                    f"Row {number} of the interactions table (user {who!r}, target {what!r}) has the weight {w}; "
                    "weights must be finite numbers: correct or remove the row."
                )
            if w <= 0:
                dropped["weight of 0 or below"] += 1
                continue
            row = (who, what, float(w), when, kind)
            if row in seen:
                dropped["exact duplicate"] += 1
                continue
            seen.add(row)
            rows.append(row)
        if not rows:
            raise InteractionsError(
                "No interaction is left after cleaning; " + (_told(dropped) or "the table is empty.")
            )
        return cls._sorted(rows, timestamp is not None, event is not None, len(frame), dropped, frame)

    @classmethod
    def _sorted(
        cls,
        rows: list[tuple[Id, Id, float, object, object]],
        with_time: bool,
        with_event: bool,
        read: int,
        dropped: Counter[str],
        frame: nw.DataFrame[Any],
    ) -> Interactions:
        users = Ids.of((row[0] for row in rows), "user")
        targets = Ids.of((row[1] for row in rows), "target")
        user = users.positions(row[0] for row in rows)
        target = targets.positions(row[1] for row in rows)
        weight = np.array([row[2] for row in rows])
        time = np.array([row[3] for row in rows], dtype="datetime64[us]") if with_time else None
        event = np.array(["" if row[4] is None else str(row[4]) for row in rows]) if with_event else None
        keys = [weight, *([] if event is None else [event]), *([] if time is None else [time]), target, user]
        order = np.lexsort(keys)
        return cls(
            users,
            targets,
            user[order],
            target[order],
            weight[order],
            None if time is None else time[order],
            None if event is None else event[order],
            CleaningReport(read, len(rows), dict(dropped)),
            nw.get_native_namespace(frame),
        )

    def __len__(self) -> int:
        return len(self.user)

    def where(self, keep: npt.NDArray[np.bool_]) -> Interactions:
        """The events where ``keep`` (bool, shape (e,)) is True; user and target ids stay as they are."""
        return replace(
            self,
            user=self.user[keep],
            target=self.target[keep],
            weight=self.weight[keep],
            timestamp=None if self.timestamp is None else self.timestamp[keep],
            event=None if self.event is None else self.event[keep],
        )

    def sample_users(self, count: int, seed: int = 0) -> Interactions:
        """The events of ``count`` users drawn at random, the others' ids gone; all users if there are fewer."""
        if count >= len(self.users):
            return self
        chosen = np.sort(np.random.default_rng(seed).choice(len(self.users), count, replace=False))
        kept = self.where(np.isin(self.user, chosen))
        users = Ids(tuple(self.users.values[i] for i in chosen), "user")
        return replace(kept, users=users, user=np.searchsorted(chosen, kept.user))

    def restrict(self, graph: CatalogGraph) -> Interactions:
        """The events on targets that the graph knows; the others are dropped and counted in ``report``.

        Raises:
            InteractionsError: no event is on a known target.
        """
        place = graph.ids.find(self.targets)
        keep = place[self.target] >= 0
        if not keep.any():
            example = self.targets.values[0] if len(self.targets) else None
            raise InteractionsError(
                f"No interaction is on a known target (for example {example!r} is not in the catalog); "
                "check that both tables use the same target ids."
            )
        lost = int(len(keep) - keep.sum())
        dropped = {**self.report.dropped, "unknown target": lost} if lost else self.report.dropped
        report = replace(self.report, rows_kept=int(keep.sum()), dropped=dropped)
        return replace(self.where(keep), report=report)

    def matrix(self, graph: CatalogGraph) -> sp.csr_array:
        """Summed weights as float64 CSR, shape (users, targets and groups of the graph); unknown targets left out."""
        place = graph.ids.find(self.targets)[self.target]
        keep = place >= 0
        entries = (self.weight[keep], (self.user[keep], place[keep]))
        matrix = sp.coo_array(entries, shape=(len(self.users), len(graph))).tocsr()
        matrix.sort_indices()
        return matrix


def _timestamps(frame: nw.DataFrame[Any], column: str | None) -> Sequence[object]:
    if column is None:
        return [None] * len(frame)
    series = frame.get_column(column)
    if series.null_count():
        row = series.is_null().to_list().index(True) + 1
        raise InteractionsError(f"Row {row} of the interactions table has no {column}; fill it or remove the row.")
    if series.dtype == nw.String:
        try:
            series = series.str.to_datetime()
        except Exception as error:  # each table library raises its own kind here
            raise InteractionsError(
                f"Column {column!r} of the interactions table holds texts that are not dates ({error}); "
                "write them as 2017-12-31 or 2017-12-31T23:59:59."
            ) from None
    if not (series.dtype == nw.Date or isinstance(series.dtype, nw.Datetime) or series.dtype.is_integer()):
        raise InteractionsError(f"Column {column!r} of the interactions table is of type {series.dtype}; give dates.")
    return list(series.to_numpy().astype("datetime64[us]"))


def _told(dropped: Counter[str]) -> str:
    told = ", ".join(f"{count:,} {reason}" for reason, count in dropped.items())
    return f"dropped: {told}." if told else ""
