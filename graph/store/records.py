"""What the store holds of a source, as plain values by key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import neo4j

from ..catalog.schema import Relation
from .cypher import EDGES, NODES, NodeLabel
from .rows import EdgeKey


class StoredNode(NamedTuple):
    """One node in the store.

    Attributes:
        properties: what a source says of it; those that are missing in the store are missing here.
        state: ``group``, ``new`` or ``seen``; None for attributes.
    """

    properties: Mapping[str, Any]
    state: str | None


@dataclass(frozen=True)
class Stored:
    """Nodes and edges of one source, all or some.

    Attributes:
        nodes: kind -> key -> node.
        edges: relation -> (tail key, head key) -> weights, several where the same edge stands twice.
    """

    nodes: Mapping[NodeLabel, Mapping[str, StoredNode]]
    edges: Mapping[Relation, Mapping[EdgeKey, list[float]]]


def read_stored(tx: neo4j.Transaction | neo4j.ManagedTransaction, source: str, features: Sequence[str]) -> Stored:
    """Read a whole source.

    Args:
        tx: an open transaction.
        source: the source.
        features: names of the features that its nodes may carry.
    """
    return Stored(
        nodes={
            kind: nodes_by_key(kind, tx.run(statements.read, source=source, features=features), source, features)
            for kind, statements in NODES.items()
        },
        edges={
            relation: edges_by_ends(tx.run(statements.read, source=source)) for relation, statements in EDGES.items()
        },
    )


def nodes_by_key(
    kind: NodeLabel, records: Iterable[Iterable[Any]], source: str, features: Sequence[str]
) -> dict[str, StoredNode]:
    """Records of :attr:`NodeStatements.read` as nodes."""
    found: dict[str, StoredNode] = {}
    for record in records:
        if kind is NodeLabel.ATTRIBUTE:
            key, content_hash, name, value = record
            state, values = None, {"name": name, "value": value}
        else:
            key, content_hash, own, name, text, state, level, numbers = record
            values = {"id": own, "name": name, "text": text, "level": level}
            if features:
                values |= zip(features, numbers, strict=True)
        values |= {"source": source, "content_hash": content_hash}
        found[key] = StoredNode({name: value for name, value in values.items() if value is not None}, state)
    return found


def edges_by_ends(records: Iterable[Iterable[Any]]) -> dict[EdgeKey, list[float]]:
    """Records of :attr:`EdgeStatements.read` as edges."""
    found: dict[EdgeKey, list[float]] = {}
    for tail, heads, weights in records:
        for head, weight in zip(heads, weights or [1.0] * len(heads), strict=True):
            found.setdefault((tail, head), []).append(weight)
    return found
