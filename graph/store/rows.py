"""A catalog graph as rows for the store: plain values by key, in batches that a server takes at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import InputError
from ..catalog.graph import CatalogGraph
from ..catalog.hashing import attribute_key, target_key
from ..catalog.schema import Attribute, Relation
from ..ids import Id
from .cypher import NodeLabel

Row = Mapping[str, Any]
EdgeKey = tuple[str, str]

BATCH_ROWS = 5_000
BATCH_CHARACTERS = 2_000_000
"""At most four times as many bytes on the wire; servers refuse a message beyond 16 MB."""
KEY_BYTES = 8_000
"""Keys stand in an index, and Neo4j's takes values of up to 8,164 bytes."""


@dataclass(frozen=True)
class GraphRows:
    """What the store shall hold of one source.

    Attributes:
        nodes: kind -> key -> row with ``key``, ``properties`` and, but for attributes, ``state``.
        edges: relation -> (tail key, head key) -> weight.
        features: names of the features that occur.
    """

    nodes: Mapping[NodeLabel, Mapping[str, Row]]
    edges: Mapping[Relation, Mapping[EdgeKey, float]]
    features: tuple[str, ...]


def head_key(source: str) -> str:
    """The key of the node that says what a source's graph in the store is; no target or attribute has such a key."""
    return f"{source}#head"


def graph_rows(graph: CatalogGraph) -> GraphRows:
    """Turn a graph into rows.

    Raises:
        InputError: something that no store can hold: an integer id beyond 64 bits, a key of more than ``KEY_BYTES``, a
            feature name that is empty, too long, starts with ``@`` or holds a null character, a text with half a
            surrogate pair.
    """
    check_feature_names(graph.numbers)
    nodes: dict[NodeLabel, dict[str, Row]] = {kind: {} for kind in NodeLabel}
    for row, product in zip(_target_rows(graph), graph.is_product.tolist(), strict=True):
        nodes[NodeLabel.PRODUCT if product else NodeLabel.CATEGORY][row["key"]] = row
    for attribute, content_hash in zip(graph.attributes, graph.attribute_hashes, strict=True):
        row = attribute_row(graph.source, attribute, content_hash)
        nodes[NodeLabel.ATTRIBUTE][row["key"]] = row
    edges = {
        relation: dict(zip(graph.edge_keys(relation), graph.edges[relation].weight.tolist(), strict=True))
        for relation in Relation
    }
    return GraphRows(nodes, edges, tuple(sorted(graph.numbers)))


def check_feature_names(names: Iterable[str]) -> None:
    """Refuse names that no store takes for a property.

    Raises:
        InputError: an empty one, one of more than ``KEY_BYTES``, an ``@`` in front, a null character or half a
            surrogate pair in it.
    """
    for name in names:
        _refuse_half_characters(f"the feature {name}", name)
        _checked_key(f"the feature {name}", name)
        if not name or name.startswith("@") or "\0" in name:
            raise InputError(
                f"The feature name {name!r} cannot be a property in the graph store "
                "(empty, an '@' in front, or a null character in it); rename the column."
            )


def target_row(
    source: str,
    own: Id,
    name: str,
    text: str,
    content_hash: str,
    features: Mapping[str, float],
    *,
    level: int | None,
    group: bool,
) -> Row:
    """One target or group as a row; ``level`` is None for products.

    Raises:
        InputError: an integer id beyond 64 bits, a key of more than ``KEY_BYTES``, a text with half a surrogate pair.
    """
    if isinstance(own, int) and not -(2**63) <= own < 2**63:
        raise InputError(f"The id {own} does not fit into 64 bits; give the ids as texts.")
    _refuse_half_characters(f"the target {own}", str(own), name, text)
    properties: dict[str, Any] = {**features, "id": own, "source": source, "name": name, "text": text}
    properties["content_hash"] = content_hash
    if level is not None:
        properties["level"] = level
    key = _checked_key(f"the target {own}", target_key(source, own))
    return {"key": key, "properties": properties, "state": "group" if group else "new"}


def attribute_row(source: str, attribute: Attribute, content_hash: str) -> Row:
    """One attribute as a row.

    Raises:
        InputError: a key of more than ``KEY_BYTES``, or a text with half a surrogate pair.
    """
    _refuse_half_characters(f"the attribute {attribute}", attribute.name, attribute.value)
    properties = {
        "source": source,
        "name": attribute.name,
        "value": attribute.value,
        "content_hash": content_hash,
    }
    key = _checked_key(f"the attribute {attribute}", attribute_key(source, attribute.name, attribute.value))
    return {"key": key, "properties": properties}


def _target_rows(graph: CatalogGraph) -> Iterator[Row]:
    features = [(name, column.tolist()) for name, column in sorted(graph.numbers.items())]
    columns = (
        graph.ids,
        graph.names,
        graph.texts,
        graph.node_hashes,
        graph.levels.tolist(),
        graph.is_product.tolist(),
        graph.is_group.tolist(),
    )
    for i, (own, name, text, content_hash, level, product, group) in enumerate(zip(*columns, strict=True)):
        known = {feature: v for feature, column in features if (v := column[i]) == v}
        level = None if product else level
        yield target_row(graph.source, own, name, text, content_hash, known, level=level, group=group)


def _refuse_half_characters(what: str, *texts: str) -> None:
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        shown = what.encode("utf-8", "backslashreplace").decode()
        raise InputError(
            f"A text of {shown} holds half a surrogate pair, which is not a character; correct it in the source."
        ) from None


def _checked_key(what: str, key: str) -> str:
    size = len(key.encode())
    if size > KEY_BYTES:
        raise InputError(
            f"The key of {what[:60]}… has {size:,} bytes, and a store takes {KEY_BYTES:,} at most; shorten it "
            "(long descriptions belong into the column text)."
        )
    return key


def edge_rows(edges: Mapping[EdgeKey, float]) -> Iterator[Row]:
    """Edges as rows with ``tail``, ``head`` and ``weight``."""
    return ({"tail": tail, "head": head, "weight": weight} for (tail, head), weight in edges.items())


def batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Cut rows into lists of at most ``BATCH_ROWS`` rows and, beyond a single row, ``BATCH_CHARACTERS`` of text."""
    batch: list[Row] = []
    characters = 0
    for row in rows:
        size = _characters(row)
        if batch and (len(batch) >= BATCH_ROWS or characters + size > BATCH_CHARACTERS):
            yield batch
            batch, characters = [], 0
        batch.append(row)
        characters += size
    if batch:
        yield batch


def _characters(row: Row) -> int:
    return sum(
        len(value) if isinstance(value, str) else _characters(value) if isinstance(value, dict) else 10
        for value in row.values()
    )
