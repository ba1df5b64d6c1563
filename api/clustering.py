"""Clusters of texts as relations of a catalog without any: at fit, for what is added, for what a refresh brings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..gnn.phi.clusters import CLUSTER, MIN_SIMILARITY, Clusters
from ..gnn.phi.encoder import TextEncoder
from ..graph import CatalogGraph, Relation
from ..graph.catalog.derive import with_attributes
from ..graph.catalog.extend import Addition
from ..graph.catalog.schema import Attribute
from .encoding import Encoded
from .fitted import Fitted

CLUSTERS = "clusters"
"""The only word for relations that the catalog does not give."""


def check_relations(relations: str | None, min_similarity: float | None) -> None:
    """Refuse other relations than clusters, and a similarity out of its range.

    Raises:
        InputError: one of them cannot be used.
    """
    if relations not in (None, CLUSTERS):
        raise InputError(
            f"relations is {relations!r}; give {CLUSTERS!r}, or leave it out for those of the catalog alone."
        )
    if min_similarity is not None and not 0 <= min_similarity <= 1:
        raise InputError(f"min_similarity is {min_similarity}; give a number from 0 to 1.")


def cluster_catalog(
    graph: CatalogGraph, encoded: Encoded, relations: str | None, min_similarity: float | None
) -> tuple[CatalogGraph, Clusters | None]:
    """Give a catalog the relations that are asked for.

    Args:
        graph: the catalog.
        encoded: its texts.
        relations: "clusters", or None for those that it has.
        min_similarity: least cosine of a text and the centre of its cluster; None for ``MIN_SIMILARITY``.

    Raises:
        InputError: it has no texts to cluster, or an attribute of that name.
    """
    if relations is None:
        return graph, None
    if encoded.texts is None:
        raise InputError("Clusters are made of texts and none is known; name an encoder, or leave relations out.")
    if has_clusters(graph):
        raise InputError(
            f"The catalog {graph.source!r} has an attribute {CLUSTER!r} already; rename it, or leave relations out."
        )
    found = Clusters.of(encoded.texts, graph.names, MIN_SIMILARITY if min_similarity is None else min_similarity)
    return with_attributes(graph, found.attributes(encoded.texts)), found


def has_clusters(graph: CatalogGraph) -> bool:
    """Whether a catalog has clusters."""
    return any(attribute.name == CLUSTER for attribute in graph.attributes)


def cluster_addition(fitted: Fitted, addition: Addition, cache: Path | None) -> Addition:
    """What is added with the nearest clusters of a model, where it does not bring its own.

    Raises:
        ModelError: a text cannot be encoded.
    """
    fresh = [own for own, node in addition.nodes.items() if not any(a.name == CLUSTER for a in node.attributes)]
    near = _nearest(fitted, [addition.nodes[own].text for own in fresh], cache)
    nodes = dict(addition.nodes)
    for own, further in zip(fresh, near, strict=True):
        nodes[own] = replace(nodes[own], attributes={**nodes[own].attributes, **further})
    return replace(addition, nodes=nodes)


def cluster_again(fitted: Fitted, graph: CatalogGraph, cache: Path | None) -> CatalogGraph:
    """Another graph of the source with the clusters of a model; the graph itself where either has none or both have.

    What the model knows under the same text keeps its cluster, all others get the nearest one.

    Raises:
        ModelError: a text cannot be encoded.
    """
    if fitted.clusters is None or has_clusters(graph):
        return graph
    known = fitted.graph
    further = _held(known)
    old = known.ids.find(graph.ids).tolist()
    found = [
        further.get(at, {}) if at >= 0 and known.texts[at] == text else None
        for at, text in zip(old, graph.texts, strict=True)
    ]
    fresh = [i for i, own in enumerate(found) if own is None]
    near = dict(zip(fresh, _nearest(fitted, [graph.texts[i] for i in fresh], cache), strict=True))
    return with_attributes(graph, [near[i] if own is None else own for i, own in enumerate(found)])


def _held(graph: CatalogGraph) -> dict[int, dict[Attribute, float]]:
    """Position -> its cluster."""
    has = graph.edges[Relation.HAS_ATTRIBUTE]
    own = np.array([attribute.name == CLUSTER for attribute in graph.attributes], dtype=np.bool_)[has.head]
    rows = zip(has.tail[own].tolist(), has.head[own].tolist(), has.weight[own].tolist(), strict=True)
    return {tail: {graph.attributes[head]: weight} for tail, head, weight in rows}


def _nearest(fitted: Fitted, texts: list[str], cache: Path | None) -> list[dict[Attribute, float]]:
    """The nearest cluster of each text, nothing for an empty one."""
    if fitted.clusters is None or fitted.encoder is None or not any(texts):
        return [{} for _ in texts]
    return fitted.clusters.attributes(TextEncoder(fitted.encoder, cache).encode(texts))
