"""The state of a source in the store, kept on a node of its own, and the lock of those who refresh it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import neo4j
from neo4j.exceptions import DriverError, Neo4jError

from ...errors import StoreError, StoreLockedError
from .connection import Database
from .cypher import CREATE_STATE, END_BLOCKED, LOCK_STATE, OTHER_SCHEMAS, READ_STATE, SCHEMA, SET_STATE

Transaction = neo4j.Transaction | neo4j.ManagedTransaction

POLL_SECONDS = 0.25


@dataclass(frozen=True)
class SourceState:
    """The state of a source; the default where the store does not have it.

    ``run_id`` is the last refresh; ``model_hash`` is empty where nodes carry no predictions.
    """

    run_id: str = ""
    graph_hash: str = "0" * 64
    features: tuple[str, ...] = ()
    model_hash: str = ""


def state_key(source: str) -> str:
    """The key of the node that keeps the state of a source; no target or attribute has such a key."""
    return f"{source}#head"


def read_state(tx: Transaction, source: str) -> SourceState:
    """The state of a source; :class:`StoreError` where another version of newaisle has written it."""
    return _checked(source, tx.run(READ_STATE, key=state_key(source)).single())


def lock_state(tx: Transaction, source: str, run_id: str) -> SourceState:
    """Lock a source until the transaction ends, and read its state; create it where there is none."""
    record = tx.run(LOCK_STATE, key=state_key(source), run_id=run_id).single()
    if record is None:
        other = tx.run(OTHER_SCHEMAS, schema=SCHEMA).single()
        if other is not None:
            raise _other_schema(other["source"], other["schema"])
        tx.run(CREATE_STATE, key=state_key(source), source=source, schema=SCHEMA, run_id=run_id).consume()
        # another first refresh may have created it meanwhile
        record = tx.run(LOCK_STATE, key=state_key(source), run_id=run_id).single(strict=True)
    return _checked(source, record)


def set_state(tx: Transaction, source: str, properties: dict[str, Any]) -> None:
    """Set properties of the state and release its lock."""
    tx.run(SET_STATE, key=state_key(source), properties=properties).consume()


def no_source(source: str) -> StoreError:
    """The error where the store does not have a source."""
    return StoreError(f"The store holds no source {source!r}; refresh it from its files first.")


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
def bounded_wait(database: Database, source: str, run_id: str, seconds: float) -> Iterator[None]:
    """End a run's transaction that waits too long for a lock, over a second connection, as Bolt knows no limit."""
    done, ended = threading.Event(), threading.Event()

    def watch() -> None:
        pause = seconds
        while not done.wait(pause):
            pause = POLL_SECONDS
            try:
                if database.execute(END_BLOCKED, run_id=run_id):
                    ended.set()
                    return
            except (Neo4jError, DriverError):
                return  # the waiting connection meets the same error

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
