"""The baselines that need no fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....arrays import FloatArray, IntArray
from ....display import short_repr
from ....errors import InputError
from ...validation.splits import Split
from ..contracts import Make, MethodCatalog

CATALOG_SIZE = "catalog_size"
"""Feature with the number of products below a category."""


class RandomScores:
    """A random order of its own for every user."""

    name = "random"

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def fit(self, split: Split) -> None:
        """Learn nothing."""

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:
        """Uniform scores, float64 (users, targets); a pair's score does not depend on the other pairs."""
        everything = len(split.graph)
        scores = [np.random.default_rng([self.seed, user]).random(everything)[targets] for user in users.tolist()]
        return np.array(scores, dtype=np.float64).reshape(len(users), len(targets))


@dataclass(frozen=True, eq=False)
class SameForAll:
    """One ranking for all users by ``values``, float64 (n,)."""

    values: FloatArray

    __repr__ = short_repr

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:  # noqa: ARG002
        """The values, float64 (users, targets), equal in all rows."""
        return np.tile(self.values[targets], (len(users), 1))


class PopularityRevealed:
    """One ranking for all users: number of revealing users who bought the target; in few-shot only."""

    name = "popularity-revealed"

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def fit(self, split: Split) -> None:
        """Learn nothing: nobody has revealed anything yet."""

    def revealed(self, split: Split, users: IntArray) -> SameForAll:
        """The ranking by the purchases of some users."""
        return SameForAll(np.bincount(split.test[users].indices, minlength=split.test.shape[1]).astype(np.float64))

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:  # noqa: ARG002
        """Zeros, float64 (users, targets)."""
        return np.zeros((len(users), len(targets)))


class CatalogSize:
    """One ranking for all users: the category with the most products first, those of unknown size last."""

    name = "catalog-size"

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    @classmethod
    def offer(cls, catalog: MethodCatalog) -> Make | None:
        """None where the catalog has no sizes."""
        return cls if CATALOG_SIZE in catalog.graph.features else None

    def fit(self, split: Split) -> None:
        """Check that the sizes are there, else an InputError."""
        if CATALOG_SIZE not in split.graph.features:
            raise InputError(f"The catalog has no feature {CATALOG_SIZE!r}; leave the {self.name} baseline out.")

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:
        """Catalog sizes, float64 (users, targets), equal in all rows."""
        sizes = split.graph.features[CATALOG_SIZE][targets]
        return np.tile(np.where(np.isnan(sizes), -np.inf, sizes), (len(users), 1))
