"""Everything that ``newaisle evaluate`` compares: newaisle, its ablations and the baselines, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import numpy.typing as npt

from ..graph import CatalogGraph
from ..graph.catalog import FloatArray, IntArray
from ..graph.reduce import bare, shuffled
from .baselines import Ceiling, KernelRidge, Knn, LinMap, OnBlocks, Popularity, TextCosine, fitted
from .evaluation import Method
from .propagation import propagate
from .simple_baselines import simple_baselines
from .space import Space, fit_space
from .splits import Split

Texts = npt.NDArray[np.float32]


class Newaisle(OnBlocks):
    """newaisle itself, zero-shot."""

    name = "newaisle"

    _space: Space | None = None

    def fit(self, split: Split) -> None:
        """Fit the space, its settings chosen on pseudo-new targets hidden as the split hides."""
        self._space = fit_space(split.graph, split.train, self.blocks, seed=self.seed, protocols=(split.protocol,))

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:  # noqa: ARG002
        """The cosine score, float64 (users, targets).

        Raises:
            ModelError: it was not fitted.
        """
        space = fitted(self._space)
        return space.score(space.factors.user_vectors(users), targets)


def compared_methods(
    graph: CatalogGraph, texts: Texts | None, *, ablate: bool = False
) -> dict[str, Callable[[int], Method]]:
    """Newaisle and all baselines that the catalog allows, each made from a seed.

    Args:
        graph: the catalog as the methods may know it.
        texts: text embeddings, float32 (n, d), or None.
        ablate: add ``newaisle-shuffled`` (every leaf has the edges of another one) and ``newaisle-no-propagation``
            (own texts and features alone).
    """
    blocks = propagate(graph, texts)
    made: dict[str, Callable[[int], Method]] = {Newaisle.name: partial(Newaisle, blocks=blocks)}
    if ablate:
        variants: Mapping[str, CatalogGraph] = {"shuffled": shuffled(graph, seed=0), "no-propagation": bare(graph)}
        for name, changed in variants.items():
            made[f"{Newaisle.name}-{name}"] = partial(Newaisle, blocks=propagate(changed, texts))
    made |= simple_baselines(graph)
    for kind in (Popularity, TextCosine, Knn, KernelRidge, LinMap):
        if kind is not TextCosine or "text" in blocks.names:
            made[kind.name] = partial(kind, blocks=blocks)
    made[Ceiling.name] = Ceiling
    return made
