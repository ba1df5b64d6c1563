"""Whether the store holds a graph exactly: the fast check with which most refreshes end.

Every value is compared, as one list of texts per label: fetching records and hashing would take most of the time.
"""

from __future__ import annotations

from typing import Any, Final, LiteralString

from ..catalog.graph import CatalogGraph
from ..catalog.schema import Relation
from .cypher import NodeLabel
from .source_state import SourceState, Transaction

SEPARATOR: Final = "\x1f"
WEIGHT: Final = "\x1e"
"""Both are white space to the cleaning of names, texts and values, so that none of them holds one."""

# an id is written as a number plus 0, or as a text with a 0 behind it, so that 1 and "1" differ; a missing value makes
# the whole text null, and collect leaves it out
_TARGET: Final = (
    "RETURN collect(n.key + $s + toString(n.id + 0) + $s + n.name + $s + n.text + $s + "
    "CASE WHEN n.state = 'group' THEN 'group' ELSE '' END + $s"
)
_ATTRIBUTES: Final = (
    " + reduce(text = '', head IN [(n)-[r:HAS_ATTRIBUTE]->(b:Newaisle) | b.key"
    " + CASE r.weight WHEN 1.0 THEN '' ELSE $w + coalesce(toString(r.weight), '') END] | text + $s + head)"
)
_PARENTS: Final = " + reduce(text = '', head IN [(n)-[:CHILD_OF]->(b:Newaisle) | b.key] | text + $s + head)"
_CATEGORIES: Final = " + reduce(text = '', head IN [(n)-[:IN_CATEGORY]->(b:Newaisle) | b.key] | text + $s + head)"
TEXTS: Final[dict[NodeLabel, LiteralString]] = {
    NodeLabel.CATEGORY: f"MATCH (n:Newaisle:Category {{source: $source}}) {_TARGET} + toString(n.level)"
    f"{_PARENTS}{_ATTRIBUTES}), count(n)",
    NodeLabel.PRODUCT: f"MATCH (n:Newaisle:Product {{source: $source}}) {_TARGET}{_CATEGORIES}{_ATTRIBUTES}), count(n)",
    NodeLabel.ATTRIBUTE: "MATCH (n:Newaisle:Attribute {source: $source}) "
    f"RETURN collect(n.key + $s + n.name + $s + n.value{_PARENTS}), count(n)",
}
"""For each label the values of every node, and then the keys at the heads of its edges in any order."""
_FEATURES: Final = "RETURN collect([n.key, [f IN $features | n[f]]])"
FEATURE_VALUES: Final[dict[NodeLabel, LiteralString]] = {
    NodeLabel.CATEGORY: f"MATCH (n:Newaisle:Category {{source: $source}}) {_FEATURES}",
    NodeLabel.PRODUCT: f"MATCH (n:Newaisle:Product {{source: $source}}) {_FEATURES}",
}
_NODE_PARTS: Final = {NodeLabel.CATEGORY: 6, NodeLabel.PRODUCT: 6, NodeLabel.ATTRIBUTE: 3}
_Parts = dict[str, list[str]]


def is_unchanged(tx: Transaction, state: SourceState, graph: CatalogGraph) -> bool:
    """Whether the store holds exactly a graph, the stored content hashes aside.

    False also where it cannot decide: a weight written differently by the server, foreign edges of these types.
    """
    features = sorted(graph.numbers)
    if not state.run_id or list(state.features) != features:
        return False
    given = {"source": graph.source, "s": SEPARATOR, "w": WEIGHT, "features": features}
    for label, wanted in _wanted(graph).items():
        texts, count = tx.run(TEXTS[label], given).single(strict=True)
        if not count == len(texts) == len(wanted) or _found(label, texts) != wanted:
            return False
    return not features or _has_features(tx, graph, given)


def _found(label: NodeLabel, texts: list[str]) -> _Parts:
    node_parts = _NODE_PARTS[label]
    found: _Parts = {}
    for text in texts:
        parts = text.split(SEPARATOR)
        parts[node_parts:] = sorted(parts[node_parts:])
        found[parts[0]] = parts
    return found


def _wanted(graph: CatalogGraph) -> dict[NodeLabel, _Parts]:
    edges: dict[str, list[str]] = {}
    for relation in Relation:
        weights = graph.edges[relation].weight.tolist()
        for (tail, head), weight in zip(graph.edge_keys(relation), weights, strict=True):
            edges.setdefault(tail, []).append(head if weight == 1.0 else f"{head}{WEIGHT}{weight}")
    wanted: dict[NodeLabel, _Parts] = {label: {} for label in NodeLabel}
    columns = (graph.ids, graph.names, graph.texts, graph.is_group.tolist(), graph.levels.tolist())
    for key, product, own, name, text, group, level in zip(
        graph.keys, graph.is_product.tolist(), *columns, strict=True
    ):
        number = f"{own}0" if isinstance(own, str) else str(own)
        parts = [key, number, name, text, "group" if group else "", "" if product else str(level)]
        wanted[NodeLabel.PRODUCT if product else NodeLabel.CATEGORY][key] = parts
    for key, attribute in zip(graph.attribute_keys, graph.attributes, strict=True):
        wanted[NodeLabel.ATTRIBUTE][key] = [key, *attribute]
    for nodes in wanted.values():
        for key, parts in nodes.items():
            parts += sorted(edges.get(key, ()))
    return wanted


def _has_features(tx: Transaction, graph: CatalogGraph, given: dict[str, Any]) -> bool:
    columns = [graph.numbers[name].tolist() for name in given["features"]]
    values = [[value if value == value else None for value in row] for row in zip(*columns, strict=True)]
    found = [pair for statement in FEATURE_VALUES.values() for pair in tx.run(statement, given).single(strict=True)[0]]
    # as texts, since 0.0 equals -0.0
    return {key: repr(row) for key, row in found} == {
        key: repr(row) for key, row in zip(graph.keys, values, strict=True)
    }
