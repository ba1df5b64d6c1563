"""A known small change of a source, planned without reading the whole of it."""

from __future__ import annotations

import graphlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...display import short_repr
from ...errors import DanglingParentError, InputError, name_some
from ..catalog.build import check_parents, refuse_cycles
from ..catalog.hashing import attribute_key, edge_hash, node_hash, target_key, updated_hash
from ..catalog.nodes import TAXONOMY
from ..catalog.schema import Attribute, Node, Relation, check_source_name
from ..catalog.tables import read_nodes
from ..frames import Table
from ..ids import Id
from .cypher import CHILDREN, EDGES, NODES, USED, NodeLabel
from .diff import Changes, diff
from .records import (
    EdgeKey,
    NodeRecord,
    SourceRecords,
    attribute_record,
    check_feature_names,
    edge_records,
    label_of,
    node_records,
    target_record,
)
from .source_state import SourceState, Transaction, no_source
from .write import Planner, WritePlan

_Edges = dict[EdgeKey, list[float]]


@dataclass(frozen=True)
class GraphChanges:
    """A change of a source, made by :meth:`from_tables`; ``targets`` replace what the store has of them entirely."""

    source: str
    targets: Mapping[Id, Node]
    removed: frozenset[Id]

    __repr__ = short_repr

    @classmethod
    def from_tables(
        cls,
        categories: Table | None = None,
        attributes: Table | None = None,
        *,
        products: Table | None = None,
        removed: Iterable[Id] = (),
        source: str = "tables",
    ) -> GraphChanges:
        """Read a change from tables as :meth:`CatalogGraph.from_tables` would; parents may be in the store alone.

        Raises:
            GraphError: one id with two contents, an empty name, a reserved column name.
            InputError: missing columns, infinite features, wrong weights; an id both given and removed.
        """
        check_source_name(source)
        targets, gone = read_nodes(categories, attributes, products=products), frozenset(removed)
        both: list[object] = sorted(targets.keys() & gone, key=str)
        if both:
            raise InputError(f"The ids {name_some(both)} are given and removed in one change; do one of both.")
        return cls(source, targets, gone)


def plan_changes(changes: GraphChanges) -> Planner:
    """Plan a small change from what it names, the ancestors of what moves, and descendants whose levels change."""

    def plan(tx: Transaction, state: SourceState) -> WritePlan:
        if not state.run_id:
            raise no_source(changes.source)
        features = sorted({*state.features, *(name for node in changes.targets.values() for name in node.features)})
        check_feature_names(features)
        stored, wanted = _Change(tx, changes, features).compare()
        difference = diff(stored, wanted)
        return WritePlan(difference, _updated_hash(state.graph_hash, stored, difference), tuple(features))

    return plan


class _Change:
    def __init__(self, tx: Transaction, changes: GraphChanges, features: list[str]) -> None:
        self.tx = tx
        self.source = changes.source
        self.features = features
        self.ids = {target_key(self.source, own): own for own in changes.targets}
        self.nodes = {target_key(self.source, own): node for own, node in changes.targets.items()}
        self.touched = [*self.nodes, *sorted(target_key(self.source, own) for own in changes.removed)]
        self.targets = self.find_targets(self.touched)
        self.edges: dict[Relation, _Edges] = {
            relation: self.find_edges(relation, self.touched)
            for relation in Relation
            if relation is not Relation.ATTRIBUTE_CHILD_OF
        }

    def compare(self) -> tuple[SourceRecords, SourceRecords]:
        edges = self.wanted_edges()
        self.check_parents(edges)
        levels = self.levels(edges[Relation.CHILD_OF])
        below = self.find(NodeLabel.CATEGORY, levels.keys() - self.nodes.keys())
        used = {head for each in (self.edges, edges) for _, head in each[Relation.HAS_ATTRIBUTE]}
        attributes = self.find(NodeLabel.ATTRIBUTE, used)
        stored = {
            NodeLabel.CATEGORY: {**self.targets[NodeLabel.CATEGORY], **below},
            NodeLabel.PRODUCT: self.targets[NodeLabel.PRODUCT],
            NodeLabel.ATTRIBUTE: attributes,
        }
        wanted: dict[NodeLabel, dict[str, NodeRecord]] = {label: {} for label in NodeLabel}
        for key, node in self.nodes.items():
            label = label_of(node)
            content_hash = node_hash(key, label.lower(), node.name, node.text, node.features)
            wanted[label][key] = target_record(self.source, self.ids[key], node, content_hash, levels.get(key, 0))
        for key, record in below.items():
            moved = record._replace(properties={**record.properties, "level": levels[key]})
            wanted[NodeLabel.CATEGORY][key] = moved
        wanted[NodeLabel.ATTRIBUTE] = self.wanted_attributes(attributes)
        untouched: dict[Relation, _Edges] = {Relation.ATTRIBUTE_CHILD_OF: {}}
        return SourceRecords(stored, self.edges | untouched), SourceRecords(wanted, edges | untouched)

    def find(self, label: NodeLabel, keys: Iterable[str]) -> dict[str, NodeRecord]:
        wanted = sorted(keys)
        found = self.tx.run(NODES[label].find, keys=wanted, features=self.features) if wanted else ()
        return node_records(label, found, self.source, self.features)

    def find_targets(self, keys: Iterable[str]) -> dict[NodeLabel, dict[str, NodeRecord]]:
        wanted = list(keys)
        return {label: self.find(label, wanted) for label in (NodeLabel.CATEGORY, NodeLabel.PRODUCT)}

    def find_edges(self, relation: Relation, tails: list[str]) -> _Edges:
        return edge_records(self.tx.run(EDGES[relation].find, keys=tails, source=self.source))

    def find_children(self, keys: Iterable[str]) -> list[tuple[str, str]]:
        wanted = list(keys)
        return [(parent, child) for parent, child in self.tx.run(CHILDREN, keys=wanted)] if wanted else []

    def wanted_edges(self) -> dict[Relation, _Edges]:
        wanted: dict[Relation, _Edges] = {relation: {} for relation in self.edges}
        for key, node in self.nodes.items():
            up = wanted[Relation.IN_CATEGORY if node.product else Relation.CHILD_OF]
            up |= {(key, target_key(self.source, parent)): [1.0] for parent in node.parents}
            has = wanted[Relation.HAS_ATTRIBUTE]
            has |= {(key, self.key_of(attribute)): [weight] for attribute, weight in node.attributes.items()}
        return wanted

    def key_of(self, attribute: Attribute) -> str:
        return attribute_key(self.source, attribute.name, attribute.value)

    def check_parents(self, wanted: Mapping[Relation, _Edges]) -> None:
        heads = {head for relation in TAXONOMY for _, head in wanted[relation]}
        others = self.find_targets(heads - set(self.touched))

        def is_product(parent: Id) -> bool | None:
            key = target_key(self.source, parent)
            if key in self.nodes:
                return self.nodes[key].product
            labels = [label for label, nodes in others.items() if key in nodes]
            return labels[0] is NodeLabel.PRODUCT if labels else None

        for key, node in self.nodes.items():
            check_parents(self.ids[key], node.parents, is_product)
        leaving = [
            key
            for records in self.targets.values()
            for key in records
            if key not in self.nodes or key not in self.targets[label_of(self.nodes[key])]
        ]
        for parent, child in self.find_children(leaving):
            if child not in self.touched and child.startswith(f"{self.source}:"):
                raise DanglingParentError(
                    f"{child!r} is a child of {parent!r}, which would be gone; move or remove it in the same change."
                )

    def levels(self, wanted: _Edges) -> dict[str, int]:
        parents: dict[str, list[str]] = {key: [] for key, node in self.nodes.items() if not node.product}
        children: dict[str, list[str]] = {}
        for tail, head in wanted:
            parents[tail].append(head)
            children.setdefault(head, []).append(tail)
        self.refuse_cycles(parents)
        level = {key: _level(node) for key, node in self.targets[NodeLabel.CATEGORY].items() if key in parents}
        changed = set(parents)
        batch = [key for key in graphlib.TopologicalSorter(parents).static_order() if key in parents]
        while batch:
            up = {**self.parents_of([key for key in batch if key not in parents]), **parents}
            unknown = {head for key in batch for head in up[key]} - level.keys()
            level |= {key: _level(node) for key, node in self.find(NodeLabel.CATEGORY, unknown).items()}
            other = []
            for key in batch:
                new = 1 + min((level[head] for head in up[key] if head in level), default=-1)
                if new != level.get(key):
                    level[key] = new
                    other.append(key)
            changed |= set(other)
            below = {child for _, child in self.find_children(other)} - set(self.touched)
            stored = self.find(NodeLabel.CATEGORY, below)
            level = {key: _level(node) for key, node in stored.items()} | level
            batch = [*stored, *(child for key in other for child in children.get(key, ()))]
        return {key: level[key] for key in changed}

    def parents_of(self, keys: list[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {key: [] for key in keys}
        if keys:
            for tail, head in self.find_edges(Relation.CHILD_OF, keys):
                found[tail].append(head)
        return found

    def refuse_cycles(self, parents: Mapping[str, list[str]]) -> None:
        """Walk up from the categories that get other parents, one query per step; ``parents`` has those given."""
        before = self.edges[Relation.CHILD_OF]
        known: dict[str, list[str]] = {}
        step = {key for key, above in parents.items() if any((key, head) not in before for head in above)}
        while step:
            known |= {key: parents[key] for key in step & parents.keys()}
            known |= self.parents_of(sorted(step - parents.keys()))
            step = {head for key in step for head in known[key]} - known.keys()
        refuse_cycles(known)

    def wanted_attributes(self, stored: Mapping[str, NodeRecord]) -> dict[str, NodeRecord]:
        records = {}
        for attribute in dict.fromkeys(each for node in self.nodes.values() for each in node.attributes):
            key = self.key_of(attribute)
            content_hash = node_hash(key, "attribute", attribute.name, attribute.value, {})
            records[key] = attribute_record(self.source, attribute, content_hash)
        left = sorted(stored.keys() - records.keys())
        kept = self.tx.run(USED, keys=left, without=self.touched, source=self.source) if left else ()
        return records | {key: NodeRecord(stored[key].properties) for (key,) in kept}


def _level(node: NodeRecord) -> int:
    return int(node.properties.get("level", 0))


def _updated_hash(graph_hash: str, stored: SourceRecords, changes: Changes) -> str:
    gone, come = [], []
    for label, nodes in stored.nodes.items():
        written = changes.updated[label].keys() | set(changes.deleted)
        gone += [node.properties["content_hash"] for key, node in nodes.items() if key in written]
        for records in (changes.created[label], changes.updated[label]):
            come += [node.properties["content_hash"] for node in records.values()]
    for relation, ends in changes.old_edges.items():
        gone += [edge_hash(relation, *pair, weight) for pair in ends for weight in stored.edges[relation][pair]]
        come += [edge_hash(relation, *pair, weight) for pair, weight in changes.new_edges[relation].items()]
    return updated_hash(graph_hash, gone, come)
