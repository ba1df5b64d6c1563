"""The baselines that learn nothing: what any method has to beat."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ....arrays import FloatArray, IntArray
from ....errors import InputError
from ....graph import CatalogGraph
from ...validation.splits import Split

CATALOG_SIZE = "catalog_size"
"""The feature with the number of products below a category."""


class RandomScores:
    """A random order of its own for every user."""

    name = "random"

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def fit(self, split: Split) -> None:
        """Learn nothing."""

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:
        """Uniform scores, float64 (users, targets), of a user and a target the same whoever else is asked about."""
        everything = len(split.graph)
        drawn = [np.random.default_rng([self.seed, user]).random(everything)[targets] for user in users.tolist()]
        return np.array(drawn, dtype=np.float64).reshape(len(users), len(targets))


class CatalogSize:
    """One list for everybody: the category with the most products first, those of unknown size last."""

    name = "catalog-size"

    def fit(self, split: Split) -> None:
        """Check that the sizes are there.

        Raises:
            InputError: the graph has no feature ``catalog_size``.
        """
        if CATALOG_SIZE not in split.graph.features:
            raise InputError(f"The catalog has no feature {CATALOG_SIZE!r}; leave the {self.name} baseline out.")

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:
        """Catalog sizes, float64 (users, targets), equal in all rows."""
        sizes = split.graph.features[CATALOG_SIZE][targets]
        return np.tile(np.where(np.isnan(sizes), -np.inf, sizes), (len(users), 1))


def simple_baselines(graph: CatalogGraph) -> Mapping[str, Callable[[int], RandomScores | CatalogSize]]:
    """Those of these baselines that the catalog allows, by name, each made from a seed."""
    offered: dict[str, Callable[[int], RandomScores | CatalogSize]] = {RandomScores.name: RandomScores}
    if CATALOG_SIZE in graph.features:
        offered[CatalogSize.name] = _catalog_size
    return offered


def _catalog_size(_seed: int) -> CatalogSize:
    # no lambda: other processes find it by its name
    return CatalogSize()
