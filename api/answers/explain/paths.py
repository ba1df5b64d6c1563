"""How the catalog connects the explained target to others, and the query that finds the same in a store."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from ....arrays import FloatArray
from ....gnn.propagation.features import FeatureKind
from ....gnn.serving.state import ModelState
from ....graph import CatalogGraph, Id
from ....graph.catalog.connections import Connection, Connections
from ....graph.store.queries.named import named_queries

_ATTRIBUTES = 3
"""Attributes that are given, by name; of several values under one name the rarest."""
_TELLING = math.log(2)
"""Least weight of an attribute: what more than half of the catalog has explains nothing."""
_ALIKE = 0.95
"""Texts or names are alike where they are nearer than this share of all."""


@dataclass(frozen=True)
class GraphPath:
    """How the catalog connects a bought or sold target to the explained one.

    Attributes:
        target: own id of the bought or sold target.
        kind: "attribute" (both have it, or narrower values of it), "ancestor" (a category above both, or one of the two
            above the other), or "text" (alike texts or names, which no node of the graph represents).
        via: ``name=value`` of the attribute, the name of the category, or "text".
        path: names, ``>`` leading up and ``<`` down, ``~`` between alike texts; ``keys`` has those of the store.
        weight: ``ln((n + 1) / carriers)`` of an attribute, 0.5 to the power of the steps over a category, the higher
            cosine of texts or names; comparable within a kind.
        query: name of the query that finds it in a store, with ``parameters``.
    """

    target: Id
    kind: Literal["attribute", "ancestor", "text"]
    via: str
    path: str
    keys: tuple[str, ...]
    weight: float
    query: str
    parameters: dict[str, str]

    @property
    def cypher(self) -> str:
        """The query itself, for ``store.query(path.cypher, path.parameters)``."""
        return named_queries()[self.query].cypher


@dataclass(frozen=True, eq=False)
class GraphPaths:
    """Finds paths to one target, given by position; ``source`` is the name of the catalog in the store, if another."""

    state: ModelState
    target: int
    source: str | None = None

    def of(self, other: int) -> tuple[GraphPath, ...]:
        """Paths from another target: the rarest value of up to three attributes, a category, the text."""
        if other == self.target:
            return ()
        connections = self._connections.between(other, self.target)
        attributes: dict[str, Connection] = {}
        for each in connections:  # the rarest come first
            if each.kind == "attribute" and self._connections.weight(each) >= _TELLING:
                attributes.setdefault(self._connections.name(each.over).partition("=")[0], each)
        ancestors = [each for each in connections if each.kind == "ancestor"]
        paths = [self._path(other, each) for each in [*list(attributes.values())[:_ATTRIBUTES], *ancestors[:1]]]
        if self._alike[other] > self._threshold:
            paths.append(self._text(other))
        return tuple(paths)

    def _path(self, other: int, connection: Connection) -> GraphPath:
        known = self._connections
        keys = tuple(map(known.key, connection.nodes))
        return GraphPath(
            target=self.state.graph.ids.values[other],
            kind=connection.kind,
            via=known.name(connection.over),
            path=known.describe(connection),
            keys=keys,
            weight=known.weight(connection),
            query="way",
            parameters={"key": keys[0], "other": keys[-1], "via": known.key(connection.over)},
        )

    def _text(self, other: int) -> GraphPath:
        graph, ends = self._graph, (other, self.target)
        keys = tuple(graph.keys[end] for end in ends)
        path, cosine = " ~ ".join(graph.names[end] for end in ends), float(self._alike[other])
        given = {"key": keys[0], "other": keys[1]}
        return GraphPath(graph.ids.values[other], "text", "text", path, keys, cosine, "texts", given)

    @cached_property
    def _connections(self) -> Connections:
        return Connections(self._graph)

    @cached_property
    def _graph(self) -> CatalogGraph:
        return self.state.graph.with_source(self.source)

    @cached_property
    def _alike(self) -> FloatArray:
        """Cosine of every text or name with that of the target, the higher one, 0 without texts, float64 (n,)."""
        blocks = self.state.model.regressor.blocks.of({FeatureKind.TEXT, FeatureKind.NAME})
        cosines = [np.asarray(texts @ texts[self.target]) for texts in blocks.matrices.values()]
        return np.asarray(np.max([np.zeros(len(self.state.graph)), *cosines], axis=0))

    @cached_property
    def _threshold(self) -> float:
        return float(np.quantile(self._alike, _ALIKE))
