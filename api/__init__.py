"""The front door: the Recommender and the command line."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .recommender import Explanation, Reason, Recommender

__all__ = ["Explanation", "Reason", "Recommender"]


def __getattr__(name: str) -> Any:
    # loaded when first asked for: the command line must not wait for torch
    if name in __all__:
        from . import recommender

        return getattr(recommender, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
