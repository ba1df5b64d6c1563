"""The graph store: one class that speaks Bolt, to a Neo4j server or to an embedded one."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

import neo4j

from ...errors import InputError, StoreError, name_some
from ..catalog.graph import CatalogGraph
from .connection import Database, translated
from .cypher import READ_SOURCES, UNIQUE_KEY
from .incremental import GraphChanges, plan_changes
from .predictions import index_vectors
from .query import QueryResult, run_reading, run_writing
from .report import Clock, RefreshReport, report_of
from .snapshot import read_graph, read_settled
from .source_state import SourceState, locked, read_state
from .write import WAIT_SECONDS, Annotation, RefreshOptions, annotate, plan_refresh, write

_T = TypeVar("_T")
_DEFAULT = RefreshOptions()


class Store:
    """A graph store; open one with :func:`open_store` and close it, or use it in a ``with`` statement.

    All methods raise :class:`StoreUnavailableError` where the store went away and did not come back, and
    :class:`StoreError` where it refused; those that write have changed nothing then. ``name`` is its folder or its URL.
    """

    def __init__(self, database: Database, reader: Database, resources: ExitStack) -> None:
        self.name = database.store
        self._database = database
        self._reader = reader
        self._resources = resources
        self._turn = threading.Lock()

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
        self, graph: CatalogGraph, run_id: str | None = None, *, options: RefreshOptions = _DEFAULT
    ) -> RefreshReport:
        """Make the nodes and edges of the graph's source equal the graph, in one transaction.

        Only what differs is written. Nodes of other sources, nodes without the label ``Newaisle`` and properties that
        the source does not have, such as the predictions of a model, stay as they are. ``state`` becomes ``group`` or,
        where none was set, ``new``. A broken connection is tried again a few times. There is no guard by default.

        Raises:
            InputError: the graph holds something that no store can hold.
            GuardError: more would be deleted than ``options.max_delete``.
            StoreLockedError: another refresh of the source did not end in time.
        """
        with self._errors():
            self._database.execute(UNIQUE_KEY)
        with self._writing(graph.source, options.wait):
            return write(self._database, graph.source, plan_refresh(graph), run_id or uuid.uuid4().hex, options)

    def apply(
        self, changes: GraphChanges, run_id: str | None = None, *, options: RefreshOptions = _DEFAULT
    ) -> RefreshReport:
        """Write a known small change of a source in the store, at a cost that grows with the change alone.

        The result is that of :meth:`write` with the whole changed graph, and so are the other errors.

        Raises:
            GraphError: a cycle, a parent that does not exist, or children left without theirs.
            StoreError: no such source.
        """
        with self._writing(changes.source, options.wait):
            return write(self._database, changes.source, plan_changes(changes), run_id or uuid.uuid4().hex, options)

    def annotate(self, source: str, work: Annotation, *, wait: float = WAIT_SECONDS) -> None:
        """Write more onto the nodes of a source, such as the predictions of a model, in one transaction.

        ``work`` gets the transaction and the state of the source, which is locked; what it returns is set on the state,
        and what it raises rolls everything back and is raised here. ``wait`` is in seconds.

        Raises:
            StoreLockedError: a refresh of the source did not end in time.
            StoreError: no such source.
        """
        with self._writing(source, wait):
            annotate(self._database, source, uuid.uuid4().hex, work, wait)

    def plan(self, graph: CatalogGraph) -> RefreshReport:
        """Report what :meth:`write` would do, and write nothing.

        Raises:
            InputError: the graph holds something that no store can hold.
            StoreError: another version of newaisle has written the source, or it is refreshed all the time.
        """
        clock = Clock()
        with clock("compare"):
            plan = self._read_settled(graph.source, plan_refresh(graph))
        return report_of(graph.source, "", plan.changes, plan.graph_hash, clock.seconds)

    def snapshot(self, source: str | None = None) -> CatalogGraph:
        """Read a source's graph (None: of the only one) and check its stored hash; never a mixture of two refreshes.

        Raises:
            InputError: no source is named and the store holds several.
            StoreError: no such source, or somebody has changed its nodes or edges since.
        """
        name = self._only_source() if source is None else source
        return self._read_settled(name, partial(read_graph, source=name))

    def sources(self) -> list[str]:
        """The names of the sources in the store, ascending."""
        with self._errors(), self._database.session() as session:
            return session.execute_read(lambda tx: tx.run(READ_SOURCES).value())

    def source_state(self, source: str) -> SourceState:
        """State of a source, else the default; :class:`StoreError` if another version of newaisle has written it."""
        with self._errors(), self._database.session() as session:
            return session.execute_read(read_state, source)

    def query(self, cypher: str, parameters: Mapping[str, Any] | None = None, *, write: bool = False) -> QueryResult:
        """Run a Cypher query with ``parameters`` for its ``$names``; unless ``write`` it must not change the store.

        Raises:
            StoreError: the server refused the query (the message is the server's), or it would change the store; it is
                undone.
        """
        with self._errors():
            if write:
                return run_writing(self._database, cypher, parameters or {})
            return run_reading(self._reader, cypher, parameters or {})

    def index_vectors(self, dimensions: int) -> bool:
        """Index embeddings of length ``dimensions`` for Cypher as ``newaisle_embedding``; False where the store cannot.

        An index of another length is replaced. No quantisation, as the lengths of embeddings crowd one pole.
        """
        with self._errors():
            return index_vectors(self._database, dimensions)

    def _only_source(self) -> str:
        held = self.sources()
        if not held:
            raise StoreError(f"The store at {self.name} holds no source; refresh one from its files first.")
        if len(held) > 1:
            raise InputError(
                f"The store at {self.name} holds several sources: {name_some([*held])}; name one of them as source."
            )
        return held[0]

    def _errors(self) -> AbstractContextManager[None]:
        return translated(self.name, self._database.name)

    @contextmanager
    def _writing(self, source: str, wait: float) -> Iterator[None]:
        if self._database.embedded and not self._turn.acquire(timeout=wait):
            raise locked(source, wait)
        try:
            with self._errors():
                yield
        finally:
            if self._database.embedded:
                self._turn.release()

    def _read_settled(self, source: str, work: Callable[[neo4j.ManagedTransaction, SourceState], _T]) -> _T:
        with self._errors(), self._database.session() as session:
            return read_settled(session, source, work)
