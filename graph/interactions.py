"""Interactions: which user bought (or viewed, liked) which target, with own ids."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy.sparse as sp

from ..arrays import IntArray
from ..errors import InputError, InteractionsError
from .catalog.graph import CatalogGraph
from .cleaning import CleaningReport
from .frames import Table, library_of, read_frame
from .ids import Id, Ids, own_id


@dataclass(frozen=True, eq=False)
class Interactions:
    """User x target events, cleaned and sorted by user, target, time.

    Attributes:
        targets: own ids of the targets that occur.
        user: positions in ``users``, int64 (e,).
        target: positions in ``targets``, int64 (e,).
        weight: positive finite weights (quantity, count), float64 (e,).
        timestamp: datetime64[us] (e,) or None.
        event: kind of each event (e,) or None.
        backend: the library of the table that was read (None: Arrow).
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
        """Read and clean a table of events (pandas, polars or Arrow); the other arguments name its columns.

        Rows without a user or target, with a weight of 0 or below, and exact duplicates (equal in all the columns named
        here) are dropped and counted in ``report``. Without ``weight`` every row counts 1; ``timestamp`` holds dates,
        times, texts such as 2017-12-31T23:59:59, or whole numbers of days.

        Raises:
            InteractionsError: a weight or timestamp is missing or not valid, a column of another type, or no row left.
            InputError: missing columns, an empty table, mixed id types.
        """
        wanted = [name for name in (user, target, weight, timestamp, event) if name is not None]
        rows = read_frame(table, "interactions", wanted, rest=False).to_native()
        users, who = _own_ids(rows, user)
        targets, what = _own_ids(rows, target)
        weights = np.ones(len(rows)) if weight is None else _weights(rows, weight)
        times = None if timestamp is None else _timestamps(rows, timestamp)
        events = None if event is None else _events(rows, event)
        identified = (who >= 0) & (what >= 0)
        if (bad := identified & ~np.isfinite(weights)).any():
            row = int(bad.argmax())
            raise InteractionsError(
                f"Row {row + 1} of the interactions table (user {users[who[row]]!r}, target {targets[what[row]]!r}) "
                f"has the weight {weights[row]}; weights must be finite numbers: correct or remove the row."
            )
        kept = np.flatnonzero(identified & (weights > 0))
        dropped = {
            "missing id": int((~identified).sum()),
            "weight of 0 or below": int((identified & (weights <= 0)).sum()),
        }
        user_ids, user_at = _positions(users, who[kept], "user")
        target_ids, target_at = _positions(targets, what[kept], "target")
        columns = [user_at, target_at, *(c[kept] for c in (times, events, weights) if c is not None)]
        order = np.lexsort(columns[::-1])
        repeated = _repeats([column[order] for column in columns])
        dropped["exact duplicate"] = int(repeated.sum())
        dropped = {reason: count for reason, count in dropped.items() if count}
        if not len(kept):
            raise InteractionsError(
                f"No interaction is left after cleaning: {CleaningReport(len(rows), 0, dropped).describe()}."
            )
        order = order[~repeated]
        return cls(
            user_ids,
            target_ids,
            user_at[order],
            target_at[order],
            weights[kept][order],
            None if times is None else times[kept][order],
            None if events is None else events[kept][order],
            CleaningReport(len(rows), len(order), dropped),
            library_of(table),
        )

    def __len__(self) -> int:
        return len(self.user)

    def where(self, keep: npt.NDArray[np.bool_]) -> Interactions:
        """The events where ``keep`` (bool (e,)) is True; user and target ids stay as they are."""
        columns: dict[str, Any] = {}
        for name in ("user", "target", "weight", "timestamp", "event"):
            column = getattr(self, name)
            columns[name] = None if column is None else column[keep]
        return replace(self, **columns)

    def sample_users(self, count: int, seed: int = 0) -> Interactions:
        """The events and ids of ``count`` random users (all if fewer); :class:`InputError` for a count below 1."""
        if count < 1:
            raise InputError(f"Cannot sample {count} users; give 1 or more.")
        if count >= len(self.users):
            return self
        chosen = np.sort(np.random.default_rng(seed).choice(len(self.users), count, replace=False))
        kept = self.where(np.isin(self.user, chosen))
        users = Ids(tuple(self.users.values[i] for i in chosen), "user")
        return replace(kept, users=users, user=np.searchsorted(chosen, kept.user))

    def restrict(self, graph: CatalogGraph) -> Interactions:
        """The events on targets of the graph, others counted in ``report``; :class:`InteractionsError` if none is."""
        place = graph.ids.find(self.targets)
        keep = place[self.target] >= 0
        if not keep.any():
            example = self.targets.values[0] if len(self.targets) else None
            raise InteractionsError(
                f"No interaction is on a known target (for example {example!r} is not in the catalog); "
                "check that both tables use the same target ids."
            )
        lost = int(len(keep) - keep.sum())
        dropped = dict(self.report.dropped)
        if lost:
            dropped["unknown target"] = dropped.get("unknown target", 0) + lost
        report = replace(self.report, rows_kept=int(keep.sum()), dropped=dropped)
        return replace(self.where(keep), report=report)

    def matrix(self, graph: CatalogGraph) -> sp.csr_array:
        """Summed weights as float64 CSR (users, targets and groups of the graph); unknown targets left out."""
        place = graph.ids.find(self.targets)[self.target]
        keep = place >= 0
        entries = (self.weight[keep], (self.user[keep], place[keep]))
        matrix = sp.coo_array(entries, shape=(len(self.users), len(graph))).tocsr()
        matrix.sort_indices()
        return matrix


def _own_ids(rows: Any, column: str) -> tuple[list[Id | None], IntArray]:
    cells = rows.column(column)
    kind = cells.type.value_type if pa.types.is_dictionary(cells.type) else cells.type
    if not any(check(kind) for check in _ID_TYPES):
        raise InteractionsError(
            f"Column {column!r} of the interactions table is of type {kind}; ids are texts or integers."
        )
    own, codes = _distinct(cells)
    ids = [own_id(value) for value in own]
    missing = np.array([value is None for value in ids] + [True])
    return ids, np.where(missing[codes], -1, codes)


def _distinct(cells: Any) -> tuple[list[Any], IntArray]:
    """The distinct values of an Arrow column, and every row's position among them (-1 where it is null)."""
    if pa.types.is_null(cells.type):
        return [], np.full(len(cells), -1, dtype=np.int64)
    encoded = cells if pa.types.is_dictionary(cells.type) else cells.dictionary_encode()
    encoded = encoded.unify_dictionaries().combine_chunks()
    return encoded.dictionary.to_pylist(), encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)


def _positions(own: list[Id | None], codes: IntArray, what: str) -> tuple[Ids, IntArray]:
    used = np.unique(codes)
    values = [value for i in used.tolist() if (value := own[i]) is not None]
    ids = Ids.of(values, what)
    place = np.full(len(own), -1, dtype=np.int64)
    place[used] = ids.positions(values)
    return ids, place[codes]


def _repeats(columns: list[npt.NDArray[Any]]) -> npt.NDArray[np.bool_]:
    same = np.zeros(len(columns[0]), dtype=np.bool_)
    same[1:] = np.logical_and.reduce([column[1:] == column[:-1] for column in columns])
    return same


def _weights(rows: Any, column: str) -> npt.NDArray[np.float64]:
    cells = rows.column(column)
    try:
        if any(check(cells.type) for check in _TEXT_TYPES):
            raise pa.ArrowTypeError("texts")
        return np.asarray(cells.cast(pa.float64()).to_numpy(), dtype=np.float64)
    except pa.ArrowException:
        raise InteractionsError(
            f"Column {column!r} of the interactions table is of type {cells.type}; give numbers."
        ) from None


def _events(rows: Any, column: str) -> npt.NDArray[np.str_]:
    values, codes = _distinct(rows.column(column))
    return np.array([*("" if value is None else str(value) for value in values), ""], dtype=np.str_)[codes]


def _timestamps(rows: Any, column: str) -> npt.NDArray[np.datetime64]:
    """Times as datetime64[us]; those with a time zone in UTC."""
    cells = rows.column(column)
    if cells.null_count:
        row = cells.is_null().to_numpy().argmax() + 1
        raise InteractionsError(f"Row {row} of the interactions table has no {column}; fill it or remove the row.")
    if any(check(cells.type) for check in _TEXT_TYPES):
        cells = _parsed(cells, column)
    if pa.types.is_integer(cells.type):
        return _days(cells, column)
    if not (pa.types.is_timestamp(cells.type) or pa.types.is_date(cells.type)):
        raise InteractionsError(f"Column {column!r} of the interactions table is of type {cells.type}; give dates.")
    return np.asarray(cells.cast(pa.timestamp("us"), safe=False).to_numpy(), dtype="datetime64[us]")


def _days(cells: Any, column: str) -> npt.NDArray[np.datetime64]:
    """Whole numbers as days since 1970-01-01, or since any other day: only differences count."""
    days = cells.cast(pa.int64(), safe=False).to_numpy()
    if (far := np.abs(days) > _MOST_DAYS).any():
        row = int(far.argmax())
        raise InteractionsError(
            f"Row {row + 1} of the interactions table has the {column} {days[row]}: whole numbers are days, and these "
            "would be thousands of years; turn seconds or milliseconds into dates."
        )
    return np.asarray(days, dtype="datetime64[D]").astype("datetime64[us]")


def _parsed(cells: Any, column: str) -> Any:
    try:
        return cells.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        pass
    try:
        return cells.cast(pa.timestamp("us", "UTC"))
    except pa.ArrowInvalid as error:
        raise InteractionsError(
            f"Column {column!r} of the interactions table holds texts that are not dates ({error}); "
            "write them as 2017-12-31 or 2017-12-31T23:59:59."
        ) from None


_MOST_DAYS = 1_000_000
_TEXT_TYPES = (pa.types.is_string, pa.types.is_large_string)
_ID_TYPES = (*_TEXT_TYPES, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
