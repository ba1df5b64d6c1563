"""Transactions that are tried again, a bounded number of times, when the store goes away or asks for it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import neo4j
from neo4j.exceptions import DriverError, IncompleteCommit, Neo4jError

from .source_state import RUN

RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Pauses before the next try, shortened at random by up to a half, so that two that collide do not meet again."""
FETCH_ROWS = 10_000

OUT_OF_MEMORY = frozenset(
    {
        "Neo.TransientError.General.MemoryPoolOutOfMemoryError",
        "Neo.TransientError.General.TransactionOutOfMemoryError",
        "Neo.TransientError.General.OutOfMemoryError",
    }
)
"""Transient by name only: the same transaction needs the same memory again."""

_T = TypeVar("_T")


def transact(
    driver: neo4j.Driver,
    database: str,
    run_id: str,
    work: Callable[[neo4j.Transaction, int], _T],
    pauses: Sequence[float] = RETRY_SECONDS,
) -> _T:
    """Call ``work`` with an open transaction and the number of the try, 0 first; it commits by itself.

    Where a connection breaks during a commit nobody knows whether that came through: ``work`` must find out when it is
    called again.

    Args:
        driver: the connection.
        database: name of the database.
        run_id: put into the metadata of the transaction.
        work: what to do.
        pauses: seconds to wait before each further try.
    """
    for attempt, pause in enumerate([*pauses, None]):
        try:
            with (
                driver.session(database=database, fetch_size=FETCH_ROWS) as session,
                session.begin_transaction(metadata={RUN: run_id}) as tx,
            ):
                return work(tx, attempt)
        except (Neo4jError, DriverError) as error:
            if pause is None or not _may_pass(error):
                raise
        time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
    raise AssertionError  # the last try returns or raises


def _may_pass(error: Neo4jError | DriverError) -> bool:
    if isinstance(error, Neo4jError) and error.code in OUT_OF_MEMORY:
        return False
    return error.is_retryable() or isinstance(error, IncompleteCommit)
