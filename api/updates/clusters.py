"""Clusters of texts as relations of a catalog without any: at fit, for what is added, for what a refresh brings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ...gnn.serving.state import ModelState
from ...gnn.text.clusters import CLUSTER, has_clusters
from ...graph import CatalogGraph, Relation
from ...graph.catalog.derive import with_attributes
from ...graph.catalog.extend import Addition
from ...graph.catalog.schema import Attribute
from .encoding import encoder_of


def cluster_addition(state: ModelState, addition: Addition, cache: Path | None) -> Addition:
    """An addition with the nearest clusters of a model, where it does not bring its own."""
    fresh = [key for key, node in addition.nodes.items() if not any(a.name == CLUSTER for a in node.attributes)]
    near = _nearest(state, [addition.nodes[key].text for key in fresh], cache)
    nodes = dict(addition.nodes)
    for key, cluster in zip(fresh, near, strict=True):
        nodes[key] = replace(nodes[key], attributes={**nodes[key].attributes, **cluster})
    return replace(addition, nodes=nodes)


def cluster_again(state: ModelState, graph: CatalogGraph, cache: Path | None) -> CatalogGraph:
    """Another graph of the source with the clusters of a model (:meth:`Recommender.related`)."""
    if state.clusters is None or has_clusters(graph):
        return graph
    known, held = state.graph, _held(state.graph)
    clusters = [
        held.get(at, {}) if at >= 0 and known.texts[at] == text else None
        for at, text in zip(known.ids.find(graph.ids).tolist(), graph.texts, strict=True)
    ]
    near = iter(_nearest(state, [text for text, own in zip(graph.texts, clusters, strict=True) if own is None], cache))
    return with_attributes(graph, [next(near) if own is None else own for own in clusters])


def _held(graph: CatalogGraph) -> dict[int, dict[Attribute, float]]:
    """Position -> its cluster."""
    has = graph.edges[Relation.HAS_ATTRIBUTE]
    own = np.array([attribute.name == CLUSTER for attribute in graph.attributes], dtype=np.bool_)[has.head]
    rows = zip(has.tail[own].tolist(), has.head[own].tolist(), has.weight[own].tolist(), strict=True)
    return {tail: {graph.attributes[head]: weight} for tail, head, weight in rows}


def _nearest(state: ModelState, texts: list[str], cache: Path | None) -> list[dict[Attribute, float]]:
    """The nearest cluster of each text, nothing for an empty one."""
    if state.clusters is None or not any(texts) or (encoder := encoder_of(state, cache)) is None:
        return [{} for _ in texts]
    return state.clusters.attributes(encoder.encode(texts))
