"""A catalog graph with less in it, to see what the rest is worth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from ..arrays import FloatArray, IntArray
from ..errors import InputError
from .catalog import CatalogGraph, Edges, Relation, frozen

_RELATIONS = {relation.value.lower(): relation for relation in (Relation.CHILD_OF, Relation.IN_CATEGORY)}


def without(graph: CatalogGraph, names: Iterable[str]) -> CatalogGraph:
    """Drop features, attributes, relations or all texts by name.

    Args:
        graph: the full graph.
        names: names of features or attributes (all values of the attribute go, and its hierarchy; a name that is both
            drops both), ``child_of`` or ``in_category`` (upper or lower case), or ``text`` (all texts become empty).

    Raises:
        InputError: a name that the graph does not have; the message lists those it has.
    """
    wanted = set(names)
    features = set(graph.features)
    attributes = {attribute.name for attribute in graph.attributes}
    relations = {name: _RELATIONS[name.lower()] for name in wanted if name.lower() in _RELATIONS}
    unknown = wanted - features - attributes - set(relations) - {"text"}
    if unknown:
        known = ", ".join(sorted(features | attributes | set(_RELATIONS) | {"text"}))
        raise InputError(f"Cannot drop {', '.join(map(repr, sorted(unknown)))}; what can be dropped is: {known}.")
    edges = dict(graph.edges)
    for relation in relations.values():
        edges[relation] = _none()
    kept = [i for i, attribute in enumerate(graph.attributes) if attribute.name not in wanted]
    if len(kept) < len(graph.attributes):
        place = np.full(len(graph.attributes), -1, dtype=np.int64)
        place[kept] = np.arange(len(kept))
        had, up = graph.edges[Relation.HAS_ATTRIBUTE], graph.edges[Relation.ATTRIBUTE_CHILD_OF]
        edges[Relation.HAS_ATTRIBUTE] = _where(had.tail, place[had.head], had.weight)
        edges[Relation.ATTRIBUTE_CHILD_OF] = _where(place[up.tail], place[up.head], up.weight)
    return replace(
        graph,
        texts=("",) * len(graph) if "text" in wanted else graph.texts,
        features={name: column for name, column in graph.features.items() if name not in wanted},
        attributes=tuple(graph.attributes[i] for i in kept),
        edges=edges,
    )


def shuffled(graph: CatalogGraph, seed: int) -> CatalogGraph:
    """Give every leaf (a target or group with nothing below it) the edges of another leaf, per relation.

    Numbers of edges per attribute and parent stay; what they say of the leaf is gone. For ablations.
    """
    random = np.random.default_rng(seed)
    leaves = np.setdiff1d(np.arange(len(graph)), graph.parents.indices)
    edges = dict(graph.edges)
    for relation in (Relation.CHILD_OF, Relation.IN_CATEGORY, Relation.HAS_ATTRIBUTE):
        place = np.arange(len(graph))
        place[leaves] = random.permutation(leaves)
        old = graph.edges[relation]
        edges[relation] = _where(place[old.tail], old.head, old.weight)
    return replace(graph, edges=edges)


def bare(graph: CatalogGraph) -> CatalogGraph:
    """The targets with their own texts and features, without any edge or attribute."""
    return replace(graph, attributes=(), edges={relation: _none() for relation in Relation})


def _none() -> Edges:
    return Edges(frozen([], np.int64), frozen([], np.int64), frozen([], np.float64))


def _where(tail: IntArray, head: IntArray, weight: FloatArray) -> Edges:
    """The edges both of whose ends are left (position 0 or above)."""
    keep = (tail >= 0) & (head >= 0)
    return Edges(frozen(tail[keep], np.int64), frozen(head[keep], np.int64), frozen(weight[keep], np.float64))
