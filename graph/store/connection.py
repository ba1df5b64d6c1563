"""A database of a server, and the driver's errors as newaisle's."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString

import neo4j
from neo4j.exceptions import AuthError, DriverError, Neo4jError, ServiceUnavailable, SessionExpired

from ...errors import StoreError, StoreUnavailableError

CONNECT_SECONDS = 10.0
OLDEST_NEO4J = (5, 26)
FETCH_ROWS = 10_000
OUT_OF_MEMORY = frozenset(
    {
        "Neo.TransientError.General.MemoryPoolOutOfMemoryError",
        "Neo.TransientError.General.TransactionOutOfMemoryError",
        "Neo.TransientError.General.OutOfMemoryError",
    }
)
"""Transient by name only: the same transaction needs the same memory again."""
_NO_DATABASE = frozenset({"Neo.ClientError.Database.DatabaseNotFound"})
# without any handler, the hints of a server (such as a label that does not exist yet) would go to stderr
logging.getLogger("neo4j").addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Database:
    """An open connection to one database; ``store`` is its name in messages.

    An ``embedded`` server, a child of this process, takes one writer at a time; what fails there is not tried again.
    """

    store: str
    name: str
    driver: neo4j.Driver
    embedded: bool

    def session(self) -> neo4j.Session:
        """A session that fetches large results in few messages."""
        return self.driver.session(database=self.name, fetch_size=FETCH_ROWS)

    def execute(self, statement: LiteralString, **parameters: Any) -> list[neo4j.Record]:
        """Run one statement in a transaction of its own."""
        return self.driver.execute_query(statement, parameters, database_=self.name).records


def connect(
    opened: ExitStack, store: str, url: str, auth: tuple[str, str] | None, name: str, *, embedded: bool
) -> Database:
    """Connect to a database and check that it answers (else StoreUnavailableError); ``opened`` closes it later."""
    with translated(store, name):
        driver = opened.enter_context(
            neo4j.GraphDatabase.driver(
                url,
                auth=auth,
                connection_timeout=CONNECT_SECONDS,
                max_transaction_retry_time=0.0 if embedded else CONNECT_SECONDS,
            )
        )
        driver.verify_connectivity()
        check_version(store, driver.get_server_info().agent)
        database = Database(store, name, driver, embedded)
        database.execute("RETURN 1")
        return database


def check_version(store: str, agent: str) -> None:
    """Refuse (StoreUnavailableError) a Neo4j older than ``OLDEST_NEO4J``; ``agent`` is such as ``Neo4j/5.26.25``."""
    version = re.match(r"Neo4j/v?(\d+)\.(\d+)", agent)
    if version is not None and (int(version[1]), int(version[2])) < OLDEST_NEO4J:
        wanted = ".".join(map(str, OLDEST_NEO4J))
        raise StoreUnavailableError(
            f"The store at {store} is {agent}, which newaisle does not support; use Neo4j {wanted} or newer."
        )


@contextmanager
def translated(store: str, database: str) -> Iterator[None]:
    """Turn the driver's errors into newaisle's, one sentence each."""
    try:
        yield
    except AuthError as error:
        raise StoreUnavailableError(
            f"The store at {store} refused the user name or password ({_sentence(error)}); "
            "set NEO4J_USERNAME and NEO4J_PASSWORD."
        ) from error
    except (ServiceUnavailable, SessionExpired) as error:
        raise StoreUnavailableError(
            f"The store at {store} cannot be reached ({_sentence(error)}); "
            "check that it runs and that the URL is right."
        ) from error
    except (Neo4jError, DriverError) as error:
        code = error.code if isinstance(error, Neo4jError) else None
        if code in _NO_DATABASE:
            raise StoreUnavailableError(
                f"The store at {store} has no database {database!r}; set NEO4J_DATABASE."
            ) from error
        if code in OUT_OF_MEMORY:
            raise StoreError(
                f"The store at {store} has too little memory for one transaction of this size ({_sentence(error)}); "
                "raise server.memory.heap.max_size, and dbms.memory.transaction.total.max where it is set."
            ) from error
        raise StoreError(f"The store at {store} refused: {_sentence(error)}") from error


def _sentence(error: Neo4jError | DriverError) -> str:
    message = error.message if isinstance(error, Neo4jError) else str(error)
    return " ".join((message or type(error).__name__).split())
