"""What the fit fixes of the features, so that targets added later get the same columns and scales."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ...arrays import FloatArray, IntArray
from ...display import short_repr
from ...graph import CatalogGraph

ANCESTORS = "ancestors"
"""Name of the block with a column for each node that has children."""
_NONE: IntArray = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class StandardScaler:
    """Standardise one number by mean and deviation of its known values, of ``log(1 + value)`` if none is negative."""

    mean: float = 0.0
    deviation: float = 1.0  # 1 where all are equal
    logarithm: bool = False

    @classmethod
    def of(cls, column: FloatArray, *, logarithm: bool = True) -> StandardScaler:
        """Fit to the known values of a column."""
        known = column[~np.isnan(column)]
        if not len(known):
            return cls()
        logarithm = logarithm and bool(known.min() >= 0)
        scaled = np.log1p(known) if logarithm else known
        deviation = float(scaled.std())
        return cls(float(scaled.mean()), deviation if deviation > 0 else 1.0, logarithm)

    def apply(self, column: FloatArray) -> FloatArray:
        """Standardise a column (n,) to float64 (n, 1); unknown values become 0, logarithms clip below 0."""
        scaled = np.log1p(np.maximum(column, 0.0)) if self.logarithm else column
        return np.where(np.isnan(column), 0.0, (scaled - self.mean) / self.deviation)[:, None]


@dataclass(frozen=True, eq=False)
class AttributeVocabulary:
    """The values of one attribute, each a column of the attribute's block."""

    positions: IntArray  # among the graph's attributes, int64 (v,); -1 for a value that was removed
    rarity: FloatArray  # inverse document frequency at fit, ``log((n + 1) / carriers)``, float64 (v,)

    __repr__ = short_repr


@dataclass(frozen=True, eq=False)
class FeatureSchema:
    """The columns of the target features and their scales, fitted to ``size`` targets and groups."""

    size: int
    shared: Mapping[str, int]  # name -> how many of them had it
    texts: bool
    general: IntArray | None  # positions of nodes with children, int64; -1 if removed; None without any
    values: Mapping[str, AttributeVocabulary] = field(default_factory=dict)  # by attribute name
    relations: Mapping[str, str] = field(default_factory=dict)  # attribute name -> block
    features: Mapping[str, str] = field(default_factory=dict)  # feature -> block
    scales: Mapping[str, tuple[StandardScaler, ...]] = field(default_factory=dict)  # block -> of each column

    __repr__ = short_repr

    @staticmethod
    def shared_names(graph: CatalogGraph, size: int) -> Mapping[str, int]:
        """How many of the first ``size`` targets and groups have each name."""
        return Counter(graph.names[:size])

    def grown(self, graph: CatalogGraph) -> FeatureSchema:
        """Add columns for new general nodes and values (of the greatest rarity); a new attribute gets no block."""
        general = self.general
        if general is not None:
            general = np.concatenate([general, np.setdiff1d(graph.parents.indices, general).astype(np.int64)])
        known = np.zeros(len(graph.attributes), dtype=np.bool_)
        for values in self.values.values():
            known[values.positions[values.positions >= 0]] = True
        more: dict[str, list[int]] = {}
        for position in np.flatnonzero(~known).tolist():
            more.setdefault(graph.attributes[position].name, []).append(position)
        rarest = np.log(self.size + 1)
        wider = {
            name: AttributeVocabulary(
                np.concatenate([values.positions, np.array(more.get(name, _NONE), dtype=np.int64)]),
                np.concatenate([values.rarity, np.full(len(more.get(name, _NONE)), rarest)]),
            )
            for name, values in self.values.items()
        }
        return replace(self, general=general, values=wider)

    def moved(self, old: CatalogGraph, new: CatalogGraph) -> FeatureSchema:
        """Translate positions to another graph of the source; what only that one has gets no column."""
        general = self.general
        if general is not None:
            general = _translate(general, new.ids.find(old.ids))
        place = {attribute: position for position, attribute in enumerate(new.attributes)}
        where = np.array([place.get(attribute, -1) for attribute in old.attributes], dtype=np.int64)
        values = {
            name: AttributeVocabulary(_translate(known.positions, where), known.rarity)
            for name, known in self.values.items()
        }
        return replace(self, general=general, values=values)


def _translate(positions: IntArray, where: IntArray) -> IntArray:
    return np.where(positions >= 0, where[positions], -1) if len(where) else np.full(len(positions), -1)
