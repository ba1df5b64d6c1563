"""Sources of catalogs and purchases."""

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from ..graph.groups import with_groups
    from .base import LoadedSource
    from .complete_journey import load_complete_journey
    from .google import load_google
    from .registry import Loader, load, register, source_usage
    from .shopify import load_shopify
    from .summary.findings import Finding
    from .summary.summary import SourceSummary
    from .tables import load_tables

__all__ = [
    "Finding",
    "LoadedSource",
    "Loader",
    "SourceSummary",
    "load",
    "load_complete_journey",
    "load_google",
    "load_shopify",
    "load_tables",
    "register",
    "source_usage",
    "with_groups",
]

__getattr__ = lazy_names(
    __name__,
    {
        "Finding": ".summary.findings",
        "LoadedSource": ".base",
        "Loader": ".registry",
        "SourceSummary": ".summary.summary",
        "load": ".registry",
        "load_complete_journey": ".complete_journey",
        "load_google": ".google",
        "load_shopify": ".shopify",
        "load_tables": ".tables",
        "register": ".registry",
        "source_usage": ".registry",
        "with_groups": "..graph.groups",
    },
)
