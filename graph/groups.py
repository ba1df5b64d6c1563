"""Groups, that is categories that only hold others, for catalogs that do not mark them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .catalog.graph import CatalogGraph
from .catalog.schema import frozen
from .interactions import Interactions


def with_groups(graph: CatalogGraph, interactions: Interactions | None) -> CatalogGraph:
    """Mark categories with others below them and no interaction of their own as groups.

    A graph whose groups are known stays as it is, and so does any graph without interactions.
    """
    if interactions is None or graph.groups_known:
        return graph
    bare = np.diff(graph.parents.tocsc().indptr) > 0
    named = graph.ids.find(interactions.targets.values[at] for at in np.unique(interactions.target).tolist())
    bare[named[named >= 0]] = False
    return replace(graph, is_group=frozen(bare, np.bool_), groups_known=True)
