"""Groups, that is categories that only hold others, for sources that do not mark them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..graph import CatalogGraph, Interactions
from ..graph.catalog.schema import frozen


def with_groups(graph: CatalogGraph, interactions: Interactions | None) -> CatalogGraph:
    """Mark categories with children and no interaction of their own as groups; without interactions none is marked."""
    if interactions is None:
        return graph
    bare = np.diff(graph.parents.tocsc().indptr) > 0
    named = graph.ids.find(interactions.targets)
    bare[named[named >= 0]] = False
    return replace(graph, is_group=frozen(bare, np.bool_))
