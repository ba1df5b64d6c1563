"""One transaction that makes a source in the store equal a plan: lock, compare, write the difference, set the state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, LiteralString

import neo4j

from ...progress import CountProgress
from ..catalog.graph import CatalogGraph
from .batches import Row, batches, edge_rows, node_rows
from .connection import Database
from .cypher import DELETE_NODES, EDGES, NODES
from .diff import Changes, diff
from .records import graph_records, read_records
from .report import Clock, RefreshReport, check_removals, report_of
from .source_state import SourceState, Transaction, bounded_wait, lock_state, no_source, set_state
from .transactions import transact
from .unchanged import is_unchanged

WAIT_SECONDS = 30.0


@dataclass(frozen=True)
class RefreshContext:
    """What a refresh has written when it calls its :data:`WriteBack`; an empty ``model_hash`` means no predictions."""

    source: str
    run_id: str
    model_hash: str
    changes: Changes


WriteBack = Callable[[neo4j.Transaction, RefreshContext], Mapping[str, Any] | None]
"""Writes more in the transaction of a refresh, before the state is set; what it returns is set on the state.

Called also where nothing differs, but not for a dry run, and again with changes compared anew where the store requests
another try or comes back after an outage. An error rolls the whole refresh back.
"""
Annotation = Callable[[neo4j.Transaction, SourceState], dict[str, Any]]
"""Writes more onto a source's nodes; what it returns is set on the state. May be called again in a new transaction."""


@dataclass(frozen=True)
class RefreshOptions:
    """How a source is written; see :func:`~newaisle.graph.store.refresh.refresh` for the fields."""

    max_delete: float = 1.0
    wait: float = WAIT_SECONDS
    progress: CountProgress | None = None
    write_back: WriteBack | None = None


@dataclass(frozen=True)
class WritePlan:
    """What a transaction shall write; hash and feature names are those of the whole graph afterwards."""

    changes: Changes
    graph_hash: str
    features: tuple[str, ...]


Planner = Callable[[Transaction, SourceState], WritePlan]
"""Reads what it needs of the store, whose state is given and locked, and plans what to write."""


def plan_refresh(graph: CatalogGraph) -> Planner:
    """The plan of a full refresh; raises :class:`InputError` when called where no store can hold the graph."""

    def plan(tx: Transaction, state: SourceState) -> WritePlan:
        if is_unchanged(tx, state, graph):
            return WritePlan(Changes(stored=len(graph)), state.graph_hash, state.features)
        wanted, features = graph_records(graph), tuple(sorted(graph.numbers))
        stored = read_records(tx, graph.source, sorted({*state.features, *features}))
        return WritePlan(diff(stored, wanted), graph.content_hash, features)

    return plan


def write(database: Database, source: str, planner: Planner, run_id: str, options: RefreshOptions) -> RefreshReport:
    """Lock a source, plan, write the difference and set the state, all in one transaction; see :meth:`Store.write`."""
    report: RefreshReport | None = None

    def attempt(tx: neo4j.Transaction, number: int) -> RefreshReport:
        nonlocal report
        clock = Clock()
        started = datetime.now(UTC)
        with clock("wait"), bounded_wait(database, source, run_id, options.wait):
            state = lock_state(tx, source, run_id)
        if number and report is not None and state.run_id == run_id:
            return report  # the commit whose answer was lost had come through
        with clock("compare"):
            plan = planner(tx, state)
        report = report_of(source, run_id, plan.changes, plan.graph_hash, clock.seconds)
        check_removals(report, options.max_delete)
        with clock("write"):
            _write_changes(tx, plan.changes, state.features, run_id, options.progress)
        further: Mapping[str, Any] | None = None
        if options.write_back is not None:
            with clock("write back"):
                further = options.write_back(tx, RefreshContext(source, run_id, state.model_hash, plan.changes))
        with clock("commit"):
            properties = {
                **report.counts,
                "run_id": run_id,
                "state": "done",
                "started": started.isoformat(),
                "finished": datetime.now(UTC).isoformat(),
                "graph_hash": plan.graph_hash,
                "features": list(plan.features),
                **(further or {}),
            }
            set_state(tx, source, properties)
            tx.commit()
        return report

    return transact(database, run_id, attempt)


def annotate(database: Database, source: str, run_id: str, work: Annotation, wait: float) -> None:
    """Lock a source, write more onto its nodes, and onto its state what ``work`` returns, all in one transaction."""

    def attempt(tx: neo4j.Transaction, _number: int) -> None:
        with bounded_wait(database, source, run_id, wait):
            state = lock_state(tx, source, run_id)
        if not state.run_id:
            raise no_source(source)
        set_state(tx, source, work(tx, state))
        tx.commit()

    transact(database, run_id, attempt)


def _write_changes(
    tx: neo4j.Transaction, changes: Changes, features: Iterable[str], run_id: str, progress: CountProgress | None
) -> None:
    parts = (changes.extra_labels, changes.created, changes.updated, changes.old_edges, changes.new_edges)
    total = len(changes.deleted) + sum(len(rows) for part in parts for rows in part.values())
    done = 0

    def send(statement: LiteralString, rows: Iterable[Row], **parameters: Any) -> None:
        nonlocal done
        for batch in batches(rows):
            tx.run(statement, rows=batch, **parameters).consume()
            done += len(batch)
            if progress is not None:
                progress(done, total)

    for relation, ends in changes.old_edges.items():
        send(EDGES[relation].delete, edge_rows(dict.fromkeys(ends, 0.0)))
    send(DELETE_NODES, ({"key": key} for key in changes.deleted))
    for label, keys in changes.extra_labels.items():
        send(NODES[label].unlabel, ({"key": key} for key in sorted(keys)))
    cleared = dict.fromkeys(features)
    for label, statements in NODES.items():
        send(statements.create, node_rows(changes.created[label]), run_id=run_id)
        send(statements.update, node_rows(changes.updated[label]), run_id=run_id, cleared=cleared)
    for relation, edges in changes.new_edges.items():
        send(EDGES[relation].create, edge_rows(edges))
