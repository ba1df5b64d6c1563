"""Everything that ``newaisle evaluate`` compares: newaisle, its ablations and the baselines, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from ....arrays import Float32Array, FloatArray
from ....graph import CatalogGraph
from ....graph.catalog.derive import bare, shuffled
from ...propagation.features import FeatureKind
from ...propagation.propagate import propagate
from ..contracts import Method
from .ceiling import Ceiling
from .kernel_baselines import BASELINE_KINDS, KernelRidge, Knn, LinMap, Popularity, TextCosine
from .newaisle import Newaisle, Uninformed
from .simple_baselines import simple_baselines


def compared_methods(
    graph: CatalogGraph,
    texts: Float32Array | None,
    names: Float32Array | None = None,
    vectors: Mapping[str, FloatArray] | None = None,
    *,
    ablate: bool = False,
) -> dict[str, Callable[[int], Method]]:
    """Newaisle and all baselines that the catalog allows, each made from a seed.

    Args:
        graph: the catalog as the methods may know it.
        texts: text embeddings, float32 (n, d), or None.
        names: embeddings of the names alone, float32 (n, d), or None.
        vectors: further modalities: name -> unit vectors, float64 (n, d).
        ablate: add ``newaisle-shuffled`` (every leaf has the edges of another one), ``newaisle-no-propagation`` (own
            texts and features alone), ``newaisle-no-KIND`` for every kind of blocks, ``newaisle-uninformed`` (factors
            without the graph) and ``linmap-on-phi`` (the baseline with all of newaisle's blocks).
    """
    blocks = propagate(graph, texts, names, vectors)
    made: dict[str, Callable[[int], Method]] = {Newaisle.name: partial(Newaisle, blocks=blocks)}
    if ablate:
        variants: Mapping[str, CatalogGraph] = {"shuffled": shuffled(graph, seed=0), "no-propagation": bare(graph)}
        for name, changed in variants.items():
            left = propagate(changed, texts, names, vectors)
            if left.names:
                made[f"{Newaisle.name}-{name}"] = partial(Newaisle, blocks=left)
        made |= {
            f"{Newaisle.name}-no-{kind}": partial(Newaisle, blocks=left)
            for kind in dict.fromkeys(blocks.kinds.values())
            if (left := blocks.of(set(FeatureKind) - {kind})).names
        }
        made[f"{Newaisle.name}-uninformed"] = partial(Uninformed, blocks=blocks)
        made[f"{LinMap.name}-on-phi"] = partial(LinMap, blocks=blocks)
    made |= simple_baselines(graph)
    plain = blocks.of(BASELINE_KINDS)
    for kind in (Popularity, TextCosine, Knn, KernelRidge, LinMap) if plain.names else ():
        if kind is not TextCosine or "text" in plain.names:
            made[kind.name] = partial(kind, blocks=plain)
    made[Ceiling.name] = Ceiling
    return made
