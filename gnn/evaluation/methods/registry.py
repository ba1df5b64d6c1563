"""The methods of an evaluation by name; further ones can be registered."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from importlib.metadata import entry_points

from ....arrays import Float32Array, FloatArray
from ....errors import InputError
from ....graph import CatalogGraph
from ....graph.catalog.derive import bare, shuffled
from ...propagation.features import FeatureKind
from ...propagation.propagate import propagate
from ..contracts import Make, MethodCatalog, Offer
from .ceiling import Ceiling
from .kernel_baselines import KernelRidge, Knn, Popularity, TextCosine
from .linmap import LinMap
from .newaisle import Newaisle, Uninformed
from .simple_baselines import CatalogSize, RandomScores

ENTRY_POINTS = "newaisle.methods"
"""Group of entry points by which an installed package adds methods: name = an ``Offer``."""
BASELINE_KINDS = frozenset(
    {FeatureKind.TEXT, FeatureKind.RELATION, FeatureKind.FEATURE, FeatureKind.MODALITY, FeatureKind.COUNT}
)
METHODS: dict[str, Offer] = {}
"""Name -> offer, in the order of the rows."""


def register_method(name: str, offer: Offer) -> None:
    """Add a method under a name in the rows to every evaluation of this process.

    An installed package uses an entry point of the group ``newaisle.methods``, so that ``newaisle evaluate`` knows its
    methods too. Results are cached only for :class:`newaisle.gnn.evaluation.contracts.Configured` ones.

    Raises:
        InputError: the name is taken.
    """
    if name in METHODS:
        raise InputError(f"A method {name!r} is registered already; give yours another name.")
    METHODS[name] = offer


register_method(Newaisle.name, Newaisle.offer)
register_method(RandomScores.name, lambda _catalog: RandomScores)
register_method(CatalogSize.name, CatalogSize.offer)
register_method(Popularity.name, Popularity.offer)
register_method(TextCosine.name, TextCosine.offer)
register_method(Knn.name, Knn.offer)
register_method(KernelRidge.name, KernelRidge.offer)
register_method(LinMap.name, LinMap.offer)
register_method(Ceiling.name, lambda _catalog: Ceiling)


def compared_methods(
    graph: CatalogGraph,
    texts: Float32Array | None,
    names: Float32Array | None = None,
    vectors: Mapping[str, FloatArray] | None = None,
    *,
    ablate: bool = False,
) -> dict[str, Make]:
    """All registered methods that the catalog allows, each made from a seed.

    ``texts`` and ``names`` are embeddings, float32 (n, d), ``vectors`` unit vectors by modality, float64 (n, d).
    ``ablate`` adds ``newaisle-shuffled`` (every leaf has the edges of another one), ``newaisle-no-propagation`` (texts
    and features alone), ``newaisle-no-KIND`` for every kind of blocks, ``newaisle-uninformed`` (factors without the
    graph) and ``linmap-on-phi`` (the baseline with all of newaisle's blocks).
    """
    for point in entry_points(group=ENTRY_POINTS):
        if point.name not in METHODS:
            register_method(point.name, point.load())
    blocks = propagate(graph, texts, names, vectors)
    catalog = MethodCatalog(graph, blocks, blocks.of(BASELINE_KINDS))
    methods: dict[str, Make] = {}
    for name, offer in METHODS.items():
        if (make := offer(catalog)) is not None:
            methods[name] = make
        if ablate and name == Newaisle.name:
            for variant, changed in (("shuffled", shuffled(graph, seed=0)), ("no-propagation", bare(graph))):
                if (left := propagate(changed, texts, names, vectors)).names:
                    methods[f"{name}-{variant}"] = partial(Newaisle, blocks=left)
            for kind in dict.fromkeys(blocks.kinds.values()):
                if (left := blocks.of(set(FeatureKind) - {kind})).names:
                    methods[f"{name}-no-{kind}"] = partial(Newaisle, blocks=left)
            methods[f"{name}-uninformed"] = partial(Uninformed, blocks=blocks)
            methods[f"{LinMap.name}-on-phi"] = partial(LinMap, blocks=blocks)
    return methods
