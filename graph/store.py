"""The graph store: one class that speaks Bolt, to a Neo4j server or to an embedded one."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import neo4j
from neo4j.exceptions import AuthError, DriverError, Neo4jError, ServiceUnavailable, SessionExpired

from .address import Credentials, parse_store_url
from .catalog import CatalogGraph
from .cypher import READ_SOURCES, UNIQUE_KEY
from .embedded import start_embedded
from .embedded_server import DATABASE, READER, ROOT
from .errors import StoreError, StoreUnavailableError
from .reading import read_graph
from .rows import graph_rows
from .values import plain
from .writing import WriteResult, write_graph

CONNECT_SECONDS = 10.0
# without any handler, the hints of a server (such as a label that does not exist yet) would go to stderr
logging.getLogger("neo4j").addHandler(logging.NullHandler())

_T = TypeVar("_T")


@dataclass(frozen=True)
class QueryResult:
    """The answer to a Cypher query.

    Attributes:
        columns: the names of the columns.
        rows: one list of plain Python values per row; see :func:`newaisle.graph.values.plain`.
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
    ) -> None:
        self.name = name
        self._database = database
        self._driver = driver
        self._reader = reader
        self._resources = resources

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

    def write(self, graph: CatalogGraph, run_id: str | None = None) -> WriteResult:
        """Make the nodes and edges of the graph's source equal the graph, in one transaction.

        Whatever other sources, other people or a model have written stays: nodes without the label ``Newaisle`` are
        never touched, and of the source's own nodes only what the source says is set. ``state`` becomes ``group`` or,
        where none was set, ``new``.

        Args:
            graph: the graph.
            run_id: an id for this run; None makes one up.

        Raises:
            InputError: the graph holds something that no store can hold.
            StoreError: the store refused; nothing is changed then.
        """
        rows = graph_rows(graph)
        run = run_id or uuid.uuid4().hex
        with _translated(self.name):
            self._driver.execute_query(UNIQUE_KEY, database_=self._database)
            with self._driver.session(database=self._database) as session:
                return session.execute_write(write_graph, graph.source, rows, graph.content_hash, run)

    def snapshot(self, source: str) -> CatalogGraph:
        """Read a source's graph back and check it against the hash stored with it.

        Raises:
            StoreError: no such source, or somebody has changed its nodes or edges since.
        """
        return self._read(read_graph, source)

    def sources(self) -> list[str]:
        """The names of the sources in the store, ascending."""
        return self._read(_read_sources)

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
        with _translated(self.name):
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

    def _read(self, work: Callable[..., _T], *arguments: Any) -> _T:
        with _translated(self.name), self._driver.session(database=self._database) as session:
            return session.execute_read(work, *arguments)


def open_store(
    url: str = "embedded",
    credentials: Credentials | None = None,
    *,
    home: Path | None = None,
    heap: str = "1g",
) -> Store:
    """Open a graph store.

    Args:
        url: ``embedded`` (a folder below ``home``), ``embedded:DIR``, or the URL of a server: ``bolt://``,
            ``bolt+s://``, ``neo4j://``, ``neo4j+s://``.
        credentials: for a server; None reads them from the environment. An embedded store makes up its own.
        home: folder for ``embedded``; None means ``NEWAISLE_HOME``, or else the user's data directory.
        heap: memory for an embedded server, as Java writes it (``"1g"``).

    Raises:
        StoreError: the URL is wrong.
        StoreUnavailableError: the server cannot be reached or started, or refuses the credentials.
        StoreLockedError: another process holds the embedded store.
        MissingExtraError: the embedded store is not installed.
    """
    address = parse_store_url(url, home)
    with ExitStack() as opened:
        if isinstance(address, Path):
            name = str(address)
            server = start_embedded(address, heap)
            opened.callback(server.stop)
            # nobody else writes there, and a server that ended does not come back: nothing to try again for
            database = DATABASE
            driver = _connect(opened, name, server.url, (ROOT, server.password), 0.0)
            reader = _connect(opened, name, server.url, (READER, server.reader_password), 0.0)
        else:
            name = address
            asking = credentials or Credentials.from_environment()
            database = asking.database
            auth = None if asking.password is None else (asking.username, asking.password)
            driver = reader = _connect(opened, name, address, auth, CONNECT_SECONDS)
        return Store(name, database, driver, reader, opened.pop_all())


def _connect(
    opened: ExitStack, name: str, url: str, auth: tuple[str, str] | None, retry_seconds: float
) -> neo4j.Driver:
    with _translated(name):
        driver = opened.enter_context(
            neo4j.GraphDatabase.driver(
                url, auth=auth, connection_timeout=CONNECT_SECONDS, max_transaction_retry_time=retry_seconds
            )
        )
        driver.verify_connectivity()
        return driver


def _read_sources(tx: neo4j.ManagedTransaction) -> list[str]:
    return [record["source"] for record in tx.run(READ_SOURCES)]


def _result(columns: tuple[str, ...], records: list[neo4j.Record]) -> QueryResult:
    return QueryResult(columns, tuple(plain(record.values()) for record in records))


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """Turn the driver's errors into ours, one sentence each."""
    try:
        yield
    except AuthError as error:
        raise StoreUnavailableError(
            f"The store at {name} refused the user name or password ({_sentence(error)}); "
            "set NEO4J_USERNAME and NEO4J_PASSWORD."
        ) from error
    except (ServiceUnavailable, SessionExpired) as error:
        raise StoreUnavailableError(
            f"The store at {name} cannot be reached ({_sentence(error)}); check that it runs and that the URL is right."
        ) from error
    except (Neo4jError, DriverError) as error:
        raise StoreError(f"The store at {name} refused: {_sentence(error)}") from error


def _sentence(error: Neo4jError | DriverError) -> str:
    """What the server or the driver said, on one line."""
    said = error.message if isinstance(error, Neo4jError) else str(error)
    return " ".join((said or type(error).__name__).split())
