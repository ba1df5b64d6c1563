"""newaisle recommends product categories (and products) that nobody has bought yet."""

from typing import TYPE_CHECKING, Any

from .graph import CatalogGraph, Interactions
from .loaders import Loaded, load

if TYPE_CHECKING:
    from .api import Recommender

__all__ = ["CatalogGraph", "Interactions", "Loaded", "Recommender", "load"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # loaded when first asked for: torch takes seconds to import
    if name == "Recommender":
        from .api import Recommender

        return Recommender
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
