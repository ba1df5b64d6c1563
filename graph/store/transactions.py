"""Transactions that are tried again, a bounded number of times, when the store goes away or requests it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

import neo4j
from neo4j.exceptions import DriverError, IncompleteCommit, Neo4jError

from .connection import OUT_OF_MEMORY, Database

RUN = "newaisle_run"
"""Name of the run in the metadata of its transaction, which identifies it among those that wait."""
RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Pauses before the next try, shortened at random by up to a half, so that two that collide do not meet again."""

_T = TypeVar("_T")


def transact(database: Database, run_id: str, work: Callable[[neo4j.Transaction, int], _T]) -> _T:
    """Call ``work`` with an open transaction and the number of the try, 0 first.

    It commits, and finds out when called again whether a commit during which the connection broke came through.
    """
    for attempt, pause in enumerate([*(() if database.embedded else RETRY_SECONDS), None]):
        try:
            with database.session() as session, session.begin_transaction(metadata={RUN: run_id}) as tx:
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
