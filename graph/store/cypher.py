"""Every Cypher statement of the store, as constants: values go in as parameters, never as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, LiteralString

from ..catalog.schema import Relation

UNIQUE_KEY: Final = "CREATE CONSTRAINT newaisle_key IF NOT EXISTS FOR (n:Newaisle) REQUIRE n.key IS UNIQUE"

SCHEMA: Final = 1
"""Version of the schema of nodes and edges; a store that has another one is not touched."""

LOCK_HEAD: Final = (
    "MATCH (h:Newaisle {key: $key}) SET h.lock = $run_id "
    "RETURN h.schema AS schema, h.graph_hash AS graph_hash, h.features AS features, h.run_id AS run_id, "
    "h.model_hash AS model_hash"
)
"""Writing a property takes the lock that a second refresh of the source then waits for."""
MAKE_HEAD: Final = (
    "MERGE (h:Newaisle:Refresh {key: $key}) ON CREATE SET h.source = $source, h.schema = $schema, h.lock = $run_id"
)
ADVANCE_HEAD: Final = "MATCH (h:Newaisle {key: $key}) SET h += $properties REMOVE h.lock"
READ_HEAD: Final = (
    "MATCH (h:Newaisle {key: $key}) "
    "RETURN h.schema AS schema, h.graph_hash AS graph_hash, h.features AS features, h.run_id AS run_id, "
    "h.model_hash AS model_hash"
)
READ_SOURCES: Final = "MATCH (h:Newaisle:Refresh) RETURN DISTINCT h.source AS source ORDER BY source"
OTHER_SCHEMAS: Final = (
    "MATCH (h:Newaisle:Refresh) WHERE h.schema IS NULL OR h.schema <> $schema "
    "RETURN h.source AS source, h.schema AS schema LIMIT 1"
)

END_BLOCKED: Final = (
    "SHOW TRANSACTIONS YIELD transactionId AS id, metaData, status "
    "WHERE metaData.newaisle_run = $run_id AND status STARTS WITH 'Blocked' "
    "TERMINATE TRANSACTIONS id YIELD message RETURN message"
)
"""Ends the own transaction where it still waits for a lock; Neo4j only."""

CHILDREN: Final = (
    "UNWIND $keys AS key MATCH (b:Newaisle {key: key})<-[:CHILD_OF|IN_CATEGORY]-(a:Newaisle) "
    "WHERE NOT a:Attribute RETURN b.key, a.key"
)
"""What stands directly below the nodes with ``$keys``."""
USED: Final = (
    "UNWIND $keys AS key MATCH (b:Newaisle {key: key}) "
    "WHERE EXISTS { MATCH (b)<-[:HAS_ATTRIBUTE]-(a:Newaisle {source: $source}) WHERE NOT a.key IN $without } "
    "OR EXISTS { MATCH (b)-[:CHILD_OF]-(c:Newaisle:Attribute {source: $source}) } RETURN b.key"
)
"""Which of the attributes with ``$keys`` others than the targets ``$without`` need."""

WRITE_FORESEEN: Final = "UNWIND $rows AS row MATCH (n:Newaisle {key: row.key}) SET n += row.properties"
"""What a model says of targets; what is null in ``properties`` is removed."""
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

DELETE_NODES: Final = "UNWIND $rows AS row MATCH (n:Newaisle {key: row.key}) DETACH DELETE n"


class NodeLabel(StrEnum):
    """The kinds of nodes that a source owns; the values are their labels."""

    CATEGORY = "Category"
    PRODUCT = "Product"
    ATTRIBUTE = "Attribute"


@dataclass(frozen=True)
class NodeStatements:
    """What can be asked and done about the nodes of one kind.

    Attributes:
        read: every node of ``$source``, with the values of ``$features``.
        find: the same of the nodes with one of ``$keys``.
        create: adds ``$rows``. CREATE, because every MERGE on two labels scans all nodes in ArcadeDB; the unique key
            and the keys read before in the same transaction give the same guarantee.
        update: sets ``$rows`` on nodes that exist, after the properties named in ``$cleared``.
    """

    read: LiteralString
    find: LiteralString
    create: LiteralString
    update: LiteralString


@dataclass(frozen=True)
class EdgeStatements:
    """What can be asked and done about the edges of one relation.

    Attributes:
        read: for every tail of ``$source`` its key, the keys of its heads and the weights of these edges, which are
            null where a relation has none; a weight that is missing in the store reads as 0.
        find: the same of the tails with one of ``$keys``.
        create: adds ``$rows``.
        delete: removes the edges between the ends named in ``$rows``.
    """

    read: LiteralString
    find: LiteralString
    create: LiteralString
    delete: LiteralString


NODES: Final[Mapping[NodeLabel, NodeStatements]] = MappingProxyType(
    {
        NodeLabel.CATEGORY: NodeStatements(
            read="MATCH (n:Newaisle:Category {source: $source}) "
            "RETURN n.key, n.content_hash, n.id, n.name, n.text, n.state, n.level, [f IN $features | n[f]]",
            find="UNWIND $keys AS key MATCH (n:Newaisle {key: key}) WHERE n:Category "
            "RETURN n.key, n.content_hash, n.id, n.name, n.text, n.state, n.level, [f IN $features | n[f]]",
            create="UNWIND $rows AS row CREATE (n:Newaisle:Category {key: row.key}) "
            "SET n += row.properties, n.run_id = $run_id, n.state = row.state",
            update="UNWIND $rows AS row MATCH (n:Newaisle {key: row.key}) "
            "SET n += $cleared, n += row.properties, n.run_id = $run_id, "
            "n.state = CASE WHEN row.state = 'group' OR n.state IS NULL OR n.state = 'group' "
            "THEN row.state ELSE n.state END",
        ),
        NodeLabel.PRODUCT: NodeStatements(
            read="MATCH (n:Newaisle:Product {source: $source}) "
            "RETURN n.key, n.content_hash, n.id, n.name, n.text, n.state, null, [f IN $features | n[f]]",
            find="UNWIND $keys AS key MATCH (n:Newaisle {key: key}) WHERE n:Product "
            "RETURN n.key, n.content_hash, n.id, n.name, n.text, n.state, null, [f IN $features | n[f]]",
            create="UNWIND $rows AS row CREATE (n:Newaisle:Product {key: row.key}) "
            "SET n += row.properties, n.run_id = $run_id, n.state = row.state",
            update="UNWIND $rows AS row MATCH (n:Newaisle {key: row.key}) "
            "SET n += $cleared, n += row.properties, n.run_id = $run_id, "
            "n.state = CASE WHEN row.state = 'group' OR n.state IS NULL OR n.state = 'group' "
            "THEN row.state ELSE n.state END",
        ),
        NodeLabel.ATTRIBUTE: NodeStatements(
            read="MATCH (n:Newaisle:Attribute {source: $source}) RETURN n.key, n.content_hash, n.name, n.value",
            find="UNWIND $keys AS key MATCH (n:Newaisle {key: key}) WHERE n:Attribute "
            "RETURN n.key, n.content_hash, n.name, n.value",
            create="UNWIND $rows AS row CREATE (n:Newaisle:Attribute {key: row.key}) "
            "SET n += row.properties, n.run_id = $run_id",
            update="UNWIND $rows AS row MATCH (n:Newaisle {key: row.key}) SET n += row.properties, n.run_id = $run_id",
        ),
    }
)

EDGES: Final[Mapping[Relation, EdgeStatements]] = MappingProxyType(
    {
        Relation.CHILD_OF: EdgeStatements(
            read="MATCH (a:Newaisle:Category {source: $source})-[:CHILD_OF]->(b:Newaisle:Category {source: $source}) "
            "RETURN a.key, collect(b.key), null",
            find="UNWIND $keys AS key MATCH (a:Newaisle {key: key})"
            "-[:CHILD_OF]->(b:Newaisle:Category {source: $source}) WHERE a:Category "
            "RETURN a.key, collect(b.key), null",
            create="UNWIND $rows AS row MATCH (a:Newaisle {key: row.tail}) MATCH (b:Newaisle {key: row.head}) "
            "CREATE (a)-[:CHILD_OF]->(b)",
            delete="UNWIND $rows AS row "
            "MATCH (:Newaisle {key: row.tail})-[r:CHILD_OF]->(:Newaisle {key: row.head}) DELETE r",
        ),
        Relation.IN_CATEGORY: EdgeStatements(
            read="MATCH (a:Newaisle:Product {source: $source})-[:IN_CATEGORY]->(b:Newaisle:Category {source: $source}) "
            "RETURN a.key, collect(b.key), null",
            find="UNWIND $keys AS key MATCH (a:Newaisle {key: key})"
            "-[:IN_CATEGORY]->(b:Newaisle:Category {source: $source}) WHERE a:Product "
            "RETURN a.key, collect(b.key), null",
            create="UNWIND $rows AS row MATCH (a:Newaisle {key: row.tail}) MATCH (b:Newaisle {key: row.head}) "
            "CREATE (a)-[:IN_CATEGORY]->(b)",
            delete="UNWIND $rows AS row "
            "MATCH (:Newaisle {key: row.tail})-[r:IN_CATEGORY]->(:Newaisle {key: row.head}) DELETE r",
        ),
        Relation.HAS_ATTRIBUTE: EdgeStatements(
            read="MATCH (a:Newaisle {source: $source})-[r:HAS_ATTRIBUTE]->(b:Newaisle:Attribute {source: $source}) "
            "RETURN a.key, collect(b.key), collect(coalesce(r.weight, 0.0))",
            find="UNWIND $keys AS key MATCH (a:Newaisle {key: key})"
            "-[r:HAS_ATTRIBUTE]->(b:Newaisle:Attribute {source: $source}) "
            "RETURN a.key, collect(b.key), collect(coalesce(r.weight, 0.0))",
            create="UNWIND $rows AS row MATCH (a:Newaisle {key: row.tail}) MATCH (b:Newaisle {key: row.head}) "
            "CREATE (a)-[:HAS_ATTRIBUTE {weight: row.weight}]->(b)",
            delete="UNWIND $rows AS row "
            "MATCH (:Newaisle {key: row.tail})-[r:HAS_ATTRIBUTE]->(:Newaisle {key: row.head}) DELETE r",
        ),
        Relation.ATTRIBUTE_CHILD_OF: EdgeStatements(
            read="MATCH (a:Newaisle:Attribute {source: $source})-[:CHILD_OF]->(b:Newaisle:Attribute {source: $source}) "
            "RETURN a.key, collect(b.key), null",
            find="UNWIND $keys AS key MATCH (a:Newaisle {key: key})"
            "-[:CHILD_OF]->(b:Newaisle:Attribute {source: $source}) WHERE a:Attribute "
            "RETURN a.key, collect(b.key), null",
            create="UNWIND $rows AS row MATCH (a:Newaisle {key: row.tail}) MATCH (b:Newaisle {key: row.head}) "
            "CREATE (a)-[:CHILD_OF]->(b)",
            delete="UNWIND $rows AS row "
            "MATCH (:Newaisle {key: row.tail})-[r:CHILD_OF]->(:Newaisle {key: row.head}) DELETE r",
        ),
    }
)
