"""Everything that a store holds of one category or product."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...display import short_repr
from ...errors import InputError, UnknownIdError
from ...graph.store.queries.named import NamedQuery, named_queries

if TYPE_CHECKING:
    from ...graph import Store

_COMMON = 0.2
"""An attribute that more than this share of a source has distinguishes little."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Inspection:
    """What a store holds of one category or product; rows are those of the named queries.

    Attributes:
        target: its labels and properties, without the embedding.
        ancestors: all ways up to a root.
        branch: the category as a whole, then its children; empty for a product.
        attributes: the most telling first; ``nearest_by_graph`` shares them.
        nearest_seen: the seen targets that the model holds nearest.
        notes: what a model has not written yet.
    """

    target: Row
    ancestors: list[Row]
    branch: list[Row]
    attributes: list[Row]
    nearest_by_graph: list[Row]
    nearest_seen: list[Row]
    notes: list[str]
    warnings: list[str]

    __repr__ = short_repr


def inspect_target(store: Store, word: str, source: str | None = None) -> Inspection:
    """Query a store about the one category or product with a key, id or name; a source of None means all.

    Raises:
        UnknownIdError: there is no such category or product.
        InputError: several have this id or name.
    """
    key = _key_of(store, word, source)
    ((node,),) = store.query("MATCH (n:Newaisle {key: $key}) RETURN n", {"key": key}).rows
    target: Row = {"labels": [label for label in node["labels"] if label != "Newaisle"], **node["properties"]}
    target.pop("embedding", None)
    queries = named_queries()
    ancestors, branch, attributes, by_graph, seen = (
        _rows(store, queries[name], key=key)
        for name in ("ancestors", "branch", "attributes", "nearest-by-graph", "nearest-seen")
    )
    needed = (queries["nearest-seen"], queries["least-confident"])
    notes = [note for query in needed if (note := query.explain_empty(store, {}))]
    warnings = _warnings(target, ancestors, branch, attributes)
    for alike in _rows(store, queries["duplicate-names"], key=key):
        others = ", ".join(other for other in alike["keys"] if other != key)
        warnings.append(f"The same name as {others}" + (", some with the same text." if alike["same_text"] else "."))
    return Inspection(target, ancestors, branch, attributes, by_graph, seen, notes, warnings)


def _key_of(store: Store, word: str, source: str | None) -> str:
    found = _rows(store, named_queries()["find"], word=word, source=source)
    if not found or found[0]["hit"] == "part of the name":
        similar = ", ".join(f"{row['name']} ({row['key']})" for row in found[:5])
        where = "this store" if source is None else f"the source {source} of this store"
        raise UnknownIdError(
            f"No category or product in {where} has the id or name {word!r}"
            + (f"; similar: {similar}." if similar else "; newaisle cypher find --param word=PART looks for parts.")
        )
    fitting = [row["key"] for row in found if row["hit"] == found[0]["hit"]]
    if len(fitting) > 1:
        raise InputError(
            f"Several have the {found[0]['hit']} {word!r}: {', '.join(fitting)}; give one of these keys, or --source."
        )
    return str(fitting[0])


def _rows(store: Store, query: NamedQuery, **given: Any) -> list[Row]:
    answer = query.run(store, given)
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def _warnings(target: Row, ancestors: list[Row], branch: list[Row], attributes: list[Row]) -> list[str]:
    warnings = []
    if not ancestors and (not branch or branch[0]["within"] == 1):
        warnings.append("An orphan of the taxonomy: it has no parent, and nothing is below it.")
    if not attributes:
        warnings.append("It has no attribute.")
    elif all(row["others"] == 0 for row in attributes):
        warnings.append("Nothing else has any of its attributes.")
    elif attributes[0]["information"] < -math.log(_COMMON):
        warnings.append(f"All of its attributes are common: more than {_COMMON:.0%} of the source have them.")
    if target["text"] == target["name"]:
        warnings.append("The text encoder has nothing to read but its name.")
    return warnings
