"""The head node of a source: what its graph in the store is, and the lock of those who refresh it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import neo4j
from neo4j.exceptions import DriverError, Neo4jError

from ...errors import StoreError, StoreLockedError
from .cypher import ADVANCE_HEAD, END_BLOCKED, LOCK_HEAD, MAKE_HEAD, OTHER_SCHEMAS, READ_HEAD, SCHEMA
from .rows import head_key

Transaction = neo4j.Transaction | neo4j.ManagedTransaction

RUN = "newaisle_run"
"""Name of the run in the metadata of its transaction, by which it can be found among those that wait."""
POLL_SECONDS = 0.25


@dataclass(frozen=True)
class SourceState:
    """What a head node says.

    Attributes:
        run_id: the last refresh; empty before the first one.
        graph_hash: content hash of the graph, 64 hexadecimal digits.
        features: names of the features that nodes may carry.
        model_hash: of the model that has written onto the nodes; empty where none has.
    """

    run_id: str = ""
    graph_hash: str = "0" * 64
    features: tuple[str, ...] = ()
    model_hash: str = ""


def read_state(tx: Transaction, source: str) -> SourceState:
    """What the head of a source says; an empty one where there is none.

    Raises:
        StoreError: another version of newaisle has written it.
    """
    return _checked(source, tx.run(READ_HEAD, key=head_key(source)).single())


def lock_state(tx: Transaction, source: str, run_id: str) -> SourceState:
    """Lock a source until the transaction ends, and read its head; where there is none, make it.

    Raises:
        StoreError: another version of newaisle has written it or, where it is new, another source's.
    """
    record = tx.run(LOCK_HEAD, key=head_key(source), run_id=run_id).single()
    if record is None:
        other = tx.run(OTHER_SCHEMAS, schema=SCHEMA).single()
        if other is not None:
            raise _other_schema(other["source"], other["schema"])
        tx.run(MAKE_HEAD, key=head_key(source), source=source, schema=SCHEMA, run_id=run_id).consume()
        # another first refresh may have made it meanwhile
        record = tx.run(LOCK_HEAD, key=head_key(source), run_id=run_id).single(strict=True)
    return _checked(source, record)


def advance_state(tx: Transaction, source: str, properties: dict[str, Any]) -> None:
    """Write what the graph is now."""
    tx.run(ADVANCE_HEAD, key=head_key(source), properties=properties).consume()


def _checked(source: str, record: neo4j.Record | None) -> SourceState:
    if record is None:
        return SourceState()
    if record["schema"] != SCHEMA:
        raise _other_schema(source, record["schema"])
    return SourceState(
        record["run_id"] or "",
        record["graph_hash"] or "0" * 64,
        tuple(record["features"] or ()),
        record["model_hash"] or "",
    )


def _other_schema(source: str, schema: object) -> StoreError:
    return StoreError(
        f"Source {source!r} in the store was written by another version of newaisle (schema {schema or 'unknown'}, "
        f"this one writes {SCHEMA}); use that version, or an empty database."
    )


@contextmanager
def bounded_wait(driver: neo4j.Driver, database: str, source: str, run_id: str, seconds: float) -> Iterator[None]:
    """End the transaction of a run that still waits for a lock after some time.

    The server ends it, asked over a second connection, since Bolt knows no time limit for a single statement.

    Raises:
        StoreLockedError: in place of the error that the ended transaction gets.
    """
    done, ended = threading.Event(), threading.Event()

    def watch() -> None:
        pause = seconds
        while not done.wait(pause):
            pause = POLL_SECONDS
            try:
                if driver.execute_query(END_BLOCKED, run_id=run_id, database_=database).records:
                    ended.set()
                    return
            except (Neo4jError, DriverError):
                return  # the waiting connection hears of it too

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    except (Neo4jError, DriverError) as error:
        done.set()
        watcher.join()
        if ended.is_set():
            raise locked(source, seconds) from error
        raise
    finally:
        done.set()


def locked(source: str, seconds: float) -> StoreLockedError:
    """The error of a refresh that has waited in vain."""
    return StoreLockedError(
        f"Source {source!r} is being refreshed by somebody else (waited {seconds:g} s); try again later or wait longer."
    )
