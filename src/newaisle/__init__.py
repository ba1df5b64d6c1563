"""newaisle recommends product categories (and products) that nobody has bought yet."""

from .graph import CatalogGraph, Interactions

__all__ = ["CatalogGraph", "Interactions"]
__version__ = "0.1.0"
