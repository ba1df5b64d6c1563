"""Graphs derived from another one: parts removed or shuffled for ablations, attributes added."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ...arguments import check_seed
from ...arrays import FloatArray, IntArray
from ...errors import InputError
from .graph import CatalogGraph
from .schema import Attribute, Edges, Relation

_RELATIONS = {relation.value.lower(): relation for relation in (Relation.CHILD_OF, Relation.IN_CATEGORY)}


def without(graph: CatalogGraph, names: Iterable[str]) -> CatalogGraph:
    """Drop features, attributes (all values, with their hierarchy; both of one name), relations or all texts by name.

    Relations are ``child_of`` and ``in_category`` (in any case); ``text`` makes all texts empty.

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
        edges[relation] = Edges.from_rows(())
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
    """For ablations, give every leaf (nothing below it) the edges of another leaf, per relation: their numbers stay."""
    random = np.random.default_rng(check_seed(seed))
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
    return replace(graph, attributes=(), edges={relation: Edges.from_rows(()) for relation in Relation})


def _where(tail: IntArray, head: IntArray, weight: FloatArray) -> Edges:
    keep = (tail >= 0) & (head >= 0)
    return Edges.of(tail[keep], head[keep], weight[keep])


def with_attributes(graph: CatalogGraph, further: Sequence[Mapping[Attribute, float]]) -> CatalogGraph:
    """Add to each of the n targets and groups attributes that it lacks, with weights above 0; sorts all attributes."""
    attributes = tuple(sorted({*graph.attributes, *(attribute for own in further for attribute in own)}))
    place = {attribute: position for position, attribute in enumerate(attributes)}
    where = np.array([place[attribute] for attribute in graph.attributes], dtype=np.int64)
    more = Edges.from_rows(
        (i, place[attribute], weight) for i, own in enumerate(further) for attribute, weight in own.items()
    )
    has, up = graph.edges[Relation.HAS_ATTRIBUTE], graph.edges[Relation.ATTRIBUTE_CHILD_OF]
    head = np.concatenate([where[has.head], more.head])
    edges = {
        **graph.edges,
        Relation.HAS_ATTRIBUTE: Edges.of(
            np.append(has.tail, more.tail), head, np.append(has.weight, more.weight)
        ).sorted(),
        Relation.ATTRIBUTE_CHILD_OF: Edges.of(where[up.tail], where[up.head], up.weight),
    }
    return replace(graph, attributes=attributes, edges=edges)
