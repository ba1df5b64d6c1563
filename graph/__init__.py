"""Catalog graph and interactions, their validation, and the graph store."""

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from ..errors import NewaisleError
    from ..paths import home_folder
    from .catalog.graph import CatalogGraph
    from .catalog.schema import Attribute, Edges, Relation
    from .cleaning import CleaningReport
    from .ids import Id, Ids
    from .interactions import Interactions
    from .store.incremental import GraphChanges
    from .store.open import load_graph, open_store
    from .store.query import QueryResult
    from .store.refresh import refresh
    from .store.report import RefreshReport
    from .store.store import Store
    from .store.url import Credentials
    from .store.write import RefreshContext, RefreshOptions, WriteBack

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
    "RefreshOptions",
    "RefreshReport",
    "Relation",
    "Store",
    "WriteBack",
    "home_folder",
    "load_graph",
    "open_store",
    "refresh",
]

__getattr__ = lazy_names(
    __name__,
    {
        "Attribute": ".catalog.schema",
        "CatalogGraph": ".catalog.graph",
        "CleaningReport": ".cleaning",
        "Credentials": ".store.url",
        "Edges": ".catalog.schema",
        "GraphChanges": ".store.incremental",
        "Id": ".ids",
        "Ids": ".ids",
        "Interactions": ".interactions",
        "NewaisleError": "..errors",
        "QueryResult": ".store.query",
        "RefreshContext": ".store.write",
        "RefreshOptions": ".store.write",
        "RefreshReport": ".store.report",
        "Relation": ".catalog.schema",
        "Store": ".store.store",
        "WriteBack": ".store.write",
        "home_folder": "..paths",
        "load_graph": ".store.open",
        "open_store": ".store.open",
        "refresh": ".store.refresh",
    },
)
