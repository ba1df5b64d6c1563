"""A known small change of a source, and what it does to the store, found without reading the whole of it."""

from __future__ import annotations

import graphlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...errors import DanglingParentError, InputError, StoreError, name_some
from ..catalog.build import check_parents, refuse_cycles
from ..catalog.hashing import attribute_key, edge_hash, node_hash, target_key, updated_hash
from ..catalog.schema import Attribute, Node, Relation, check_source_name
from ..catalog.tables import read_nodes
from ..frames import Table
from ..ids import Id
from .cypher import CHILDREN, EDGES, NODES, USED, NodeLabel
from .diff import Changes, diff
from .records import Stored, StoredNode, edges_by_ends, nodes_by_key
from .rows import EdgeKey, GraphRows, Row, attribute_row, check_feature_names, target_row
from .source_state import SourceState, Transaction
from .write import Planner, WritePlan

_TREE = (Relation.CHILD_OF, Relation.IN_CATEGORY)


@dataclass(frozen=True)
class GraphChanges:
    """A change of a source. Make one with :meth:`from_tables`.

    Attributes:
        source: name of the source in the store.
        targets: id -> all that the source now says of a target or group, whether the store has it or not: what it had
            before (parents, attributes, features) and does not have here is gone.
        removed: ids of targets and groups that are gone.
    """

    source: str
    targets: Mapping[Id, Node]
    removed: frozenset[Id]

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
        """Read a change from tables as :meth:`CatalogGraph.from_tables` would; parents may stand in the store alone.

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
    """The aim of a small change: the store holds it, and all else as before.

    Reads the targets named, their edges and attributes, their ancestors where they move, and what stands below them
    where that changes its level.
    """

    def aim(tx: Transaction, head: SourceState) -> WritePlan:
        if not head.run_id:
            raise StoreError(f"The store holds no source {changes.source!r}; refresh it from its files first.")
        features = sorted({*head.features, *(name for node in changes.targets.values() for name in node.features)})
        check_feature_names(features)
        return _Change(tx, changes, features).goal(head)

    return aim


class _Change:
    """A change beside what the store holds of the nodes that it touches."""

    def __init__(self, tx: Transaction, changes: GraphChanges, features: list[str]) -> None:
        self.tx = tx
        self.source = changes.source
        self.features = features
        self.nodes = {target_key(self.source, own): (own, node) for own, node in changes.targets.items()}
        self.removed = {target_key(self.source, own) for own in changes.removed}
        self.touched = [*self.nodes, *sorted(self.removed)]
        self.stored = self.find_targets(self.touched)
        self.edges: dict[Relation, dict[EdgeKey, list[float]]] = {
            relation: edges_by_ends(tx.run(EDGES[relation].find, keys=self.touched, source=self.source))
            for relation in Relation
            if relation is not Relation.ATTRIBUTE_CHILD_OF
        }

    def goal(self, head: SourceState) -> WritePlan:
        wanted = self.wanted_edges()
        self.check_parents(wanted)
        levels = self.levels(wanted[Relation.CHILD_OF])
        below = self.find_targets([key for key in levels if key not in self.nodes])
        used = {end for _, end in self.edges[Relation.HAS_ATTRIBUTE]} | {
            end for _, end in wanted[Relation.HAS_ATTRIBUTE]
        }
        known = self.find(NodeLabel.ATTRIBUTE, used)
        stored = Stored(
            {kind: {**self.stored[kind], **below[kind]} for kind in (NodeLabel.CATEGORY, NodeLabel.PRODUCT)}
            | {NodeLabel.ATTRIBUTE: known},
            {**self.edges, Relation.ATTRIBUTE_CHILD_OF: {}},
        )
        rows = GraphRows(
            {
                **self.wanted_targets(levels, below),
                NodeLabel.ATTRIBUTE: self.wanted_attributes(known),
            },
            {**wanted, Relation.ATTRIBUTE_CHILD_OF: {}},
            tuple(self.features),
        )
        changes = diff(stored, rows)
        return WritePlan(changes, _updated(head.graph_hash, stored, changes), tuple(self.features))

    def find(self, kind: NodeLabel, keys: Iterable[str]) -> dict[str, StoredNode]:
        wanted = sorted(keys)
        found = self.tx.run(NODES[kind].find, keys=wanted, features=self.features) if wanted else ()
        return nodes_by_key(kind, found, self.source, self.features)

    def find_targets(self, keys: Iterable[str]) -> dict[NodeLabel, dict[str, StoredNode]]:
        wanted = list(keys)
        return {kind: self.find(kind, wanted) for kind in (NodeLabel.CATEGORY, NodeLabel.PRODUCT)}

    def wanted_edges(self) -> dict[Relation, dict[EdgeKey, float]]:
        wanted: dict[Relation, dict[EdgeKey, float]] = {relation: {} for relation in self.edges}
        for key, (_, node) in self.nodes.items():
            up = wanted[Relation.IN_CATEGORY if node.product else Relation.CHILD_OF]
            up |= {(key, target_key(self.source, parent)): 1.0 for parent in node.parents}
            wanted[Relation.HAS_ATTRIBUTE] |= {
                (key, self.key_of(attribute)): weight for attribute, weight in node.attributes.items()
            }
        return wanted

    def key_of(self, attribute: Attribute) -> str:
        return attribute_key(self.source, attribute.name, attribute.value)

    def check_parents(self, wanted: Mapping[Relation, Mapping[EdgeKey, float]]) -> None:
        """See that every parent is a category that stays."""
        heads = {head for relation in _TREE for _, head in wanted[relation]}
        others = self.find_targets(heads - set(self.touched))

        def is_product(parent: Id) -> bool | None:
            above = target_key(self.source, parent)
            if above in self.nodes:
                return self.nodes[above][1].product
            kept = [kind for kind, nodes in others.items() if above in nodes]
            return kept[0] is NodeLabel.PRODUCT if kept else None

        for own, node in self.nodes.values():
            check_parents(own, node.parents, is_product)
        leaving = [
            key
            for kind, nodes in self.stored.items()
            for key in nodes
            if key not in self.nodes or self.nodes[key][1].product is not (kind is NodeLabel.PRODUCT)
        ]
        for above, child in self.tx.run(CHILDREN, keys=leaving) if leaving else ():
            if child not in self.touched and child.startswith(f"{self.source}:"):
                raise DanglingParentError(
                    f"{child!r} stands below {above!r}, which would be gone; move or remove it in the same change."
                )

    def levels(self, wanted: Mapping[EdgeKey, float]) -> dict[str, int]:
        """The levels of the categories given, and of all others whose level changes with them."""
        parents: dict[str, list[str]] = {key: [] for key, (_, node) in self.nodes.items() if not node.product}
        children: dict[str, list[str]] = {}
        for tail, head in wanted:
            parents[tail].append(head)
            children.setdefault(head, []).append(tail)
        self.refuse_cycles(parents)
        level = {key: _level(node) for key, node in self.stored[NodeLabel.CATEGORY].items() if key in parents}
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
            below = {child for _, child in self.tx.run(CHILDREN, keys=other)} - set(self.touched) if other else set()
            stored = self.find(NodeLabel.CATEGORY, below)
            level = {key: _level(node) for key, node in stored.items()} | level
            batch = [*stored, *(child for key in other for child in children.get(key, ()))]
        return {key: level[key] for key in changed}

    def parents_of(self, keys: list[str]) -> dict[str, list[str]]:
        """The parents of categories that the change does not name."""
        found: dict[str, list[str]] = {key: [] for key in keys}
        if keys:
            for tail, head in edges_by_ends(self.tx.run(EDGES[Relation.CHILD_OF].find, keys=keys, source=self.source)):
                found[tail].append(head)
        return found

    def refuse_cycles(self, parents: Mapping[str, list[str]]) -> None:
        """Walk up from the categories that get other parents, whose own parents are given."""
        before = self.edges[Relation.CHILD_OF]
        known: dict[str, list[str]] = {}
        frontier = {key for key, above in parents.items() if any((key, head) not in before for head in above)}
        while frontier:
            known |= {key: parents[key] for key in frontier & parents.keys()}
            known |= self.parents_of(sorted(frontier - parents.keys()))
            frontier = {head for key in frontier for head in known[key]} - known.keys()
        refuse_cycles(known)

    def wanted_targets(
        self, levels: Mapping[str, int], below: Mapping[NodeLabel, Mapping[str, StoredNode]]
    ) -> dict[NodeLabel, dict[str, Row]]:
        rows: dict[NodeLabel, dict[str, Row]] = {NodeLabel.CATEGORY: {}, NodeLabel.PRODUCT: {}}
        for key, (own, node) in self.nodes.items():
            kind = NodeLabel.PRODUCT if node.product else NodeLabel.CATEGORY
            content_hash = node_hash(key, kind.value.lower(), node.name, node.text, node.features)
            rows[kind][key] = target_row(
                self.source,
                own,
                node.name,
                node.text,
                content_hash,
                node.features,
                level=None if node.product else levels[key],
                group=node.group,
            )
        for key, (properties, state) in below[NodeLabel.CATEGORY].items():
            rows[NodeLabel.CATEGORY][key] = {
                "key": key,
                "properties": {**properties, "level": levels[key]},
                "state": state,
            }
        return rows

    def wanted_attributes(self, known: Mapping[str, StoredNode]) -> dict[str, Row]:
        rows: dict[str, Row] = {}
        for _, node in self.nodes.values():
            for attribute in node.attributes:
                key = self.key_of(attribute)
                rows[key] = attribute_row(
                    self.source, attribute, node_hash(key, "attribute", attribute.name, attribute.value, {})
                )
        left = sorted(known.keys() - rows.keys())
        kept = self.tx.run(USED, keys=left, without=self.touched, source=self.source) if left else ()
        for (key,) in kept:
            rows[key] = {"key": key, "properties": known[key].properties}
        return rows


def _level(node: StoredNode) -> int:
    return int(node.properties.get("level", 0))


def _updated(graph_hash: str, stored: Stored, changes: Changes) -> str:
    """The graph hash after the changes."""
    gone, come = [], []
    for kind, nodes in stored.nodes.items():
        written = {row["key"] for row in changes.updated[kind]} | set(changes.deleted)
        gone += [node.properties["content_hash"] for key, node in nodes.items() if key in written]
        come += [row["properties"]["content_hash"] for part in (changes.created, changes.updated) for row in part[kind]]
    for relation, ends in changes.old_edges.items():
        gone += [edge_hash(relation, *pair, weight) for pair in ends for weight in stored.edges[relation][pair]]
        come += [edge_hash(relation, *pair, weight) for pair, weight in changes.new_edges[relation].items()]
    return updated_hash(graph_hash, gone, come)
