"""Catalog graph and interactions, their validation, and the graph store."""

from .catalog import Attribute, CatalogGraph, Edges, Relation
from .cleaning import CleaningReport
from .errors import NewaisleError
from .ids import Id, Ids
from .interactions import Interactions

__all__ = [
    "Attribute",
    "CatalogGraph",
    "CleaningReport",
    "Edges",
    "Id",
    "Ids",
    "Interactions",
    "NewaisleError",
    "Relation",
]
