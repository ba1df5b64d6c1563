"""Catalog graph and interactions, their validation, and the graph store."""

import importlib
from typing import TYPE_CHECKING, Any

from ..errors import NewaisleError
from ..paths import home_folder
from .catalog.graph import CatalogGraph
from .catalog.schema import Attribute, Edges, Relation
from .cleaning import CleaningReport
from .ids import Id, Ids
from .interactions import Interactions
from .store.url import Credentials

if TYPE_CHECKING:
    from .store.incremental import GraphChanges
    from .store.open import load_graph, open_store
    from .store.refresh import refresh
    from .store.report import RefreshReport
    from .store.store import QueryResult, Store
    from .store.write import RefreshContext, WriteBack

__all__ = [
    "Attribute",
    "CatalogGraph",
    "CleaningReport",
    "Credentials",
    "Edges",
    "GraphChanges",
    "Id",
    "Ids",
    "Interactions",
    "NewaisleError",
    "QueryResult",
    "RefreshContext",
    "RefreshReport",
    "Relation",
    "Store",
    "WriteBack",
    "home_folder",
    "load_graph",
    "open_store",
    "refresh",
]

# imported on first use: the neo4j driver would more than double the time that importing newaisle takes
_LAZY = {
    "GraphChanges": ".store.incremental",
    "QueryResult": ".store.store",
    "RefreshReport": ".store.report",
    "Store": ".store.store",
    "WriteBack": ".store.write",
    "RefreshContext": ".store.write",
    "load_graph": ".store.open",
    "open_store": ".store.open",
    "refresh": ".store.refresh",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
