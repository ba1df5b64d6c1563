"""A catalog graph as Arrow tables, for files; what is read back has the same content hash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from ...errors import GraphError
from ..ids import Ids
from .build import refuse_cycles_in, split_numbers
from .graph import CatalogGraph
from .schema import TO_ATTRIBUTE, Attribute, Edges, Relation, check_source_name, frozen


def graph_tables(graph: CatalogGraph) -> dict[str, pa.Table]:
    """Tables ``targets``, ``features``, ``attributes`` and ``edges``; rows of edges are positions."""
    edges = [(relation, graph.edges[relation]) for relation in Relation]
    return {
        "targets": pa.table(
            {
                "id": list(graph.ids),
                "name": list(graph.names),
                "text": list(graph.texts),
                "is_product": graph.is_product,
                "is_group": graph.is_group,
            }
        ),
        "features": pa.table(dict(graph.numbers)),
        "attributes": pa.table(
            {
                "name": pa.array([a.name for a in graph.attributes], pa.string()),
                "value": pa.array([a.value for a in graph.attributes], pa.string()),
            }
        ),
        "edges": pa.table(
            {
                "relation": pa.array([r.value for r, e in edges for _ in range(len(e))], pa.string()),
                "tail": np.concatenate([e.tail for _, e in edges]),
                "head": np.concatenate([e.head for _, e in edges]),
                "weight": np.concatenate([e.weight for _, e in edges]),
            }
        ),
    }


def graph_from_files(source: str, tables: Mapping[str, pa.Table]) -> CatalogGraph:
    """The graph whose :func:`graph_tables` these are, columns of texts dictionary-encoded or not.

    The caller compares the content hash, which is slow to forge but no proof: an InputError where tables of these
    columns and types are not those of any graph.
    """
    targets, attributes, edges, numeric = (tables[name] for name in ("targets", "attributes", "edges", "features"))
    place = {kind.value: number for number, kind in enumerate(Relation)}
    relation = np.array([place.get(name, -1) for name in cells(edges["relation"])], dtype=np.int64)
    columns = {name: edges[name].to_numpy() for name in ("tail", "head", "weight")}
    numbers = {name: frozen(numeric[name].to_numpy(), np.float64) for name in numeric.column_names}
    features, availability = split_numbers(numbers)
    graph = CatalogGraph(
        source=source,
        ids=Ids(tuple(cells(targets["id"])), "target"),
        names=tuple(cells(targets["name"])),
        texts=tuple(cells(targets["text"])),
        is_product=frozen(targets["is_product"].to_numpy(), np.bool_),
        is_group=frozen(targets["is_group"].to_numpy(), np.bool_),
        features=features,
        availability=availability,
        groups_known=True,
        attributes=tuple(map(Attribute, cells(attributes["name"]), cells(attributes["value"]))),
        edges={
            kind: Edges.of(*(columns[name][relation == place[kind.value]] for name in ("tail", "head", "weight")))
            for kind in Relation
        },
    )
    if (relation < 0).any():
        raise GraphError("The edges have a relation that no graph has.")
    _check(graph)
    return graph


def cells(column: pa.ChunkedArray) -> list[Any]:
    """The cells of a column; those of a dictionary-encoded one share their values."""
    if not pa.types.is_dictionary(column.type):
        return list(column.to_pylist())
    found: list[Any] = []
    for chunk in column.chunks:
        values = chunk.dictionary.to_pylist()
        found += [values[place] for place in chunk.indices.to_pylist()]
    return found


def _check(graph: CatalogGraph) -> None:
    """Check what later code takes for granted: distinct ids, positions in range, finite weights, no cycle."""
    check_source_name(graph.source)
    if not len(graph) or len(Ids.of(graph.ids, "target")) != len(graph):  # later ones follow, so they are in no order
        raise GraphError("There is no target, or the target ids are not distinct.")
    if len(set(graph.attributes)) != len(graph.attributes):
        raise GraphError("The attributes are not distinct.")
    for name, column in graph.numbers.items():
        if len(column) != len(graph) or np.isinf(column).any():
            raise GraphError(f"The numbers {name!r} are infinite, or not one for each target.")
    for relation, edges in graph.edges.items():
        tails = len(graph.attributes) if relation is Relation.ATTRIBUTE_CHILD_OF else len(graph)
        heads = len(graph.attributes) if relation in TO_ATTRIBUTE else len(graph)
        for ends, size in ((edges.tail, tails), (edges.head, heads)):
            if len(ends) and not 0 <= int(ends.min()) <= int(ends.max()) < size:
                raise GraphError(f"The edges {relation.value} lead to targets or attributes that do not exist.")
        if not (np.isfinite(edges.weight) & (edges.weight > 0)).all():
            raise GraphError(f"The edges {relation.value} have weights that are not finite and above 0.")
    refuse_cycles_in(graph.parents, graph.ids.values)
    refuse_cycles_in(graph.attribute_parents, graph.attributes)
