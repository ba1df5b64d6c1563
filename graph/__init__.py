"""Catalog graph and interactions, their validation, and the graph store."""

import importlib
from typing import TYPE_CHECKING, Any

from ..errors import NewaisleError
from ..paths import home_folder
from .address import Credentials
from .catalog.graph import CatalogGraph
from .catalog.schema import Attribute, Edges, Relation
from .cleaning import CleaningReport
from .ids import Id, Ids
from .interactions import Interactions

if TYPE_CHECKING:
    from .changes import GraphChanges
    from .refreshing import refresh
    from .store import QueryResult, Store, open_store
    from .writing import RefreshReport, WriteBack, Written

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
    "RefreshReport",
    "Relation",
    "Store",
    "WriteBack",
    "Written",
    "home_folder",
    "open_store",
    "refresh",
]

# loaded when first asked for: the neo4j driver would more than double the time that importing newaisle takes
_LATE = {
    "GraphChanges": ".changes",
    "QueryResult": ".store",
    "RefreshReport": ".writing",
    "Store": ".store",
    "WriteBack": ".writing",
    "Written": ".writing",
    "open_store": ".store",
    "refresh": ".refreshing",
}


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return getattr(importlib.import_module(_LATE[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
