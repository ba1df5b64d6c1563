"""A source's nodes and edges in the store, read back as a catalog graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, LiteralString

import neo4j

from .build import Node, assemble_graph
from .catalog import Attribute, CatalogGraph, Relation
from .cypher import EDGES, NODES, READ_HEAD, Kind
from .errors import InputError, StoreError
from .ids import Id, Ids
from .rows import head_key


def read_graph(tx: neo4j.ManagedTransaction, source: str) -> CatalogGraph:
    """Read a whole source and check it against the hash that was stored with it.

    Raises:
        StoreError: the source is not in the store, or its nodes or edges are not those that were written.
    """
    head = tx.run(READ_HEAD, key=head_key(source)).single()
    if head is None:
        raise StoreError(f"The store holds no source {source!r}; refresh it from its files first.")
    try:
        graph = _assemble(tx, source, list(head[1] or ()))
    except (InputError, KeyError) as error:
        raise _changed(source) from error
    if graph.content_hash != head[0]:
        raise _changed(source)
    return graph


def _changed(source: str) -> StoreError:
    return StoreError(
        f"The graph of source {source!r} in the store is not the one that was written (somebody changed its nodes "
        "or edges); refresh it from its files."
    )


def _assemble(tx: neo4j.ManagedTransaction, source: str, features: list[str]) -> CatalogGraph:
    nodes: dict[Id, Node] = {}
    own: dict[str, Id] = {}
    for kind in (Kind.CATEGORY, Kind.PRODUCT):
        for key, own_id, name, text, state, values in _whole(tx, NODES[kind].read, source, features=features):
            own[key] = own_id
            nodes[own_id] = Node(
                name=name,
                text=text,
                product=kind is Kind.PRODUCT,
                group=state == "group",
                parents=[],
                attributes={},
                features={feature: v for feature, v in zip(features, values, strict=True) if v is not None},
            )
    attributes = {key: Attribute(name, value) for key, name, value in _whole(tx, NODES[Kind.ATTRIBUTE].read, source)}
    attribute_parents = _read_edges(tx, source, nodes, own, attributes)
    return assemble_graph(source, Ids.of(nodes, "target"), nodes, attribute_parents, attributes=attributes.values())


def _read_edges(
    tx: neo4j.ManagedTransaction,
    source: str,
    nodes: Mapping[Id, Node],
    own: Mapping[str, Id],
    attributes: Mapping[str, Attribute],
) -> dict[Attribute, list[Attribute]]:
    """Put parents and attributes into ``nodes``; return the hierarchy over attributes."""
    for relation in (Relation.CHILD_OF, Relation.IN_CATEGORY):
        for tail, head, _ in _whole(tx, EDGES[relation].read, source):
            nodes[own[tail]].parents.append(own[head])
    for tail, head, weight in _whole(tx, EDGES[Relation.HAS_ATTRIBUTE].read, source):
        nodes[own[tail]].attributes[attributes[head]] = weight
    above: dict[Attribute, list[Attribute]] = {}
    for tail, head, _ in _whole(tx, EDGES[Relation.ATTRIBUTE_CHILD_OF].read, source):
        above.setdefault(attributes[tail], []).append(attributes[head])
    return above


def _whole(
    tx: neo4j.ManagedTransaction, statement: LiteralString, source: str, **parameters: Any
) -> Iterator[tuple[Any, ...]]:
    """The rows of one statement, none of which may miss a value."""
    for record in tx.run(statement, source=source, **parameters):
        row = tuple(record.values())
        if None in row:
            raise _changed(source)
        yield row
