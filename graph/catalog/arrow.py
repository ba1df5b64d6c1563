"""A catalog graph as Arrow tables, for files; what is read back has the same content hash."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from ..ids import Ids
from .build import split_numbers
from .graph import CatalogGraph
from .schema import Attribute, Edges, Relation, frozen


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
    """The graph whose :func:`graph_tables` these are. The caller compares the content hash: nothing is checked here."""
    targets, attributes, edges, numeric = (tables[name] for name in ("targets", "attributes", "edges", "features"))
    relation = np.asarray(edges["relation"].to_pylist(), dtype=np.str_)
    columns = {name: edges[name].to_numpy() for name in ("tail", "head", "weight")}
    numbers = {name: frozen(numeric[name].to_numpy(), np.float64) for name in numeric.column_names}
    features, availability = split_numbers(numbers)
    return CatalogGraph(
        source=source,
        ids=Ids(tuple(targets["id"].to_pylist()), "target"),
        names=tuple(targets["name"].to_pylist()),
        texts=tuple(targets["text"].to_pylist()),
        is_product=frozen(targets["is_product"].to_numpy(), np.bool_),
        is_group=frozen(targets["is_group"].to_numpy(), np.bool_),
        features=features,
        availability=availability,
        attributes=tuple(Attribute(a["name"], a["value"]) for a in attributes.to_pylist()),
        edges={
            kind: Edges.of(*(columns[name][relation == kind.value] for name in ("tail", "head", "weight")))
            for kind in Relation
        },
    )
