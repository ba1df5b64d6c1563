"""newaisle recommends product categories (and products) that nobody has bought yet."""

from typing import TYPE_CHECKING, Any

from .graph import CatalogGraph, Interactions
from .loaders import Loaded, load

if TYPE_CHECKING:
    from .api import Recommender, evaluate
    from .graph import load_graph

__all__ = ["CatalogGraph", "Interactions", "Loaded", "Recommender", "evaluate", "load", "load_graph"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # loaded when first asked for: torch and the neo4j driver take long to import
    if name in ("Recommender", "evaluate"):
        from . import api

        return getattr(api, name)
    if name == "load_graph":
        from . import graph

        return getattr(graph, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
