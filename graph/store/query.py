"""Cypher queries and their results as plain Python values, fit for printing and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import neo4j
import neo4j.graph
import neo4j.spatial
import neo4j.time

from ...display import short_repr
from ...errors import StoreError
from .connection import Database

_TEMPORAL = (neo4j.time.DateTime, neo4j.time.Date, neo4j.time.Time, neo4j.time.Duration)


@dataclass(frozen=True)
class QueryResult:
    """The result of a Cypher query: rows of plain Python values, see :func:`plain`."""

    columns: tuple[str, ...]
    rows: tuple[list[Any], ...]

    __repr__ = short_repr


def run_reading(database: Database, cypher: str, parameters: Mapping[str, Any]) -> QueryResult:
    """Run a query that must not write; :class:`StoreError` where it would."""
    with (
        database.driver.session(database=database.name, default_access_mode=neo4j.READ_ACCESS) as session,
        session.begin_transaction() as tx,  # left without commit: rolled back whatever the server let pass
    ):
        answer = tx.run(cypher, dict(parameters))
        found = _result(answer.keys(), list(answer))
        if answer.consume().counters.contains_updates:
            raise StoreError("The query would change the store; only queries that read are allowed here.")
        return found


def run_writing(database: Database, cypher: str, parameters: Mapping[str, Any]) -> QueryResult:
    """Run a query that may write."""
    answer = database.driver.execute_query(cypher, dict(parameters), database_=database.name)
    return _result(answer.keys, answer.records)


def _result(columns: Any, records: list[neo4j.Record]) -> QueryResult:
    return QueryResult(tuple(columns), tuple(plain(record.values()) for record in records))


def plain(value: Any) -> Any:
    """Turn nodes, relationships, paths, temporal and spatial values into dicts, lists and texts, at any depth.

    A node becomes ``{"labels": [...], "properties": {...}}``, a relationship ``{"type": ..., "start": ..., "end": ...,
    "properties": {...}}`` with the keys (or else the properties) of its ends, a path ``{"nodes": [...],
    "relationships": [...]}``, a time its ISO 8601 text.
    """
    if isinstance(value, neo4j.graph.Node):
        return {"labels": sorted(value.labels), "properties": plain(dict(value))}
    if isinstance(value, neo4j.graph.Relationship):
        return {
            "type": value.type,
            "start": _end(value.start_node),
            "end": _end(value.end_node),
            "properties": plain(dict(value)),
        }
    if isinstance(value, neo4j.graph.Path):
        return {"nodes": plain(list(value.nodes)), "relationships": plain(list(value.relationships))}
    if isinstance(value, _TEMPORAL):
        return value.iso_format()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, neo4j.spatial.Point):
        return {"srid": value.srid, "coordinates": list(value)}
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(member) for member in value]
    if isinstance(value, bytes | bytearray):
        return value.hex()
    return value


def _end(node: neo4j.graph.Node | None) -> Any:
    if node is None:
        return None
    return node.get("key", plain(dict(node)))
