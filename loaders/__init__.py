"""Sources of catalogs and purchases."""

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from ..graph.groups import with_groups
    from .base import LoadedSource
    from .complete_journey import load_complete_journey
    from .google import load_google
    from .orders.source import from_orders, load_orders
    from .registry import Loader, load, register, source_usage
    from .sales.attach import with_sales
    from .shopify import load_shopify
    from .summary.findings import Finding
    from .summary.summary import SourceSummary
    from .tables import load_tables

__all__ = [
    "Finding",
    "LoadedSource",
    "Loader",
    "SourceSummary",
    "from_orders",
    "load",
    "load_complete_journey",
    "load_google",
    "load_orders",
    "load_shopify",
    "load_tables",
    "register",
    "source_usage",
    "with_groups",
    "with_sales",
]

__getattr__ = lazy_names(
    __name__,
    {
        "Finding": ".summary.findings",
        "LoadedSource": ".base",
        "Loader": ".registry",
        "SourceSummary": ".summary.summary",
        "from_orders": ".orders.source",
        "load": ".registry",
        "load_complete_journey": ".complete_journey",
        "load_google": ".google",
        "load_orders": ".orders.source",
        "load_shopify": ".shopify",
        "load_tables": ".tables",
        "register": ".registry",
        "source_usage": ".registry",
        "with_groups": "..graph.groups",
        "with_sales": ".sales.attach",
    },
)
