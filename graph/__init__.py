"""Catalog graph and interactions, their validation, and the graph store."""

from .address import Credentials, home_folder
from .catalog import Attribute, CatalogGraph, Edges, Relation
from .cleaning import CleaningReport
from .errors import NewaisleError
from .ids import Id, Ids
from .interactions import Interactions
from .store import QueryResult, Store, open_store
from .writing import WriteResult

__all__ = [
    "Attribute",
    "CatalogGraph",
    "CleaningReport",
    "Credentials",
    "Edges",
    "Id",
    "Ids",
    "Interactions",
    "NewaisleError",
    "QueryResult",
    "Relation",
    "Store",
    "WriteResult",
    "home_folder",
    "open_store",
]
