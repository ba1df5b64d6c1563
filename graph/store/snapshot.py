"""A source's nodes and edges in the store, read back as a catalog graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import neo4j

from ...errors import StoreError
from ..catalog.graph import CatalogGraph
from ..catalog.schema import Attribute, Node, Relation
from ..ids import Id
from .cypher import NodeLabel
from .records import SourceRecords, read_records
from .source_state import SourceState, no_source, read_state

TRIES = 10

_T = TypeVar("_T")


def read_settled(
    session: neo4j.Session, source: str, work: Callable[[neo4j.ManagedTransaction, SourceState], _T]
) -> _T:
    """Read in several statements what no refresh changes meanwhile: compare the state, which every refresh sets."""
    for _ in range(TRIES):
        state = session.execute_read(read_state, source)
        found: _T | StoreError
        try:
            found = session.execute_read(work, state)
        except StoreError as error:
            found = error
        if session.execute_read(read_state, source) != state:
            continue
        if isinstance(found, StoreError):
            raise found
        return found
    raise StoreError(f"Source {source!r} was refreshed during each of {TRIES} tries to read it; try again later.")


def read_graph(tx: neo4j.ManagedTransaction, state: SourceState, source: str) -> CatalogGraph:
    """Read a whole source; :class:`StoreError` where it is missing or does not have the hash stored with it."""
    if not state.run_id:
        raise no_source(source)
    try:
        graph = _assemble(read_records(tx, source, state.features), source, state.features)
        intact = graph.content_hash == state.graph_hash
    except (ValueError, KeyError, TypeError, AttributeError):  # missing values, or values of other types
        intact = False
    if not intact:
        raise StoreError(
            f"The graph of source {source!r} in the store is not the one that was written (somebody changed its nodes "
            "or edges); refresh it from its files."
        )
    return graph


def _assemble(stored: SourceRecords, source: str, features: tuple[str, ...]) -> CatalogGraph:
    nodes: dict[Id, Node] = {}
    own: dict[str, Id] = {}
    for label in (NodeLabel.CATEGORY, NodeLabel.PRODUCT):
        for key, (values, node_state) in stored.nodes[label].items():
            own[key] = values["id"]
            nodes[own[key]] = Node(
                name=values["name"],
                text=values["text"],
                product=label is NodeLabel.PRODUCT,
                group=node_state == "group",
                parents=[],
                attributes={},
                features={name: values[name] for name in features if name in values},
            )
    attributes = {
        key: Attribute(node.properties["name"], node.properties["value"])
        for key, node in stored.nodes[NodeLabel.ATTRIBUTE].items()
    }
    for relation in (Relation.CHILD_OF, Relation.IN_CATEGORY):
        for tail, head in _single(stored, relation):
            nodes[own[tail]].parents.append(own[head])
    for (tail, head), weight in _single(stored, Relation.HAS_ATTRIBUTE).items():
        nodes[own[tail]].attributes[attributes[head]] = weight
    above: dict[Attribute, list[Attribute]] = {}
    for tail, head in _single(stored, Relation.ATTRIBUTE_CHILD_OF):
        above.setdefault(attributes[tail], []).append(attributes[head])
    known = any(node.group for node in nodes.values())
    return CatalogGraph.from_nodes(source, nodes, above, attributes=attributes.values(), groups_known=known)


def _single(stored: SourceRecords, relation: Relation) -> dict[tuple[str, str], float]:
    found = {}
    for ends, weights in stored.edges[relation].items():
        (found[ends],) = weights
    return found
