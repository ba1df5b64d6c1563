"""Every Cypher statement of the store, as constants: values go in as parameters, never as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, LiteralString

from .catalog import Relation

UNIQUE_KEY: Final = "CREATE CONSTRAINT newaisle_key IF NOT EXISTS FOR (n:Newaisle) REQUIRE n.key IS UNIQUE"

READ_HEAD: Final = "MATCH (h:Newaisle:Refresh {key: $key}) RETURN h.graph_hash, h.features"
WRITE_HEAD: Final = "MERGE (h:Newaisle:Refresh {key: $key}) SET h += $properties"
READ_SOURCES: Final = "MATCH (h:Newaisle:Refresh) RETURN DISTINCT h.source AS source ORDER BY source"

DELETE_NODES: Final = "UNWIND $rows AS row MATCH (n:Newaisle {key: row.key}) DETACH DELETE n"


class Kind(StrEnum):
    """The kinds of nodes that a source owns; the values are their labels."""

    CATEGORY = "Category"
    PRODUCT = "Product"
    ATTRIBUTE = "Attribute"


@dataclass(frozen=True)
class NodeStatements:
    """What can be asked and done about the nodes of one kind.

    Attributes:
        hashes: the key and content hash of every node of ``$source``.
        create: adds ``$rows``. CREATE, because every MERGE on two labels scans all nodes in ArcadeDB; the unique key
            and the keys read before in the same transaction give the same guarantee.
        update: sets ``$rows`` on nodes that exist, after the properties named in ``$cleared``.
        read: every node of ``$source`` for a snapshot, with the values of ``$features``.
    """

    hashes: LiteralString
    create: LiteralString
    update: LiteralString
    read: LiteralString


@dataclass(frozen=True)
class EdgeStatements:
    """What can be asked and done about the edges of one relation.

    Attributes:
        read: tail key, head key and weight of every edge of ``$source``.
        create: adds ``$rows``.
        delete: removes the edges between the ends named in ``$rows``.
    """

    read: LiteralString
    create: LiteralString
    delete: LiteralString


NODES: Final[Mapping[Kind, NodeStatements]] = MappingProxyType(
    {
        Kind.CATEGORY: NodeStatements(
            hashes="MATCH (n:Newaisle:Category {source: $source}) RETURN n.key, n.content_hash",
            create="UNWIND $rows AS row CREATE (n:Newaisle:Category {key: row.key}) "
            "SET n += row.properties, n.run_id = $run_id, n.state = row.state",
            update="UNWIND $rows AS row MATCH (n:Newaisle {key: row.key}) "
            "SET n += $cleared, n += row.properties, n.run_id = $run_id, "
            "n.state = CASE WHEN row.state = 'group' OR n.state IS NULL OR n.state = 'group' "
            "THEN row.state ELSE n.state END",
            read="MATCH (n:Newaisle:Category {source: $source}) "
            "RETURN n.key, n.id, n.name, n.text, n.state, [f IN $features | n[f]]",
        ),
        Kind.PRODUCT: NodeStatements(
            hashes="MATCH (n:Newaisle:Product {source: $source}) RETURN n.key, n.content_hash",
            create="UNWIND $rows AS row CREATE (n:Newaisle:Product {key: row.key}) "
            "SET n += row.properties, n.run_id = $run_id, n.state = row.state",
            update="UNWIND $rows AS row MATCH (n:Newaisle {key: row.key}) "
            "SET n += $cleared, n += row.properties, n.run_id = $run_id, "
            "n.state = CASE WHEN row.state = 'group' OR n.state IS NULL OR n.state = 'group' "
            "THEN row.state ELSE n.state END",
            read="MATCH (n:Newaisle:Product {source: $source}) "
            "RETURN n.key, n.id, n.name, n.text, n.state, [f IN $features | n[f]]",
        ),
        Kind.ATTRIBUTE: NodeStatements(
            hashes="MATCH (n:Newaisle:Attribute {source: $source}) RETURN n.key, n.content_hash",
            create="UNWIND $rows AS row CREATE (n:Newaisle:Attribute {key: row.key}) "
            "SET n += row.properties, n.run_id = $run_id",
            update="UNWIND $rows AS row MATCH (n:Newaisle {key: row.key}) SET n += row.properties, n.run_id = $run_id",
            read="MATCH (n:Newaisle:Attribute {source: $source}) RETURN n.key, n.name, n.value",
        ),
    }
)

EDGES: Final[Mapping[Relation, EdgeStatements]] = MappingProxyType(
    {
        Relation.CHILD_OF: EdgeStatements(
            read="MATCH (a:Newaisle:Category {source: $source})-[:CHILD_OF]->(b:Newaisle:Category {source: $source}) "
            "RETURN a.key, b.key, 1.0",
            create="UNWIND $rows AS row MATCH (a:Newaisle {key: row.tail}) MATCH (b:Newaisle {key: row.head}) "
            "CREATE (a)-[:CHILD_OF]->(b)",
            delete="UNWIND $rows AS row "
            "MATCH (:Newaisle {key: row.tail})-[r:CHILD_OF]->(:Newaisle {key: row.head}) DELETE r",
        ),
        Relation.IN_CATEGORY: EdgeStatements(
            read="MATCH (a:Newaisle:Product {source: $source})-[:IN_CATEGORY]->(b:Newaisle:Category {source: $source}) "
            "RETURN a.key, b.key, 1.0",
            create="UNWIND $rows AS row MATCH (a:Newaisle {key: row.tail}) MATCH (b:Newaisle {key: row.head}) "
            "CREATE (a)-[:IN_CATEGORY]->(b)",
            delete="UNWIND $rows AS row "
            "MATCH (:Newaisle {key: row.tail})-[r:IN_CATEGORY]->(:Newaisle {key: row.head}) DELETE r",
        ),
        Relation.HAS_ATTRIBUTE: EdgeStatements(
            read="MATCH (a:Newaisle {source: $source})-[r:HAS_ATTRIBUTE]->(b:Newaisle:Attribute {source: $source}) "
            "RETURN a.key, b.key, r.weight",
            create="UNWIND $rows AS row MATCH (a:Newaisle {key: row.tail}) MATCH (b:Newaisle {key: row.head}) "
            "CREATE (a)-[:HAS_ATTRIBUTE {weight: row.weight}]->(b)",
            delete="UNWIND $rows AS row "
            "MATCH (:Newaisle {key: row.tail})-[r:HAS_ATTRIBUTE]->(:Newaisle {key: row.head}) DELETE r",
        ),
        Relation.ATTRIBUTE_CHILD_OF: EdgeStatements(
            read="MATCH (a:Newaisle:Attribute {source: $source})-[:CHILD_OF]->(b:Newaisle:Attribute {source: $source}) "
            "RETURN a.key, b.key, 1.0",
            create="UNWIND $rows AS row MATCH (a:Newaisle {key: row.tail}) MATCH (b:Newaisle {key: row.head}) "
            "CREATE (a)-[:CHILD_OF]->(b)",
            delete="UNWIND $rows AS row "
            "MATCH (:Newaisle {key: row.tail})-[r:CHILD_OF]->(:Newaisle {key: row.head}) DELETE r",
        ),
    }
)
