"""newaisle recommends product categories (and products) that nobody has bought yet."""

from .graph import CatalogGraph, Interactions
from .loaders import Loaded, load

__all__ = ["CatalogGraph", "Interactions", "Loaded", "load"]
__version__ = "0.1.0"
