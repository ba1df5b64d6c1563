"""One transaction that makes a source's nodes and edges in the store equal a catalog graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, LiteralString

import neo4j

from .catalog import Relation
from .cypher import DELETE_NODES, EDGES, NODES, READ_HEAD, WRITE_HEAD, Kind
from .rows import EdgeKey, GraphRows, Row, batches, edge_rows, head_key

_TARGETS = (Kind.CATEGORY, Kind.PRODUCT)


@dataclass(frozen=True)
class WriteResult:
    """What one write did.

    Attributes:
        run_id: the run that the nodes now carry.
        graph_hash: content hash of the graph now stored.
        added: categories (groups included) and products that are new.
        changed: categories and products that the source says something else of than before.
        removed: categories and products that are gone.
        edges_added: edges that are new, or have a new weight.
        edges_removed: edges that are gone, those of removed nodes included, or had another weight.
        seconds: how long it took.
    """

    run_id: str
    graph_hash: str
    added: int
    changed: int
    removed: int
    edges_added: int
    edges_removed: int
    seconds: float


@dataclass(frozen=True)
class _Stored:
    """What the store holds of one source before a write.

    Attributes:
        hashes: kind -> key -> content hash.
        edges: relation -> ends -> weights, several where the same edge stands twice.
        features: names of the features that its nodes may carry.
    """

    hashes: Mapping[Kind, Mapping[str, str]]
    edges: Mapping[Relation, Mapping[EdgeKey, list[float]]]
    features: tuple[str, ...]


def write_graph(
    tx: neo4j.ManagedTransaction, source: str, rows: GraphRows, graph_hash: str, run_id: str
) -> WriteResult:
    """Delete what the graph does not hold, then add and update the rest.

    Args:
        tx: an open transaction; nothing is kept unless it commits.
        source: the source whose nodes and edges are written; no others are touched.
        rows: what the store shall hold.
        graph_hash: content hash of the graph, for the head node.
        run_id: put on every node.
    """
    started = datetime.now(UTC)
    # the head comes first, so that a second writer of the same source waits for this one's commit
    _write_head(tx, source, run_id=run_id, state="running", started=started.isoformat())
    stored = _read_stored(tx, source)
    gone = {key for kind, keys in stored.hashes.items() for key in keys.keys() - rows.nodes[kind].keys()}
    stale = {
        relation: {
            (tail, head)
            for (tail, head), weights in edges.items()
            if weights != [rows.edges[relation].get((tail, head))] or tail in gone or head in gone
        }
        for relation, edges in stored.edges.items()
    }
    fresh = {
        relation: {
            ends: w for ends, w in edges.items() if ends in stale[relation] or ends not in stored.edges[relation]
        }
        for relation, edges in rows.edges.items()
    }
    for relation, ends in stale.items():
        left = {(tail, head): 0.0 for tail, head in sorted(ends) if tail not in gone and head not in gone}
        _run(tx, EDGES[relation].delete, edge_rows(left))
    _run(tx, DELETE_NODES, ({"key": key} for key in sorted(gone)))
    cleared = dict.fromkeys(stored.features)
    for kind, nodes in rows.nodes.items():
        known = stored.hashes[kind]
        _run(tx, NODES[kind].create, (row for key, row in nodes.items() if key not in known), run_id=run_id)
        updates = (row for key, row in nodes.items() if key in known)
        _run(tx, NODES[kind].update, updates, run_id=run_id, cleared=cleared)
    for relation, edges in fresh.items():
        _run(tx, EDGES[relation].create, edge_rows(edges))
    finished = datetime.now(UTC)
    result = WriteResult(
        run_id=run_id,
        graph_hash=graph_hash,
        added=sum(len(rows.nodes[kind].keys() - stored.hashes[kind].keys()) for kind in _TARGETS),
        changed=sum(
            rows.nodes[kind][key]["properties"]["content_hash"] != stored.hashes[kind][key]
            for kind in _TARGETS
            for key in rows.nodes[kind].keys() & stored.hashes[kind].keys()
        ),
        removed=sum(len(stored.hashes[kind].keys() - rows.nodes[kind].keys()) for kind in _TARGETS),
        edges_added=sum(map(len, fresh.values())),
        edges_removed=sum(map(len, stale.values())),
        seconds=(finished - started).total_seconds(),
    )
    _write_head(
        tx,
        source,
        state="done",
        finished=finished.isoformat(),
        graph_hash=graph_hash,
        features=list(rows.features),
        added=result.added,
        changed=result.changed,
        removed=result.removed,
        edges_added=result.edges_added,
        edges_removed=result.edges_removed,
    )
    return result


def _read_stored(tx: neo4j.ManagedTransaction, source: str) -> _Stored:
    head = tx.run(READ_HEAD, key=head_key(source)).single(strict=True)
    edges: dict[Relation, dict[EdgeKey, list[float]]] = {}
    for relation, statements in EDGES.items():
        found = edges[relation] = {}
        for tail, to, weight in tx.run(statements.read, source=source):
            found.setdefault((tail, to), []).append(weight)
    hashes = {
        kind: {record[0]: record[1] for record in tx.run(statements.hashes, source=source)}
        for kind, statements in NODES.items()
    }
    return _Stored(hashes, edges, tuple(head[1] or ()))


def _write_head(tx: neo4j.ManagedTransaction, source: str, **properties: object) -> None:
    tx.run(WRITE_HEAD, key=head_key(source), properties={**properties, "source": source}).consume()


def _run(tx: neo4j.ManagedTransaction, statement: LiteralString, rows: Iterable[Row], **parameters: Any) -> None:
    """Run one statement over rows, batch by batch."""
    for batch in batches(rows):
        tx.run(statement, rows=batch, **parameters).consume()
