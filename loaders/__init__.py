"""Sources of catalogs and purchases."""

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
