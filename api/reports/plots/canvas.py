"""Canvas, colours and the look of axes of all plots; matplotlib is optional."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from ....errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OURS, ABLATED, OTHERS, TOP, REFERENCE = "#d1495b", "#e8a5ae", "#2e86ab", "#edae49", "#8d99ae"
"""Colours of newaisle, its ablations, other methods, the ceiling and reference lines."""
MARKERS = "sD^vP*X<>hd"
COLOURS = ("C0", "C1", "C2", "C4", "C5", "C6", "C7", "C8", "C9", "black", "navy")


def canvas(width: float, height: float) -> Figure:
    """An empty figure, width and height in inches; a MissingExtraError without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError('Plots need matplotlib; run pip install "newaisle[demo]".') from None
    return Figure(figsize=(width, height), layout="constrained")


def style(axes: Axes, *, grid: Literal["both", "x"] = "both") -> None:
    """A faint grid, and no frame above and to the right."""
    axes.grid(axis=grid, alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def errors_of(standard_errors: Sequence[float | None]) -> list[float] | None:
    """Lengths of error bars; None where no point has one."""
    lengths = [error or 0.0 for error in standard_errors]
    return lengths if any(lengths) else None


def legend_beside(figure: Figure, panels: Sequence[Axes], *, reverse: bool = False) -> None:
    """One legend to the right of the figure, each label of the panels once."""
    handles = {
        label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside right center", frameon=False, reverse=reverse)
