"""Nodes and edges of a source as the store keeps them: built from a graph or read back, so that both compare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import neo4j

from ...display import short_repr
from ...errors import InputError
from ..catalog.graph import CatalogGraph
from ..catalog.hashing import attribute_key, target_key
from ..catalog.nodes import nodes_of
from ..catalog.schema import Attribute, Node, Relation
from ..ids import Id
from .cypher import BARE_NODES, EDGES, NODES, NodeLabel

EdgeKey = tuple[str, str]
"""Tail and head."""

KEY_BYTES = 8_000
"""Keys are indexed, and Neo4j's index takes values of up to 8,164 bytes."""


class NodeRecord(NamedTuple):
    """One node: properties (a missing value has no entry) and state: ``group``, ``new``, ``seen``; attributes: None."""

    properties: Mapping[str, Any]
    state: str | None = None


@dataclass(frozen=True)
class SourceRecords:
    """Some or all nodes of a source by label and key, and the weights (several where stored twice) of edges by ends.

    ``bare`` are keys of nodes from which somebody has removed their label.
    """

    nodes: Mapping[NodeLabel, Mapping[str, NodeRecord]]
    edges: Mapping[Relation, Mapping[EdgeKey, list[float]]]
    bare: frozenset[str] = frozenset()

    __repr__ = short_repr


def graph_records(graph: CatalogGraph) -> SourceRecords:
    """The records of a graph; :class:`InputError` where no store can hold one."""
    check_feature_names(graph.numbers)
    nodes: dict[NodeLabel, dict[str, NodeRecord]] = {label: {} for label in NodeLabel}
    columns = (graph.keys, nodes_of(graph).items(), graph.node_hashes, graph.levels.tolist())
    for key, (own, node), content_hash, level in zip(*columns, strict=True):
        nodes[label_of(node)][key] = target_record(graph.source, own, node, content_hash, level)
    for key, attribute, content_hash in zip(
        graph.attribute_keys, graph.attributes, graph.attribute_hashes, strict=True
    ):
        nodes[NodeLabel.ATTRIBUTE][key] = attribute_record(graph.source, attribute, content_hash)
    edges = {
        relation: {
            ends: [weight]
            for ends, weight in zip(graph.edge_keys(relation), graph.edges[relation].weight.tolist(), strict=True)
        }
        for relation in Relation
    }
    return SourceRecords(nodes, edges)


def label_of(node: Node) -> NodeLabel:
    """The label of a target or group."""
    return NodeLabel.PRODUCT if node.product else NodeLabel.CATEGORY


def target_record(source: str, own: Id, node: Node, content_hash: str, level: int) -> NodeRecord:
    """A target or group (a product without ``level``); :class:`InputError` for an id, key or text no store can hold."""
    if isinstance(own, int) and not -(2**63) <= own < 2**63:
        raise InputError(f"The id {own} does not fit into 64 bits; give the ids as texts.")
    _check_texts(f"the target {own}", target_key(source, own), node.name, node.text)
    properties = {
        **node.features,
        "id": own,
        "source": source,
        "name": node.name,
        "text": node.text,
        "content_hash": content_hash,
    }
    if not node.product:
        properties["level"] = level
    return NodeRecord(properties, "group" if node.group else "new")


def attribute_record(source: str, attribute: Attribute, content_hash: str) -> NodeRecord:
    """An attribute; raises as :func:`target_record` does."""
    _check_texts(f"the attribute {attribute}", attribute_key(source, attribute.name, attribute.value))
    return NodeRecord({"source": source, **attribute._asdict(), "content_hash": content_hash})


def check_feature_names(names: Iterable[str]) -> None:
    """Raise :class:`InputError` for names that no store takes for a property."""
    for name in names:
        _check_texts(f"the feature {name}", name)
        if not name or name.startswith("@") or "\0" in name:
            raise InputError(
                f"The feature name {name!r} cannot be a property in the graph store "
                "(empty, an '@' in front, or a null character in it); rename the column."
            )


def _check_texts(what: str, key: str, *texts: str) -> None:
    try:
        "".join((key, *texts)).encode()
    except UnicodeEncodeError:
        shown = what.encode("utf-8", "backslashreplace").decode()
        raise InputError(
            f"A text of {shown} holds half a surrogate pair, which is not a character; correct it in the source."
        ) from None
    size = len(key.encode())
    if size > KEY_BYTES:
        raise InputError(
            f"The key of {what[:60]}… has {size:,} bytes, and a store takes {KEY_BYTES:,} at most; shorten it "
            "(long descriptions belong into the column text)."
        )


def read_records(
    tx: neo4j.Transaction | neo4j.ManagedTransaction, source: str, features: Sequence[str]
) -> SourceRecords:
    """Read a whole source whose nodes may carry some features."""
    return SourceRecords(
        nodes={
            label: node_records(label, tx.run(statements.read, source=source, features=features), source, features)
            for label, statements in NODES.items()
        },
        edges={
            relation: edge_records(tx.run(statements.read, source=source)) for relation, statements in EDGES.items()
        },
        bare=frozenset(tx.run(BARE_NODES, source=source).value()),
    )


def node_records(
    label: NodeLabel, rows: Iterable[Iterable[Any]], source: str, features: Sequence[str]
) -> dict[str, NodeRecord]:
    """The result of :attr:`NodeStatements.read` by key."""
    found: dict[str, NodeRecord] = {}
    for row in rows:
        if label is NodeLabel.ATTRIBUTE:
            key, content_hash, name, value = row
            state, values = None, {"name": name, "value": value}
        else:
            key, content_hash, own, name, text, state, level, numbers = row
            values = {"id": own, "name": name, "text": text, "level": level}
            if features:
                values |= zip(features, numbers, strict=True)
        values |= {"source": source, "content_hash": content_hash}
        found[key] = NodeRecord({name: value for name, value in values.items() if value is not None}, state)
    return found


def edge_records(rows: Iterable[Iterable[Any]]) -> dict[EdgeKey, list[float]]:
    """The result of :attr:`EdgeStatements.read` by the keys of the ends."""
    found: dict[EdgeKey, list[float]] = {}
    for tail, heads, weights in rows:
        for head, weight in zip(heads, weights or [1.0] * len(heads), strict=True):
            found.setdefault((tail, head), []).append(weight)
    return found
