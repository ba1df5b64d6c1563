"""The graph store: one class that speaks Bolt, to a Neo4j server or to an embedded one."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

import neo4j

from ...errors import InputError, StoreError, name_some
from ...progress import CountProgress
from ..catalog.graph import CatalogGraph
from .connection import translated
from .cypher import READ_SOURCES, UNIQUE_KEY
from .incremental import GraphChanges, plan_changes
from .predictions import index_vectors
from .report import Clock, RefreshReport, report_of
from .snapshot import read_graph, read_settled
from .source_state import SourceState, locked, read_state
from .transactions import FETCH_ROWS, RETRY_SECONDS
from .values import plain
from .write import Annotation, Planner, RefreshOptions, WriteBack, annotate, plan_refresh, write

WAIT_SECONDS = 30.0
_T = TypeVar("_T")


@dataclass(frozen=True)
class QueryResult:
    """The answer to a Cypher query.

    Attributes:
        columns: the names of the columns.
        rows: one list of plain Python values per row; see :func:`newaisle.graph.store.values.plain`.
    """

    columns: tuple[str, ...]
    rows: tuple[list[Any], ...]


class Store:
    """A graph store; make one with :func:`open_store` and close it, or use it in a ``with`` statement.

    Attributes:
        name: how messages call it: its folder or its URL.
    """

    def __init__(
        self,
        name: str,
        database: str,
        driver: neo4j.Driver,
        reader: neo4j.Driver,
        resources: ExitStack,
        *,
        one_writer: bool,
    ) -> None:
        self.name = name
        self._database = database
        self._driver = driver
        self._reader = reader
        self._resources = resources
        self._one_writer = threading.Lock() if one_writer else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Store({self.name!r})"

    def close(self) -> None:
        """Close all connections and end an embedded server; closing twice does no harm."""
        self._resources.close()

    def write(
        self,
        graph: CatalogGraph,
        run_id: str | None = None,
        *,
        max_delete: float = 1.0,
        wait: float = WAIT_SECONDS,
        progress: CountProgress | None = None,
        write_back: WriteBack | None = None,
    ) -> RefreshReport:
        """Make the nodes and edges of the graph's source equal the graph, in one transaction.

        Only what differs is written. Whatever other sources, other people or a model have written stays: nodes without
        the label ``Newaisle`` are never touched, and of the source's own nodes only what the source says is set.
        ``state`` becomes ``group`` or, where none was set, ``new``. A broken connection is tried again a few times.

        Args:
            graph: the graph.
            run_id: an id for this run; None makes one up.
            max_delete: largest share of the stored categories and products that may go, 0 to 1.
            wait: seconds to wait for somebody else's refresh of the same source.
            progress: called with the rows written so far and the rows to write.
            write_back: writes more in the same transaction; what it raises is raised here.

        Raises:
            InputError: the graph holds something that no store can hold.
            GuardError: more would be deleted than ``max_delete``.
            StoreLockedError: the other refresh did not end in time.
            StoreUnavailableError: the store went away and did not come back.
            StoreError: the store refused. Nothing is changed in any of these cases.
        """
        with translated(self.name, self._database):
            self._driver.execute_query(UNIQUE_KEY, database_=self._database)
        run = RefreshOptions(run_id or uuid.uuid4().hex, max_delete, wait, progress, write_back)
        return self._write(graph.source, plan_refresh(graph), run)

    def apply(
        self,
        changes: GraphChanges,
        run_id: str | None = None,
        *,
        wait: float = WAIT_SECONDS,
        progress: CountProgress | None = None,
    ) -> RefreshReport:
        """Write a known small change of a source that is in the store; what that costs grows with the change alone.

        The result is that of :meth:`write` with the whole changed graph, the content hash included.

        Args:
            changes: the change.
            run_id: an id for this run; None makes one up.
            wait: seconds to wait for somebody else's refresh of the same source.
            progress: called with the rows written so far and the rows to write.

        Raises:
            GraphError: a cycle, a parent that does not exist, or children left without theirs.
            InputError: the change holds something that no store can hold.
            StoreLockedError: the other refresh did not end in time.
            StoreUnavailableError: the store went away and did not come back.
            StoreError: no such source, or the store refused. Nothing is changed in any of these cases.
        """
        run = RefreshOptions(run_id or uuid.uuid4().hex, 1.0, wait, progress)
        return self._write(changes.source, plan_changes(changes), run)

    def annotate(self, source: str, work: Annotation, *, wait: float = WAIT_SECONDS) -> None:
        """Write more onto the nodes of a source, such as what a model makes of them, in one transaction.

        Args:
            source: name of the source, which is locked meanwhile.
            work: is called with the transaction and the head; what it returns is set on the head. What it raises rolls
                everything back and is raised here.
            wait: seconds to wait for a refresh of the source.

        Raises:
            StoreLockedError: the refresh did not end in time.
            StoreUnavailableError: the store went away and did not come back.
            StoreError: no such source, or the store refused. Nothing is changed in any of these cases.
        """
        pauses = () if self._one_writer else RETRY_SECONDS
        with self._turn(source, wait), translated(self.name, self._database):
            annotate(self._driver, self._database, source, uuid.uuid4().hex, work, wait, pauses)

    def source_state(self, source: str) -> SourceState:
        """What the store says of a source as a whole: content hash, last run, model; an empty head where it has none.

        Raises:
            StoreError: another version of newaisle has written the source.
        """
        with translated(self.name, self._database), self._driver.session(database=self._database) as session:
            return session.execute_read(read_state, source)

    def index_vectors(self, dimensions: int) -> bool:
        """Let Cypher find the nearest embeddings by an index, named ``newaisle_embedding``, where the store can.

        Vectors of another length than ``dimensions`` are not in it; an index of another length is replaced. They are
        kept whole (no quantisation), as the lengths of embeddings crowd one pole.

        Args:
            dimensions: length of the embeddings, 1 or more.

        Returns:
            Whether the store knows vector indexes at all; it is asked for the procedure that searches them.
        """
        with translated(self.name, self._database):
            return index_vectors(self._driver, self._database, dimensions)

    def plan(self, graph: CatalogGraph) -> RefreshReport:
        """Say what :meth:`write` would do, and write nothing.

        Raises:
            InputError: the graph holds something that no store can hold.
            StoreError: another version of newaisle has written the source, or it is refreshed all the time.
        """
        clock = Clock()
        with clock("compare"):
            goal = self._read_settled(graph.source, plan_refresh(graph))
        return report_of(graph.source, "", goal.changes, goal.graph_hash, clock.seconds)

    def snapshot(self, source: str | None = None) -> CatalogGraph:
        """Read a source's graph back and check it against the hash stored with it, never a mixture of two refreshes.

        Args:
            source: name of the source; None for the only one in the store.

        Raises:
            InputError: no source is named and the store holds several.
            StoreError: no such source, or somebody has changed its nodes or edges since.
        """
        name = self._only_source() if source is None else source
        return self._read_settled(name, partial(read_graph, source=name))

    def sources(self) -> list[str]:
        """The names of the sources in the store, ascending."""
        with translated(self.name, self._database), self._driver.session(database=self._database) as session:
            return session.execute_read(_read_sources)

    def query(self, cypher: str, parameters: Mapping[str, Any] | None = None, *, write: bool = False) -> QueryResult:
        """Ask a Cypher query.

        Args:
            cypher: the query; values belong into ``parameters``.
            parameters: values for ``$names`` in the query.
            write: allow the query to change the store. Without it a query that would is refused and undone.

        Raises:
            StoreError: the server refused the query; the message is the server's.
        """
        given = dict(parameters or {})
        with translated(self.name, self._database):
            if write:
                answer = self._driver.execute_query(cypher, given, database_=self._database)
                return _result(tuple(answer.keys), answer.records)
            with (
                self._reader.session(database=self._database, default_access_mode=neo4j.READ_ACCESS) as session,
                session.begin_transaction() as tx,  # left without commit: rolled back whatever the server let pass
            ):
                asked = tx.run(cypher, given)
                found = _result(tuple(asked.keys()), list(asked))
                if asked.consume().counters.contains_updates:
                    raise StoreError("The query would change the store; only queries that read are allowed here.")
                return found

    def _only_source(self) -> str:
        held = self.sources()
        if not held:
            raise StoreError(f"The store at {self.name} holds no source; refresh one from its files first.")
        if len(held) > 1:
            raise InputError(
                f"The store at {self.name} holds several sources: {name_some([*held])}; name one of them as source."
            )
        return held[0]

    def _write(self, source: str, aim: Planner, run: RefreshOptions) -> RefreshReport:
        pauses = () if self._one_writer else RETRY_SECONDS
        with self._turn(source, run.wait), translated(self.name, self._database):
            return write(self._driver, self._database, source, aim, run, pauses)

    @contextmanager
    def _turn(self, source: str, wait: float) -> Iterator[None]:
        """Let the threads of this process write one after another where the store takes one writer only."""
        if self._one_writer is None:
            yield
            return
        if not self._one_writer.acquire(timeout=wait):
            raise locked(source, wait)
        try:
            yield
        finally:
            self._one_writer.release()

    def _read_settled(self, source: str, work: Callable[[neo4j.ManagedTransaction, SourceState], _T]) -> _T:
        with (
            translated(self.name, self._database),
            self._driver.session(database=self._database, fetch_size=FETCH_ROWS) as session,
        ):
            return read_settled(session, source, work)


def _read_sources(tx: neo4j.ManagedTransaction) -> list[str]:
    return [record["source"] for record in tx.run(READ_SOURCES)]


def _result(columns: tuple[str, ...], records: list[neo4j.Record]) -> QueryResult:
    return QueryResult(columns, tuple(plain(record.values()) for record in records))
