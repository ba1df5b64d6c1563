"""Sources of catalogs and purchases."""

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from .base import Loaded
    from .complete_journey import load_complete_journey
    from .google import load_google
    from .groups import with_groups
    from .registry import KINDS, load
    from .shopify import load_shopify
    from .tables import load_tables

__all__ = [
    "KINDS",
    "Loaded",
    "load",
    "load_complete_journey",
    "load_google",
    "load_shopify",
    "load_tables",
    "with_groups",
]

__getattr__ = lazy_names(
    __name__,
    {
        "KINDS": ".registry",
        "Loaded": ".base",
        "load": ".registry",
        "load_complete_journey": ".complete_journey",
        "load_google": ".google",
        "load_shopify": ".shopify",
        "load_tables": ".tables",
        "with_groups": ".groups",
    },
)
