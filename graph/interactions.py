"""Interactions: which user bought (or viewed, liked) which target, with own ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy.sparse as sp

from ..arguments import check_seed, expect, is_whole
from ..arrays import IntArray
from ..display import short, summary_html, summary_repr
from ..errors import InputError, InteractionsError
from ..sharing import FieldsOnly
from .catalog.graph import CatalogGraph
from .cleaning import EXAMPLES, CleaningReport
from .frames import Table, library_of
from .ids import Ids
from .reading.cells import distinct
from .reading.events import event_columns, read_events
from .reading.near_ids import near_ids
from .reading.schema_file import GivenSchema, read_schema
from .reading.verb import Verb

UNKNOWN_TARGET = "unknown target"
"""The reason of rows dropped for a target that the catalog does not have."""

_DEFAULTS = {("user", "user"), ("target", "target")}


@dataclass(frozen=True, eq=False)
class Interactions(FieldsOnly):
    """User x target events, cleaned and sorted by user, target, time.

    Attributes:
        targets: own ids of the targets that occur.
        user: positions in ``users``, int64 (e,).
        target: positions in ``targets``, int64 (e,).
        weight: positive finite weights (quantity, count), float64 (e,).
        timestamp: datetime64[us] (e,) or None.
        event: kind of each event, object (e,), each kind one text in memory; or None.
        backend: name of the library of the table that was read (None: Arrow).
        kinds: kind of event -> weight, as the schema of the source gives them.
        verb: what users do with targets, for sentences.
    """

    users: Ids
    targets: Ids
    user: npt.NDArray[np.int64]
    target: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float64]
    timestamp: npt.NDArray[np.datetime64] | None = None
    event: npt.NDArray[np.object_] | None = None
    report: CleaningReport = field(default_factory=CleaningReport)
    backend: str | None = None
    kinds: Mapping[str, float] = field(default_factory=dict)
    verb: Verb = field(default_factory=Verb)

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
        schema: GivenSchema | None = None,
    ) -> Interactions:
        """Read and clean a table of events (pandas, polars or Arrow).

        Rows without a user or target, those of guests (``NULL``, ``nan``, ...), rows with a weight of 0 or below, and
        exact duplicates (equal in all the columns named here) are dropped and counted in ``report``. Ids that are texts
        are normalised. Without ``weight`` every row counts 1; ``timestamp`` holds dates, times, texts such as
        2017-12-31T23:59:59, or whole numbers: days, or seconds, milliseconds, ... since 1970, recognised by their size.

        Args:
            table: a row for each event.
            user: the column of the users' ids.
            target: the column of the targets' ids.
            weight: the column of quantities or counts.
            timestamp: the column of times.
            event: the column of kinds of events.
            schema: how the table is written: a :class:`~newaisle.graph.reading.table_schema.TableSchema`, a mapping, or
                the path of a ``schema.toml``. Columns named here come before those that it names; columns called
                weight, timestamp and event are then read without being named.

        Raises:
            InteractionsError: a weight or timestamp is missing or not valid, a column of another type, ids that are not
                exact, or no row left.
            InputError: missing columns, an empty table, mixed id types, a schema that does not fit.
        """
        given = {"user": user, "target": target, "weight": weight, "timestamp": timestamp, "event": event}
        columns = {standard: own for standard, own in given.items() if own is not None}
        for standard, own in columns.items():
            expect(own, str, f"The column of the {standard}", "give its name")
        how = read_schema(schema)
        if schema is not None:
            named = {standard: own for standard, own in columns.items() if (standard, own) not in _DEFAULTS}
            columns = event_columns(table, how, named) | named
        read = read_events(table, columns, how)
        return cls(
            read.users,
            read.targets,
            read.user,
            read.target,
            read.weight,
            read.timestamp,
            read.event,
            read.report,
            library_of(table),
            how.kinds,
            Verb(how.verb, how.verb_past or ""),
        )

    def __repr__(self) -> str:
        return summary_repr(self, self._summary)

    def _repr_html_(self) -> str:
        return summary_html("Interactions", self._summary)

    @property
    def _summary(self) -> Mapping[str, object]:
        times = () if self.timestamp is None or not len(self) else (self.timestamp.min(), self.timestamp.max())
        days = {"days": " to ".join(str(time.astype("datetime64[D]")) for time in times)} if times else {}
        return {"users": len(self.users), "targets": len(self.targets), "events": len(self), **days}

    def __len__(self) -> int:
        return len(self.user)

    @cached_property
    def kinds_of_events(self) -> tuple[list[str], IntArray]:
        """The kinds that occur, ascending, and each event's position among them, int64 (e,)."""
        texts, codes = distinct(pa.chunked_array([pa.array(self.event, pa.string())]))
        order = sorted(texts)
        place = {text: at for at, text in enumerate(order)}
        return order, np.array([place[text] for text in texts], dtype=np.int64)[codes]

    def where(self, keep: npt.NDArray[np.bool_] | IntArray) -> Interactions:
        """The events where ``keep`` (bool (e,)) is True, or at these positions; ids of users and targets stay."""
        columns: dict[str, Any] = {}
        for name in ("user", "target", "weight", "timestamp", "event"):
            column = getattr(self, name)
            columns[name] = None if column is None else column[keep]
        return replace(self, **columns)

    def sample_users(self, count: int, seed: int = 0) -> Interactions:
        """The events and ids of ``count`` random users (all if fewer); :class:`InputError` for a count below 1."""
        if not is_whole(count) or count < 1:
            raise InputError(f"Cannot sample {short(count)} users; give 1 or more.")
        if count >= len(self.users):
            return self
        chosen = np.sort(np.random.default_rng(check_seed(seed)).choice(len(self.users), count, replace=False))
        kept = self.where(np.isin(self.user, chosen))
        users = Ids(tuple(self.users.values[i] for i in chosen), "user")
        return replace(kept, users=users, user=np.searchsorted(chosen, kept.user))

    def restrict(self, graph: CatalogGraph) -> Interactions:
        """The events on targets of the graph, others counted in ``report``; :class:`InteractionsError` if none is."""
        place = graph.ids.find(self.targets)
        keep = place[self.target] >= 0
        if len(self) and keep.all():
            same = self.report.rows_kept == len(self)
            return self if same else replace(self, report=replace(self.report, rows_kept=len(self)))
        lost = self.where(~keep)
        examples = lost._examples(graph)
        if not keep.any():
            raise InteractionsError(
                f"No interaction is on a known target (for example {examples[0] if examples else None} is not in the "
                "catalog); check that both tables use the same target ids."
            )
        dropped = {**self.report.dropped, UNKNOWN_TARGET: self.report.dropped.get(UNKNOWN_TARGET, 0) + len(lost)}
        shown = {**self.report.examples, UNKNOWN_TARGET: examples}
        report = replace(self.report, rows_kept=int(keep.sum()), dropped=dropped, examples=shown)
        return replace(self.where(keep), report=report)

    def _examples(self, graph: CatalogGraph) -> tuple[str, ...]:
        """The targets with most events, with the id of the graph that each may mean."""
        counts = np.bincount(self.target, minlength=len(self.targets))
        most = np.argsort(-counts, kind="stable")[:EXAMPLES].tolist()
        often = [(self.targets.values[at], int(counts[at])) for at in most if counts[at]]
        near = near_ids(graph.ids, [own for own, _ in often])
        meant = {own: f"; the catalog has {known!r}" for own, known in near.items()}
        return tuple(f"{own!r} ({count:,} row{'s' if count > 1 else ''}{meant.get(own, '')})" for own, count in often)

    def matrix(self, graph: CatalogGraph) -> sp.csr_array:
        """Summed weights as float64 CSR (users, targets and groups of the graph); unknown targets left out."""
        place = graph.ids.find(self.targets)[self.target]
        keep = place >= 0
        entries = (self.weight[keep], (self.user[keep], place[keep]))
        matrix = sp.coo_array(entries, shape=(len(self.users), len(graph))).tocsr()
        matrix.sort_indices()
        return matrix
