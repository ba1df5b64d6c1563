"""One transaction that makes a source's nodes and edges in the store equal what the source says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, LiteralString

import neo4j

from ...errors import StoreError
from ...progress import CountProgress
from ..catalog.graph import CatalogGraph
from .cypher import DELETE_NODES, EDGES, NODES
from .diff import Changes, diff, no_changes
from .records import read_stored
from .report import Clock, RefreshReport, check_removals, report_of
from .rows import Row, batches, edge_rows, graph_rows
from .source_state import SourceState, Transaction, advance_state, bounded_wait, lock_state
from .transactions import transact
from .unchanged import is_unchanged


@dataclass(frozen=True)
class RefreshContext:
    """What a refresh has written when it calls its :data:`WriteBack`.

    Attributes:
        source: name of the source in the store.
        run_id: the run.
        model_hash: of the model that has written onto the nodes before; empty where none has.
        changes: the difference: keys of the nodes added, changed, moved and removed, and all rows and edges written.
    """

    source: str
    run_id: str
    model_hash: str
    changes: Changes


WriteBack = Callable[[neo4j.Transaction, RefreshContext], Mapping[str, Any] | None]
"""Writes more in the transaction of a refresh, such as what a model makes of the new graph.

It is called after the graph is written and before the head is advanced, with the source locked; also where nothing
differs, but not for a dry run. An error that it raises rolls the whole refresh back. Where the store asks for another
try, or comes back after an outage, it is called again in a new transaction, with changes compared anew. What it returns
is set on the head.
"""
Annotation = Callable[[neo4j.Transaction, SourceState], dict[str, Any]]
"""Writes more onto a source's nodes; what it returns is set on the head. May be called again in a new transaction."""


@dataclass(frozen=True)
class WritePlan:
    """What the store shall hold after a transaction, and how far it is from that.

    Attributes:
        changes: what to write.
        graph_hash: content hash of the whole graph then.
        features: names of the features that nodes may carry then.
    """

    changes: Changes
    graph_hash: str
    features: tuple[str, ...]


Planner = Callable[[Transaction, SourceState], WritePlan]
"""Reads what it must know of the store, whose head is given and locked, and says what to write."""


@dataclass(frozen=True)
class RefreshOptions:
    """How one refresh is to be done.

    Attributes:
        run_id: put on every node that it writes.
        max_delete: largest share of the stored targets that may be removed, 0 to 1.
        wait: seconds to wait for another refresh of the same source.
        progress: told of the rows written.
        write_back: writes more in the same transaction.
    """

    run_id: str
    max_delete: float
    wait: float
    progress: CountProgress | None
    write_back: WriteBack | None = None


def plan_refresh(graph: CatalogGraph) -> Planner:
    """The aim of a full refresh: the store equals the graph.

    Raises:
        InputError: when called, where the graph holds something that no store can hold.
    """

    def aim(tx: Transaction, head: SourceState) -> WritePlan:
        if is_unchanged(tx, head, graph):
            return WritePlan(no_changes(len(graph)), head.graph_hash, head.features)
        rows = graph_rows(graph)
        stored = read_stored(tx, graph.source, sorted({*head.features, *rows.features}))
        return WritePlan(diff(stored, rows), graph.content_hash, rows.features)

    return aim


def write(
    driver: neo4j.Driver, database: str, source: str, aim: Planner, run: RefreshOptions, pauses: Sequence[float]
) -> RefreshReport:
    """Lock a source, compare, write the difference and advance the head, all in one transaction.

    Args:
        driver: the connection.
        database: name of the database.
        source: name of the source in the store.
        aim: what the store shall hold.
        run: how to do it.
        pauses: seconds to wait before each further try.

    Raises:
        StoreLockedError: another refresh of the source did not end in time.
        GuardError: more would be removed than is allowed.
        StoreError: another version of newaisle has written the source.
    """
    report: RefreshReport | None = None

    def attempt(tx: neo4j.Transaction, number: int) -> RefreshReport:
        nonlocal report
        clock = Clock()
        started = datetime.now(UTC)
        with clock("wait"), bounded_wait(driver, database, source, run.run_id, run.wait):
            head = lock_state(tx, source, run.run_id)
        if number and report is not None and head.run_id == run.run_id:
            return report  # the commit whose answer was lost had come through
        with clock("compare"):
            goal = aim(tx, head)
        changes = goal.changes
        report = report_of(source, run.run_id, changes, goal.graph_hash, clock.seconds)
        check_removals(report, run.max_delete)
        with clock("write"):
            _write_changes(tx, changes, head.features, run)
        further: Mapping[str, Any] | None = None
        if run.write_back is not None:
            with clock("write back"):
                further = run.write_back(tx, RefreshContext(source, run.run_id, head.model_hash, changes))
        with clock("commit"):
            properties = {
                **report.counts,
                "run_id": run.run_id,
                "state": "done",
                "started": started.isoformat(),
                "finished": datetime.now(UTC).isoformat(),
                "graph_hash": goal.graph_hash,
                "features": list(goal.features),
                **(further or {}),
            }
            advance_state(tx, source, properties)
            tx.commit()
        return report

    return transact(driver, database, run.run_id, attempt, pauses)


def annotate(
    driver: neo4j.Driver,
    database: str,
    source: str,
    run_id: str,
    work: Annotation,
    wait: float,
    pauses: Sequence[float],
) -> None:
    """Lock a source, write more onto its nodes, and onto its head what ``work`` returns, all in one transaction.

    Raises:
        StoreLockedError: a refresh of the source did not end in time.
        StoreError: no such source, or another version of newaisle has written it.
    """

    def attempt(tx: neo4j.Transaction, _number: int) -> None:
        with bounded_wait(driver, database, source, run_id, wait):
            head = lock_state(tx, source, run_id)
        if not head.run_id:
            raise StoreError(f"The store holds no source {source!r}; refresh it from its files first.")
        advance_state(tx, source, work(tx, head))
        tx.commit()

    transact(driver, database, run_id, attempt, pauses)


def _write_changes(tx: neo4j.Transaction, changes: Changes, features: Iterable[str], run: RefreshOptions) -> None:
    parts = (changes.created, changes.updated, changes.old_edges, changes.new_edges)
    total = len(changes.deleted) + sum(len(rows) for part in parts for rows in part.values())
    done = 0

    def send(statement: LiteralString, rows: Iterable[Row], **parameters: Any) -> None:
        nonlocal done
        for batch in batches(rows):
            tx.run(statement, rows=batch, **parameters).consume()
            done += len(batch)
            if run.progress is not None:
                run.progress(done, total)

    for relation, ends in changes.old_edges.items():
        send(EDGES[relation].delete, edge_rows(dict.fromkeys(ends, 0.0)))
    send(DELETE_NODES, ({"key": key} for key in changes.deleted))
    cleared = dict.fromkeys(features)
    for kind, statements in NODES.items():
        send(statements.create, changes.created[kind], run_id=run.run_id)
        send(statements.update, changes.updated[kind], run_id=run.run_id, cleared=cleared)
    for relation, edges in changes.new_edges.items():
        send(EDGES[relation].create, edge_rows(edges))
