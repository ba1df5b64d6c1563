"""Values of the driver as plain Python values, fit for printing and JSON."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

import neo4j.graph
import neo4j.spatial
import neo4j.time

_TEMPORAL = (neo4j.time.DateTime, neo4j.time.Date, neo4j.time.Time, neo4j.time.Duration)


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
