"""Nodes in, checked and turned into the arrays of a :class:`~newaisle.graph.CatalogGraph`."""

from __future__ import annotations

import graphlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import scipy.sparse as sp

from ...arrays import FloatArray
from ...errors import CycleError, DanglingParentError, GraphError
from ..ids import Id, Ids
from ..reading.cells import MISSING_MARKS
from .availability import AVAILABILITY
from .schema import Attribute, Edges, Node, Relation, frozen
from .traversal import nodes_on_cycles

_T = TypeVar("_T")


def assemble(
    ids: Ids,
    nodes: Mapping[Id, Node],
    attribute_parents: Mapping[Attribute, list[Attribute]],
    attributes: Iterable[Attribute] = (),
) -> dict[str, Any]:
    """Check nodes and return the fields of a graph but ``source`` and ``report``; ``attributes`` unused stay."""
    is_product = {own: node.product for own, node in nodes.items()}.get
    for own, node in nodes.items():
        check_parents(own, node.parents, is_product, "Product" if node.product else "Category")
    refuse_cycles({own: node.parents for own, node in nodes.items()})
    refuse_cycles(attribute_parents)
    return _arrays(ids, [nodes[own] for own in ids], attribute_parents, set(attributes))


def check_parents(
    own: object, parents: Iterable[_T], is_product: Callable[[_T], bool | None], what: str = "Target"
) -> None:
    """Refuse parents that do not exist (``is_product`` is None; DanglingParentError) or are products (GraphError)."""
    for parent in parents:
        if (product := is_product(parent)) is None:
            raise DanglingParentError(
                f"{what} {own!r} names the parent {parent!r}, which does not exist; {_hint(parent, is_product)}."
            )
        if product:
            raise GraphError(f"{what} {own!r} names the product {parent!r} as its parent; use a category.")


def _hint(parent: Any, is_product: Callable[[Any], bool | None]) -> str:
    """What to do about a parent that does not exist."""
    text = str(parent)
    if text.lower() in MISSING_MARKS | {"0", "-1"}:
        return "leave the cell empty for a root, or give this as missing in the schema"
    whole = text.removesuffix(".0")
    if whole != text and whole.isdecimal():
        meant = "the id" if is_product(whole) is not None else "an id like"
        return f"it looks like {meant} {whole} written as a decimal: read the column as integers or texts"
    return "add that category or correct the id"


def refuse_cycles(parents: Mapping[_T, list[_T]]) -> None:
    """Raise :class:`CycleError`, which shows the cycle, where parents lead back to their own child."""
    try:
        graphlib.TopologicalSorter(parents).prepare()
    except graphlib.CycleError as error:
        cycle = error.args[1]
        shown = " -> ".join(str(step) for step in cycle[:10]) + (" -> ..." if len(cycle) > 10 else "")
        raise CycleError(f"The parents run in a cycle: {shown}; remove one of these parent links.") from None


def refuse_cycles_in(adjacency: sp.csr_array, names: Sequence[object]) -> None:
    """Raise :class:`CycleError`, by names, for cycles of a whole graph, CSR (n, n) with row = child."""
    nodes = nodes_on_cycles(adjacency).tolist()
    refuse_cycles({names[node]: [names[above] for above in adjacency[[node]].indices.tolist()] for node in nodes})


def split_numbers(numbers: Mapping[str, FloatArray]) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """Numbers by name, divided into the features and the availability of a graph."""
    features = {name: column for name, column in numbers.items() if name not in AVAILABILITY}
    return features, {name: column for name, column in numbers.items() if name in AVAILABILITY}


def _arrays(
    ids: Ids, nodes: list[Node], parents_of: Mapping[Attribute, list[Attribute]], attributes: set[Attribute]
) -> dict[str, Any]:
    attributes |= {attribute for node in nodes for attribute in node.attributes}
    attributes |= set(parents_of) | {parent for above in parents_of.values() for parent in above}
    ordered = tuple(sorted(attributes))
    place = {attribute: i for i, attribute in enumerate(ordered)}
    up = [(i, ids.position(p), node.product) for i, node in enumerate(nodes) for p in node.parents]
    numbers = {
        name: frozen([node.features.get(name, math.nan) for node in nodes], np.float64)
        for name in sorted({name for node in nodes for name in node.features})
    }
    features, availability = split_numbers(numbers)
    return {
        "ids": ids,
        "names": tuple(node.name for node in nodes),
        "texts": tuple(node.text for node in nodes),
        "is_product": frozen([node.product for node in nodes], np.bool_),
        "is_group": frozen([node.group for node in nodes], np.bool_),
        "features": features,
        "availability": availability,
        "attributes": ordered,
        "edges": {
            Relation.CHILD_OF: Edges.from_rows((i, p, 1.0) for i, p, product in up if not product),
            Relation.IN_CATEGORY: Edges.from_rows((i, p, 1.0) for i, p, product in up if product),
            Relation.HAS_ATTRIBUTE: Edges.from_rows(
                (i, place[attribute], weight)
                for i, node in enumerate(nodes)
                for attribute, weight in node.attributes.items()
            ),
            Relation.ATTRIBUTE_CHILD_OF: Edges.from_rows(
                (place[attribute], place[parent], 1.0) for attribute, above in parents_of.items() for parent in above
            ),
        },
    }
