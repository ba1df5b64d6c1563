"""Items and category paths of order lines as the tables of a catalog."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ...graph import CatalogGraph
from ...graph.ids import Id
from ...graph.reading.table_schema import Role, TableReading, TableSchema
from .items import Items
from .paths import Path, join_path

ENOUGH = 50
"""Categories from which they are the targets unless the owner says otherwise: more than two lists of 20."""
GROUP = "category:"
"""Before the path in the id of a category where items are the targets: an item may have the same id."""


def category_catalog(paths: Sequence[Path], items: Items | None, source: str) -> CatalogGraph:
    """A catalog whose targets are the categories; items only describe them.

    A category has the median price of its items as a feature, and each attribute with the share of its items that have
    it as weight. How many items it has is left out: order lines contain what was sold, so that the number is sales.
    """
    table = _category_columns(paths, "")
    attributes = None
    if items is not None:
        within: dict[Path, list[int]] = defaultdict(list)
        for item, at in enumerate(items.path.tolist()):
            if at >= 0:
                within[items.paths.values[at]].append(item)
        for name, numbers in items.numbers.items():
            table[name] = [_median(numbers[within.get(path, [])]) for path in _with_ancestors(paths)]
        attributes = _shares(within, items)
    return CatalogGraph.from_tables(pa.table(table), attributes, source=source, schema=_roles("categories", items, ()))


def item_catalog(items: Items, source: str) -> tuple[CatalogGraph, list[Id]]:
    """A catalog whose targets are the items, below groups where they have categories; and the ids of the items.

    Beside categories, whose ids are texts, the ids of items are texts too.
    """
    paths = items.paths.values
    ids: list[Id] = [str(item) for item in items.ids.values] if paths else list(items.ids.values)
    path_of = [paths[at] if at >= 0 else () for at in items.path.tolist()]
    table: dict[str, Any] = {
        "id": ids,
        "name": items.names,
        "text": [
            ", ".join(dict.fromkeys(filter(None, (name, text, *reversed(path)))))
            for name, text, path in zip(items.names, items.texts, path_of, strict=True)
        ],
    }
    table |= {name: pa.array(numbers, from_pandas=True) for name, numbers in items.numbers.items()}
    table |= {name: pa.array(values, pa.string()) for name, values in items.attributes.items()}
    if not paths:
        schema = _roles("categories", items, items.attributes)
        return CatalogGraph.from_tables(pa.table(table), source=source, schema=schema), ids
    table["category_id"] = pa.array([GROUP + join_path(path) if path else None for path in path_of], pa.string())
    groups = _category_columns(paths, GROUP)
    groups["group"] = [True] * len(groups["id"])
    schema = _roles("products", items, items.attributes)
    return CatalogGraph.from_tables(pa.table(groups), products=pa.table(table), source=source, schema=schema), ids


def _roles(table: str, items: Items | None, attributes: Iterable[str]) -> TableSchema:
    """The roles of a table's further columns as they were found in the lines."""
    numbers: dict[str, Role] = dict.fromkeys(() if items is None else items.numbers, "number")
    others: dict[str, Role] = dict.fromkeys(attributes, "attribute")
    return TableSchema({table: TableReading(roles=numbers | others)})


def _with_ancestors(paths: Sequence[Path]) -> list[Path]:
    """The paths and all above them, ascending."""
    return sorted({path[:depth] for path in paths for depth in range(1, len(path) + 1)})


def _category_columns(paths: Sequence[Path], prefix: str) -> dict[str, Any]:
    every = _with_ancestors(paths)
    return {
        "id": [prefix + join_path(path) for path in every],
        "name": [path[-1] for path in every],
        "parent_id": pa.array(
            [prefix + join_path(path[:-1]) if len(path) > 1 else None for path in every], pa.string()
        ),
        "text": [join_path(path) for path in every],
    }


def _median(numbers: Any) -> float | None:
    known = numbers[np.isfinite(numbers)]
    return float(np.median(known)) if len(known) else None


def _shares(within: Mapping[Path, Sequence[int]], items: Items) -> Any | None:
    """Attribute edges of categories, weighted by the share of their items with the value; None where there are none."""
    rows: list[tuple[str, str, str, float]] = []
    for name, values in items.attributes.items():
        for path, members in within.items():
            counts = Counter(value for item in members if (value := values[item]) is not None)
            rows += [(join_path(path), name, value, count / len(members)) for value, count in sorted(counts.items())]
    if not rows:
        return None
    return pa.table(dict(zip(("id", "name", "value", "weight"), map(list, zip(*rows, strict=True)), strict=True)))
