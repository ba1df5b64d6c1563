"""Connections to a server, and the driver's errors told as ours."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import neo4j
from neo4j.exceptions import AuthError, DriverError, Neo4jError, ServiceUnavailable, SessionExpired

from ...errors import StoreError, StoreUnavailableError
from .transactions import OUT_OF_MEMORY

CONNECT_SECONDS = 10.0
OLDEST_NEO4J = (5, 26)
_NO_DATABASE = frozenset({"Neo.ClientError.Database.DatabaseNotFound"})
# without any handler, the hints of a server (such as a label that does not exist yet) would go to stderr
logging.getLogger("neo4j").addHandler(logging.NullHandler())


def connect(
    opened: ExitStack, name: str, url: str, auth: tuple[str, str] | None, database: str, retry_seconds: float
) -> neo4j.Driver:
    """Connect to a server and see that its database answers.

    Args:
        opened: closes the connection later.
        name: how messages call the store.
        url: Bolt address.
        auth: user name and password.
        database: name of the database.
        retry_seconds: how long reads are tried again.

    Raises:
        StoreUnavailableError: it cannot be reached, refuses the password, is too old, or has no such database.
    """
    with translated(name, database):
        driver = opened.enter_context(
            neo4j.GraphDatabase.driver(
                url, auth=auth, connection_timeout=CONNECT_SECONDS, max_transaction_retry_time=retry_seconds
            )
        )
        driver.verify_connectivity()
        check_version(name, driver.get_server_info().agent)
        driver.execute_query("RETURN 1", database_=database)
        return driver


def check_version(name: str, agent: str) -> None:
    """Refuse a Neo4j that is too old.

    Args:
        name: how messages call the store.
        agent: what the server calls itself, such as ``Neo4j/5.26.25``; others than Neo4j pass.

    Raises:
        StoreUnavailableError: it is older than ``OLDEST_NEO4J``.
    """
    version = re.match(r"Neo4j/v?(\d+)\.(\d+)", agent)
    if version is not None and (int(version[1]), int(version[2])) < OLDEST_NEO4J:
        wanted = ".".join(map(str, OLDEST_NEO4J))
        raise StoreUnavailableError(
            f"The store at {name} is {agent}, which newaisle does not support; use Neo4j {wanted} or newer."
        )


@contextmanager
def translated(name: str, database: str) -> Iterator[None]:
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
        code = error.code if isinstance(error, Neo4jError) else None
        if code in _NO_DATABASE:
            raise StoreUnavailableError(
                f"The store at {name} has no database {database!r}; set NEO4J_DATABASE."
            ) from error
        if code in OUT_OF_MEMORY:
            raise StoreError(
                f"The store at {name} has too little memory for one transaction of this size ({_sentence(error)}); "
                "raise server.memory.heap.max_size, and dbms.memory.transaction.total.max where it is set."
            ) from error
        raise StoreError(f"The store at {name} refused: {_sentence(error)}") from error


def _sentence(error: Neo4jError | DriverError) -> str:
    """What the server or the driver said, on one line."""
    said = error.message if isinstance(error, Neo4jError) else str(error)
    return " ".join((said or type(error).__name__).split())
