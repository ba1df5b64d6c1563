"""Every Cypher statement of the store, as constants: values go in as parameters, never as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, LiteralString

from ..catalog.schema import Relation

UNIQUE_KEY: Final = "CREATE CONSTRAINT newaisle_key IF NOT EXISTS FOR (n:Newaisle) REQUIRE n.key IS UNIQUE"

SCHEMA: Final = 1
"""Version of the schema of nodes and edges; a store that has another one is not touched."""

_STATE: Final = (
    "RETURN h.schema AS schema, h.graph_hash AS graph_hash, h.features AS features, h.run_id AS run_id, "
    "h.model_hash AS model_hash"
)
LOCK_STATE: Final = f"MATCH (h:Newaisle {{key: $key}}) SET h.lock = $run_id {_STATE}"
"""Writing a property takes the lock that a second refresh of the source then waits for."""
CREATE_STATE: Final = (
    "MERGE (h:Newaisle:Refresh {key: $key}) ON CREATE SET h.source = $source, h.schema = $schema, h.lock = $run_id"
)
SET_STATE: Final = "MATCH (h:Newaisle {key: $key}) SET h += $properties REMOVE h.lock"
READ_STATE: Final = f"MATCH (h:Newaisle {{key: $key}}) {_STATE}"
READ_SOURCES: Final = "MATCH (h:Newaisle:Refresh) RETURN DISTINCT h.source AS source ORDER BY source"
OTHER_SCHEMAS: Final = (
    "MATCH (h:Newaisle:Refresh) WHERE h.key = h.source + '#head' AND (h.schema IS NULL OR h.schema <> $schema) "
    "RETURN h.source AS source, h.schema AS schema LIMIT 1"
)

END_BLOCKED: Final = (
    "SHOW TRANSACTIONS YIELD transactionId AS id, metaData, status "
    "WHERE metaData.newaisle_run = $run_id AND status STARTS WITH 'Blocked' "
    "TERMINATE TRANSACTIONS id YIELD message RETURN message"
)
"""Ends the transaction of a run that still waits for a lock; Neo4j only."""

CHILDREN: Final = (
    "UNWIND $keys AS key MATCH (b:Newaisle {key: key})<-[:CHILD_OF|IN_CATEGORY]-(a:Newaisle) "
    "WHERE NOT a:Attribute RETURN b.key, a.key"
)
USED: Final = (
    "UNWIND $keys AS key MATCH (b:Newaisle {key: key}) "
    "WHERE EXISTS { MATCH (b)<-[:HAS_ATTRIBUTE]-(a:Newaisle {source: $source}) WHERE NOT a.key IN $without } "
    "OR EXISTS { MATCH (b)-[:CHILD_OF]-(c:Newaisle:Attribute {source: $source}) } RETURN b.key"
)
"""Which of the attributes with ``$keys`` others than the targets ``$without`` need."""

WRITE_PREDICTIONS: Final = "UNWIND $rows AS row MATCH (n:Newaisle {key: row.key}) SET n += row.properties"
"""The predictions of a model; a null in ``properties`` removes the property."""
READ_EMBEDDINGS: Final = (
    "UNWIND $keys AS key MATCH (n:Newaisle {key: key}) WHERE n.embedding IS NOT NULL RETURN n.key, n.embedding"
)
DELETE_SIMILAR: Final = (
    "UNWIND $keys AS key MATCH (:Newaisle {key: key})-[r:SIMILAR_TO]->(:Newaisle {source: $source}) DELETE r"
)
CREATE_SIMILAR: Final = (
    "UNWIND $rows AS row MATCH (a:Newaisle {key: row.tail}) MATCH (b:Newaisle {key: row.head}) "
    "CREATE (a)-[:SIMILAR_TO {score: row.score, rank: row.rank}]->(b)"
)

VECTOR_INDEX: Final = "newaisle_embedding"
CAN_INDEX_VECTORS: Final = "SHOW PROCEDURES YIELD name WHERE name = 'db.index.vector.queryNodes' RETURN name"
FIND_VECTOR_INDEX: Final = (
    "SHOW VECTOR INDEXES YIELD name, options WHERE name = $name "
    "RETURN options.indexConfig['vector.dimensions'] AS dimensions"
)
DROP_VECTOR_INDEX: Final = "DROP INDEX newaisle_embedding IF EXISTS"
CREATE_VECTOR_INDEX: Final = (
    "CREATE VECTOR INDEX newaisle_embedding IF NOT EXISTS FOR (n:Newaisle) ON (n.embedding) OPTIONS $options"
)
AWAIT_VECTOR_INDEX: Final = "CALL db.awaitIndex($name, $seconds)"

BARE_NODES: Final = (
    "MATCH (n:Newaisle {source: $source}) WHERE NOT n:Category AND NOT n:Product AND NOT n:Attribute "
    "AND NOT n:Refresh RETURN n.key"
)
"""Nodes of a source from which somebody has removed the label of their kind."""
DELETE_NODES: Final = "UNWIND $rows AS row MATCH (n:Newaisle {key: row.key}) DETACH DELETE n"


class NodeLabel(StrEnum):
    """The labels of the nodes that a source owns."""

    CATEGORY = "Category"
    PRODUCT = "Product"
    ATTRIBUTE = "Attribute"


@dataclass(frozen=True)
class NodeStatements:
    """Nodes of one label: of ``$source``, with ``$keys``, from ``$rows``; ``update`` removes ``$cleared`` first.

    ``unlabel`` takes the label off nodes of another kind.

    CREATE, as every MERGE on two labels scans all nodes in ArcadeDB; the unique key and the keys read before in the
    same transaction give the same guarantee.
    """

    read: LiteralString
    find: LiteralString
    create: LiteralString
    update: LiteralString
    unlabel: LiteralString


@dataclass(frozen=True)
class EdgeStatements:
    """Statements about the edges of one relation: of tails of ``$source`` (``read``) or with ``$keys`` (``find``).

    Both return each tail's key, the keys of its heads and the weights: null in a relation without any, 0 if missing.
    """

    read: LiteralString
    find: LiteralString
    create: LiteralString
    delete: LiteralString


_TARGET: Final = "n.key, n.content_hash, n.id, n.name, n.text, n.state"
_NUMBERS: Final = "[f IN $features | n[f]]"
_SET: Final = "SET n += row.properties, n.run_id = $run_id"
_SET_NEW_TARGET: Final = f"{_SET}, n.state = row.state"
_SET_TARGET: Final = (
    "SET n += $cleared, n += row.properties, n.run_id = $run_id, "
    "n.state = CASE WHEN row.state = 'group' OR n.state IS NULL OR n.state = 'group' THEN row.state ELSE n.state END"
)


def _node_statements(
    label: LiteralString, columns: LiteralString, created: LiteralString, updated: LiteralString
) -> NodeStatements:
    return NodeStatements(
        read=f"MATCH (n:Newaisle:{label} {{source: $source}}) RETURN {columns}",
        find=f"UNWIND $keys AS key MATCH (n:Newaisle {{key: key}}) WHERE n:{label} RETURN {columns}",
        create=f"UNWIND $rows AS row CREATE (n:Newaisle:{label} {{key: row.key}}) {created}",
        update=f"UNWIND $rows AS row MATCH (n:Newaisle {{key: row.key}}) {updated}",
        unlabel=f"UNWIND $rows AS row MATCH (n:Newaisle {{key: row.key}}) REMOVE n:{label}",
    )


def _edge_statements(tail: LiteralString, kind: LiteralString, head: LiteralString) -> EdgeStatements:
    """Edges between two labels; only those from any target (an empty ``tail``) have weights."""
    label, only, name, weights, weight = f":{tail}", f"WHERE a:{tail} ", "", "null", ""
    if not tail:
        label, only, name, weights, weight = "", "", "r", "collect(coalesce(r.weight, 0.0))", " {weight: row.weight}"
    to_head = f"-[{name}:{kind}]->(b:Newaisle:{head} {{source: $source}}) "
    result = f"RETURN a.key, collect(b.key), {weights}"
    return EdgeStatements(
        read=f"MATCH (a:Newaisle{label} {{source: $source}}){to_head}{result}",
        find=f"UNWIND $keys AS key MATCH (a:Newaisle {{key: key}}){to_head}{only}{result}",
        create="UNWIND $rows AS row MATCH (a:Newaisle {key: row.tail}) MATCH (b:Newaisle {key: row.head}) "
        f"CREATE (a)-[:{kind}{weight}]->(b)",
        delete=f"UNWIND $rows AS row MATCH (:Newaisle {{key: row.tail}})-[r:{kind}]->(:Newaisle {{key: row.head}}) "
        "DELETE r",
    )


NODES: Final[Mapping[NodeLabel, NodeStatements]] = {
    NodeLabel.CATEGORY: _node_statements("Category", f"{_TARGET}, n.level, {_NUMBERS}", _SET_NEW_TARGET, _SET_TARGET),
    NodeLabel.PRODUCT: _node_statements("Product", f"{_TARGET}, null, {_NUMBERS}", _SET_NEW_TARGET, _SET_TARGET),
    NodeLabel.ATTRIBUTE: _node_statements("Attribute", "n.key, n.content_hash, n.name, n.value", _SET, _SET),
}
EDGES: Final[Mapping[Relation, EdgeStatements]] = {
    Relation.CHILD_OF: _edge_statements("Category", "CHILD_OF", "Category"),
    Relation.IN_CATEGORY: _edge_statements("Product", "IN_CATEGORY", "Category"),
    Relation.HAS_ATTRIBUTE: _edge_statements("", "HAS_ATTRIBUTE", "Attribute"),
    Relation.ATTRIBUTE_CHILD_OF: _edge_statements("Attribute", "CHILD_OF", "Attribute"),
}
