"""Whether the store holds a graph exactly: the quick question that most refreshes end with.

Every value is compared, but as a few long lists of texts that the server puts together: to fetch a record for every
node would take most of the time, and to hash the graph most of the rest.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final, LiteralString

from .catalog import CatalogGraph, Relation
from .cypher import Kind
from .head import Head, Transaction

SEPARATOR = "\x1f"
"""White space to the cleaning of names, texts and values, so that none of them holds it."""

# an id is told as a number plus 0, or as a text with a 0 behind it, so that 1 and "1" differ; what is missing makes the
# whole text null, and collect leaves it out
_TARGET: Final = (
    "RETURN collect(n.key + $s + toString(n.id + 0) + $s + n.name + $s + n.text + $s + "
    "CASE WHEN n.state = 'group' THEN 'group' ELSE '' END + $s"
)
_FEATURES: Final = " WHERE size($features) > 0 RETURN collect([n.key, [f IN $features | n[f]]])"
NODE_TEXTS: Final[dict[Kind, LiteralString]] = {
    Kind.CATEGORY: f"MATCH (n:Newaisle:Category {{source: $source}}) {_TARGET} + toString(n.level)), count(n)",
    Kind.PRODUCT: f"MATCH (n:Newaisle:Product {{source: $source}}) {_TARGET}), count(n)",
    Kind.ATTRIBUTE: "MATCH (n:Newaisle:Attribute {source: $source}) "
    "RETURN collect(n.key + $s + n.name + $s + n.value), count(n)",
}
FEATURE_VALUES: Final[dict[Kind, LiteralString]] = {
    Kind.CATEGORY: f"MATCH (n:Newaisle:Category {{source: $source}}){_FEATURES}",
    Kind.PRODUCT: f"MATCH (n:Newaisle:Product {{source: $source}}){_FEATURES}",
}
_HEADS: Final = "RETURN collect(tail + reduce(text = '', head IN heads | text + $s + head))"
EDGE_TEXTS: Final[dict[Relation, LiteralString]] = {
    Relation.CHILD_OF: "MATCH (a:Newaisle:Category {source: $source})-[:CHILD_OF]->"
    f"(b:Newaisle:Category {{source: $source}}) WITH a.key AS tail, collect(b.key) AS heads {_HEADS}",
    Relation.IN_CATEGORY: "MATCH (a:Newaisle:Product {source: $source})-[:IN_CATEGORY]->"
    f"(b:Newaisle:Category {{source: $source}}) WITH a.key AS tail, collect(b.key) AS heads {_HEADS}",
    Relation.HAS_ATTRIBUTE: "MATCH (a:Newaisle {source: $source})-[r:HAS_ATTRIBUTE]->"
    "(b:Newaisle:Attribute {source: $source}) "
    f"WITH a.key AS tail, collect(b.key + '=' + coalesce(toString(r.weight), '')) AS heads {_HEADS}",
    Relation.ATTRIBUTE_CHILD_OF: "MATCH (a:Newaisle:Attribute {source: $source})-[:CHILD_OF]->"
    f"(b:Newaisle:Attribute {{source: $source}}) WITH a.key AS tail, collect(b.key) AS heads {_HEADS}",
}


def is_unchanged(tx: Transaction, head: Head, graph: CatalogGraph) -> bool:
    """Whether the store holds a source exactly as a graph says, the content hashes that it keeps aside.

    False may also mean that this quick way cannot tell, as where server and Python write a weight differently.
    """
    features = sorted(graph.features)
    if not head.run_id or list(head.features) != features:
        return False
    given = {"source": graph.source, "s": SEPARATOR, "features": features}
    for kind, texts in _node_texts(graph).items():
        found, count = tx.run(NODE_TEXTS[kind], given).single(strict=True)
        if count != len(texts) or Counter(found) != Counter(texts):
            return False
    return all(
        _edges_of(tx.run(EDGE_TEXTS[relation], given).single(strict=True)[0]) == _edges_of(_edge_texts(graph, relation))
        for relation in Relation
    ) and (not features or _has_features(tx, graph, given))


def _node_texts(graph: CatalogGraph) -> dict[Kind, list[str]]:
    texts: dict[Kind, list[str]] = {Kind.CATEGORY: [], Kind.PRODUCT: []}
    columns = (graph.ids, graph.names, graph.texts, graph.is_group.tolist(), graph.levels.tolist())
    for key, product, own, name, text, group, level in zip(
        graph.keys, graph.is_product.tolist(), *columns, strict=True
    ):
        number = f"{own}0" if isinstance(own, str) else str(own)
        last = "" if product else str(level)
        told = SEPARATOR.join((key, number, name, text, "group" if group else "", last))
        texts[Kind.PRODUCT if product else Kind.CATEGORY].append(told)
    texts[Kind.ATTRIBUTE] = [
        SEPARATOR.join((key, *attribute)) for key, attribute in zip(graph.attribute_keys, graph.attributes, strict=True)
    ]
    return texts


def _edge_texts(graph: CatalogGraph, relation: Relation) -> list[str]:
    heads: dict[str, list[str]] = {}
    weights = graph.edges[relation].weight.tolist()
    for (tail, head), weight in zip(graph.edge_keys(relation), weights, strict=True):
        told = f"{head}={weight}" if relation is Relation.HAS_ATTRIBUTE else head
        heads.setdefault(tail, []).append(told)
    return [SEPARATOR.join((tail, *several)) for tail, several in heads.items()]


def _edges_of(texts: list[str]) -> dict[str, list[str]]:
    """The heads of each tail, in ascending order."""
    told = (text.split(SEPARATOR) for text in texts)
    return {tail: sorted(heads) for tail, *heads in told}


def _has_features(tx: Transaction, graph: CatalogGraph, given: dict[str, Any]) -> bool:
    columns = [graph.features[name].tolist() for name in given["features"]]
    values = [[value if value == value else None for value in row] for row in zip(*columns, strict=True)]
    found = [pair for statement in FEATURE_VALUES.values() for pair in tx.run(statement, given).single(strict=True)[0]]
    # as texts, since 0.0 equals -0.0
    return {key: repr(row) for key, row in found} == {
        key: repr(row) for key, row in zip(graph.keys, values, strict=True)
    }
