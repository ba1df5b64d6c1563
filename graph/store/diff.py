"""What has to be done so that the store holds what a source says: a pure function over rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..catalog.schema import Relation
from .cypher import NodeLabel
from .records import Stored, StoredNode
from .rows import EdgeKey, GraphRows, Row

_TARGETS = (NodeLabel.CATEGORY, NodeLabel.PRODUCT)


@dataclass(frozen=True)
class Changes:
    """The difference between a source and the store.

    A node that turns from a product into a category, or back, is removed and added. An edge with a new weight is
    removed and added. Keys stand in ascending order.

    Attributes:
        added: keys of categories (groups included) and products that the store does not have.
        changed: keys of those that the source says something else of.
        moved: keys of those that the source says the same of, but for their parents.
        removed: keys of categories and products that the source does not have.
        stored: how many categories and products the store has.
        deleted: keys of all nodes to delete, attributes included.
        created: kind -> rows of nodes to add.
        updated: kind -> rows of nodes to write again.
        old_edges: relation -> edges to remove, those of deleted nodes included.
        new_edges: relation -> edges to add, with their weights.
    """

    added: tuple[str, ...]
    changed: tuple[str, ...]
    moved: tuple[str, ...]
    removed: tuple[str, ...]
    stored: int
    deleted: tuple[str, ...]
    created: Mapping[NodeLabel, list[Row]]
    updated: Mapping[NodeLabel, list[Row]]
    old_edges: Mapping[Relation, list[EdgeKey]]
    new_edges: Mapping[Relation, dict[EdgeKey, float]]

    @property
    def edges_added(self) -> int:
        """Edges to add."""
        return sum(map(len, self.new_edges.values()))

    @property
    def edges_removed(self) -> int:
        """Edges to remove."""
        return sum(map(len, self.old_edges.values()))


def no_changes(stored: int) -> Changes:
    """Nothing to do in a source of which the store has some targets."""
    return Changes(
        added=(),
        changed=(),
        moved=(),
        removed=(),
        stored=stored,
        deleted=(),
        created={kind: [] for kind in NodeLabel},
        updated={kind: [] for kind in NodeLabel},
        old_edges={relation: [] for relation in Relation},
        new_edges={relation: {} for relation in Relation},
    )


def diff(stored: Stored, rows: GraphRows) -> Changes:
    """Compare what the store holds with what it shall hold.

    Content hashes are compared and, since somebody may have edited the store, everything that they are made of.
    """
    created: dict[NodeLabel, list[Row]] = {}
    updated: dict[NodeLabel, list[Row]] = {}
    deleted: set[str] = set()
    gone: list[str] = []
    added: list[str] = []
    changed: set[str] = set()
    for kind, wanted in rows.nodes.items():
        known = stored.nodes[kind]
        old = known.keys() - wanted.keys()
        deleted |= old
        created[kind] = [row for key, row in wanted.items() if key not in known]
        updated[kind] = [row for key, row in wanted.items() if key in known and not _is_written(known[key], row)]
        if kind in _TARGETS:
            gone += old
            added += [row["key"] for row in created[kind]]
            changed |= {row["key"] for row in updated[kind] if _says_otherwise(known[row["key"]], row)}
    old_edges: dict[Relation, list[EdgeKey]] = {}
    new_edges: dict[Relation, dict[EdgeKey, float]] = {}
    moved: set[str] = set()
    for relation, edges in rows.edges.items():
        there = stored.edges[relation]
        stale = {
            (tail, head)
            for (tail, head), weights in there.items()
            if weights != [edges.get((tail, head))] or tail in deleted or head in deleted
        }
        new_edges[relation] = {ends: weight for ends, weight in edges.items() if ends in stale or ends not in there}
        old_edges[relation] = sorted(stale)
        if relation in (Relation.CHILD_OF, Relation.IN_CATEGORY):
            moved |= {tail for tail, _ in stale ^ new_edges[relation].keys()}
    return Changes(
        added=tuple(sorted(added)),
        changed=tuple(sorted(changed)),
        moved=tuple(sorted(moved - changed - deleted - set(added))),
        removed=tuple(sorted(gone)),
        stored=sum(len(stored.nodes[kind]) for kind in _TARGETS),
        deleted=tuple(sorted(deleted)),
        created=created,
        updated=updated,
        old_edges=old_edges,
        new_edges=new_edges,
    )


def _is_written(node: StoredNode, row: Row) -> bool:
    return node.properties == row["properties"] and _same_group(node, row)


def _says_otherwise(node: StoredNode, row: Row) -> bool:
    """Whether more than the level differs, which follows from the parents of other nodes."""
    return _without_level(node.properties) != _without_level(row["properties"]) or not _same_group(node, row)


def _same_group(node: StoredNode, row: Row) -> bool:
    return (node.state == "group") is (row.get("state") == "group")


def _without_level(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if name != "level"}
