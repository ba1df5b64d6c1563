"""The baselines that need no fit."""

from __future__ import annotations

from newaisle.gnn.evaluation.contracts import Make
from newaisle.gnn.evaluation.methods.simple_baselines import CATALOG_SIZE, CatalogSize, RandomScores
from newaisle.graph import CatalogGraph


def simple_baselines(graph: CatalogGraph) -> dict[str, Make]:
    """Those that the catalog allows, by name, each made from a seed."""
    found: dict[str, Make] = {RandomScores.name: RandomScores}
    return found | ({CatalogSize.name: CatalogSize} if CATALOG_SIZE in graph.features else {})
