"""The difference between what the store holds and what it shall hold: a pure function over records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ...display import short_repr
from ..catalog.nodes import TAXONOMY
from ..catalog.schema import Relation
from .cypher import NodeLabel
from .records import EdgeKey, NodeRecord, SourceRecords

_TARGETS = (NodeLabel.CATEGORY, NodeLabel.PRODUCT)
_CHILDREN = {Relation.CHILD_OF: NodeLabel.CATEGORY, Relation.ATTRIBUTE_CHILD_OF: NodeLabel.ATTRIBUTE}
"""Relations that the store has under one name, by the labels of their ends."""


@dataclass(frozen=True)
class Changes:
    """The difference between a source and the store, keys in ascending order; without arguments, none.

    A node that turns from a product into a category, or back, is removed and added, as is an edge with a new weight.
    ``added``, ``changed`` (content), ``moved`` (parents alone) and ``removed`` are keys of categories and products, of
    which the store has ``stored``; ``deleted`` are keys of all nodes, attributes included. ``old_edges`` include those
    of deleted nodes. ``extra_labels`` are labels of ours that somebody else has given to nodes of another kind.
    """

    stored: int
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    extra_labels: Mapping[NodeLabel, frozenset[str]] = field(default_factory=dict)
    created: Mapping[NodeLabel, dict[str, NodeRecord]] = field(
        default_factory=lambda: {label: {} for label in NodeLabel}
    )
    updated: Mapping[NodeLabel, dict[str, NodeRecord]] = field(
        default_factory=lambda: {label: {} for label in NodeLabel}
    )
    old_edges: Mapping[Relation, list[EdgeKey]] = field(default_factory=lambda: {relation: [] for relation in Relation})
    new_edges: Mapping[Relation, dict[EdgeKey, float]] = field(
        default_factory=lambda: {relation: {} for relation in Relation}
    )

    __repr__ = short_repr


def diff(stored: SourceRecords, wanted: SourceRecords) -> Changes:
    """Compare content hashes and, since somebody may have edited the store, everything that they are made of."""
    extra_labels = _extra_labels(stored, wanted)
    stored = _without(stored, extra_labels)
    created: dict[NodeLabel, dict[str, NodeRecord]] = {}
    updated: dict[NodeLabel, dict[str, NodeRecord]] = {}
    deleted = set(stored.bare & {key for nodes in wanted.nodes.values() for key in nodes})
    added: set[str] = set()
    changed: set[str] = set()
    removed: set[str] = set()
    for label, nodes in wanted.nodes.items():
        known = stored.nodes[label]
        gone = known.keys() - nodes.keys()
        deleted |= gone
        created[label] = {key: node for key, node in nodes.items() if key not in known}
        updated[label] = {key: node for key, node in nodes.items() if key in known and not _same(known[key], node)}
        if label in _TARGETS:
            removed |= gone
            added |= created[label].keys()
            changed |= {
                key
                for key, node in updated[label].items()
                if not _same(_without_level(known[key]), _without_level(node))
            }
    old_edges: dict[Relation, list[EdgeKey]] = {}
    new_edges: dict[Relation, dict[EdgeKey, float]] = {}
    moved: set[str] = set()
    for relation, edges in wanted.edges.items():
        there = stored.edges[relation]
        stale = {ends for ends, weights in there.items() if weights != edges.get(ends) or not deleted.isdisjoint(ends)}
        new_edges[relation] = {ends: weight for ends, (weight,) in edges.items() if ends in stale or ends not in there}
        old_edges[relation] = sorted(stale)
        if relation in TAXONOMY:
            moved |= {tail for tail, _ in stale ^ new_edges[relation].keys()}
    return Changes(
        stored=sum(len(stored.nodes[label]) for label in _TARGETS),
        added=tuple(sorted(added)),
        changed=tuple(sorted(changed)),
        moved=tuple(sorted(moved - changed - deleted - added)),
        removed=tuple(sorted(removed)),
        deleted=tuple(sorted(deleted)),
        extra_labels=extra_labels,
        created=created,
        updated=updated,
        old_edges=old_edges,
        new_edges=new_edges,
    )


def _extra_labels(stored: SourceRecords, wanted: SourceRecords) -> dict[NodeLabel, frozenset[str]]:
    """Nodes by a label that somebody has added: they have the one of their kind, too."""
    kinds = {key: label for label, nodes in wanted.nodes.items() for key in nodes}
    return {
        label: frozenset(
            key for key in nodes if (kind := kinds.get(key, label)) is not label and key in stored.nodes[kind]
        )
        for label, nodes in stored.nodes.items()
    }


def _without(stored: SourceRecords, extra_labels: Mapping[NodeLabel, frozenset[str]]) -> SourceRecords:
    """The same with each node once, and no edge both between categories and between attributes."""
    nodes = {
        label: {key: node for key, node in found.items() if key not in extra_labels[label]}
        for label, found in stored.nodes.items()
    }
    edges = dict(stored.edges)
    for relation, label in _CHILDREN.items():
        extra = extra_labels[label]
        edges[relation] = {ends: weights for ends, weights in edges[relation].items() if not extra.issuperset(ends)}
    return replace(stored, nodes=nodes, edges=edges)


def _same(stored: NodeRecord, wanted: NodeRecord) -> bool:
    same_group = (stored.state == "group") is (wanted.state == "group")
    return same_group and stored.properties == wanted.properties


def _without_level(node: NodeRecord) -> NodeRecord:
    return node._replace(properties={name: value for name, value in node.properties.items() if name != "level"})
