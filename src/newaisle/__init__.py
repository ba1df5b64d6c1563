"""newaisle recommends product categories (and products) that nobody has bought yet."""

from typing import TYPE_CHECKING

from .lazy import lazy_names

if TYPE_CHECKING:
    from .api import Recommender, evaluate
    from .graph import CatalogGraph, Interactions, load_graph
    from .loaders import LoadedSource, from_orders, load

__all__ = [
    "CatalogGraph",
    "Interactions",
    "LoadedSource",
    "Recommender",
    "evaluate",
    "from_orders",
    "load",
    "load_graph",
]
__version__ = "0.1.0"

__getattr__ = lazy_names(
    __name__,
    {
        "CatalogGraph": ".graph",
        "Interactions": ".graph",
        "LoadedSource": ".loaders",
        "Recommender": ".api",
        "evaluate": ".api",
        "from_orders": ".loaders",
        "load": ".loaders",
        "load_graph": ".graph",
    },
)
