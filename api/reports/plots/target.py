"""The plot of one new target: the sold targets that its vector is predicted from, and what it shares with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ....graph import Id
from ...recommender import Recommender
from .boxes import Box, Ruler, Style, connect, draw_box, height_of, stacked, write
from .canvas import canvas
from .ties import Ties, ties_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# colours of Okabe and Ito, which colour-blind people can tell apart
_NEW = Style("#d55e00", "#a84a00", text="white", size=12, bold=True)
_SOLD = Style("#e3f0f8", "#0072b2")
_SHARED = {
    "ancestor": Style("#eeeeee", "#6b6b6b"),
    "attribute": Style("#fdf1d8", "#e69f00"),
    "text": Style("#dff3ec", "#009e73"),
}
_LEGEND = {
    "ancestor": "category above both",
    "attribute": "attribute of both",
    "text": "texts or names that are alike",
}
_PLAIN, _FAINT = Style("none", "none"), Style("none", "none", text="#555555", size=9)
_TITLE, _HEADING = Style("none", "none", size=15, bold=True), Style("none", "none", size=10.5, bold=True)

_WIDTH = 14.0
_COLUMNS = ((0.3, 2.4), (4.0, 2.6), (7.9, 3.0), (11.1, 2.6))
"""Left edge and width in inches: the target, what is shared, the sold targets, their bars."""
_TOP, _BOTTOM = 1.2, 1.0
_DIGITS = 0.5
"""Inches for the number at the end of a bar."""


def plot_target(model: Recommender, target: Id, path: Path) -> None:
    """Plot what a target is predicted from to a PNG, SVG or PDF file.

    Raises:
        MissingExtraError: matplotlib is not installed.
        UnknownIdError: no such target.
    """
    target_figure(ties_of(model.fitted, target)).savefig(path, dpi=120)


def target_figure(ties: Ties) -> Figure:
    """From left to right: the target, what it shares, the sold targets, their weights; as high as these need."""
    figure = canvas(_WIDTH, 1.0)
    figure.set_layout_engine("none")  # every place is computed
    ruler = Ruler(figure)
    new = [ruler.box(ties.name, *_COLUMNS[0], _NEW)]
    sold = [ruler.box(each.name, *_COLUMNS[2], _SOLD) for each in ties.sold]
    shared = [ruler.box(each.name, *_COLUMNS[1], _SHARED[each.kind]) for each in ties.shared]
    title = ruler.wrapped(
        ties.name + ("" if ties.has_sales else f": nobody has {ties.bought} it yet"), _WIDTH - 0.6, _TITLE
    )
    top = _TOP + (len(title) - 1) * _TITLE.line
    body = max(map(height_of, (new, shared, sold)))
    height = top + body + _BOTTOM
    figure.set_size_inches(_WIDTH, height)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0), xlim=(0, _WIDTH), ylim=(0, height))
    axes.set_axis_off()
    write(axes, 0.3, height - 0.25 - len(title) * _TITLE.line / 2, "\n".join(title), _TITLE)
    middle = _BOTTOM + body / 2
    sold = stacked(sold, middle)
    # what is shared stands beside the sold targets that share it, so that few curves cross
    order = sorted(range(len(shared)), key=lambda i: sum(ties.shared[i].sold) / len(ties.shared[i].sold))
    shared = stacked([shared[i] for i in order], middle)
    (target,) = stacked(new, middle)
    for box, at in zip(shared, order, strict=True):
        connect(axes, target, box, box.style.edge, 1.8)
        for place in ties.shared[at].sold:
            connect(axes, box, sold[place], box.style.edge)
    for box in (target, *shared, *sold):
        draw_box(axes, box)
    headings = (f"New {ties.kind}", "What it shares", f"with {_known(ties)}s", "Weight in its prediction")
    for (left, _), heading in zip(_COLUMNS, headings, strict=True):
        write(axes, left, height - top + 0.2, heading, _HEADING, base=True)
    _draw_bars(axes, ties, sold)
    _draw_legend(axes, ties)
    return figure


def _draw_bars(axes: Axes, ties: Ties, sold: list[Box]) -> None:
    """A bar per sold target on the height of its box, with its number behind it."""
    if not ties.sold:
        return
    left, width = _COLUMNS[3]
    weights = [each.weight for each in ties.sold]
    low, high = min(0.0, *weights), max(0.0, *weights)
    scale = (width - _DIGITS) / (high - low)
    zero = left - low * scale
    for box, weight in zip(sold, weights, strict=True):
        against = weight < 0
        axes.barh(
            box.middle,
            weight * scale,
            height=0.24,
            left=zero,
            color="white" if against else _SOLD.edge,
            edgecolor=_SOLD.edge,
            hatch="////" if against else None,
        )
        write(axes, max(zero, zero + weight * scale) + 0.07, box.middle, f"{weight:.2f}", _PLAIN)
    ends = [end for box in (sold[0], sold[-1]) for end in (box.middle - 0.2, box.middle + 0.2)]
    axes.plot([zero, zero], [min(ends), max(ends)], color="#1a1a1a", linewidth=0.9)


def _draw_legend(axes: Axes, ties: Ties) -> None:
    """What the colours mean, and what is not shown."""
    from matplotlib.patches import Patch

    kinds = [kind for kind in _SHARED if any(each.kind == kind for each in ties.shared)]
    handles = [Patch(facecolor=_SHARED[kind].face, edgecolor=_SHARED[kind].edge, label=_LEGEND[kind]) for kind in kinds]
    handles.insert(0, Patch(facecolor=_NEW.face, edgecolor=_NEW.edge, label=f"new {ties.kind}"))
    handles.append(Patch(facecolor=_SOLD.face, edgecolor=_SOLD.edge, label=_known(ties)))
    if any(each.weight < 0 for each in ties.sold):
        handles.append(Patch(facecolor="white", edgecolor=_SOLD.edge, hatch="////", label="speaks against"))
    axes.legend(
        handles=handles,
        ncols=len(handles),
        loc="center left",
        bbox_to_anchor=(0.2, 0.62),
        bbox_transform=axes.transData,
        frameon=False,
        fontsize=9.5,
        borderpad=0,
    )
    parts = [
        _part(len(ties.sold), ties.more_sold, "largest", "weights"),
        _part(len(ties.shared), ties.more_shared, "strongest", "ties"),
    ]
    write(axes, 0.3, 0.28, f"Shown: {' and '.join(parts)}.", _FAINT)


def _known(ties: Ties) -> str:
    """The targets with users, in a word."""
    return "sold target" if ties.bought == "bought" else f"already {ties.bought} target"


def _part(shown: int, left_out: int, best: str, what: str) -> str:
    """How many of something are shown."""
    return f"the {shown} {best} of {shown + left_out:,} {what}" if left_out else f"all {shown} {what}"
