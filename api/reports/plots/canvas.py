"""Where pictures are drawn: matplotlib, which is optional, without any window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def canvas(width: float, height: float) -> Figure:
    """An empty figure, width and height in inches; its parts make room for each other.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError('Pictures need matplotlib; run pip install "newaisle[demo]".') from None
    return Figure(figsize=(width, height), layout="constrained")
