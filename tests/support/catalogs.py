"""Parts of a real catalog."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from newaisle.graph import CatalogGraph, Relation


def part_of(graph: CatalogGraph, keep: np.ndarray) -> CatalogGraph:
    """The targets and groups where ``keep`` is True, with the edges among them and their attributes."""
    rows, own = np.flatnonzero(keep).tolist(), graph.ids.values
    up, has = graph.edges[Relation.CHILD_OF], graph.edges[Relation.HAS_ATTRIBUTE]
    parents: dict[int, list[object]] = {row: [] for row in rows}
    for child, parent in zip(up.tail.tolist(), up.head.tolist(), strict=True):
        if keep[child] and keep[parent]:
            parents[child].append(own[parent])
    categories = {
        "id": [own[row] for row in rows],
        "name": [graph.names[row] for row in rows],
        "text": [graph.texts[row] for row in rows],
        "parent_id": pa.array([parents[row] for row in rows], pa.list_(pa.string())),
        "group": graph.is_group[rows],
        **{name: column[rows] for name, column in graph.features.items()},
    }
    inside = keep[has.tail]
    named = [graph.attributes[i] for i in has.head[inside].tolist()]
    attributes = {
        "id": [own[i] for i in has.tail[inside].tolist()],
        "name": [attribute.name for attribute in named],
        "value": [attribute.value for attribute in named],
        "weight": has.weight[inside],
    }
    return CatalogGraph.from_tables(pa.table(categories), pa.table(attributes), source=graph.source)
