"""The plots of few-shot and generalised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....gnn.evaluation.comparison import CEILING, Summary
from ....gnn.evaluation.methods.newaisle import Newaisle
from ....gnn.evaluation.methods.simple_baselines import PopularityRevealed
from ....gnn.evaluation.protocols.names import revealed_share
from ..evaluation import Evaluation
from ..tables import NDCG
from .by_protocol import means_label
from .canvas import COLOURS, MARKERS, OURS, TOP, canvas, errors_of, legend_beside, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STRONG = {
    CEILING: ("--", TOP),
    PopularityRevealed.name: ("s-", "C2"),
    "als-revealed": ("D-", "C0"),
    Newaisle.name: ("o-", OURS),
}
"""Emphasised method -> style and colour, the topmost last."""


def plot_few_shot(evaluation: Evaluation) -> Figure:
    """NDCG@20 of all methods by the share of users that reveal their purchases of the hidden targets."""
    summary = [each for each in evaluation.summary if each.metric == NDCG]
    shares = sorted({revealed_share(each.protocol) for each in summary})
    others = [method for method in dict.fromkeys(each.method for each in summary) if method not in _STRONG]
    figure = canvas(10, 6)
    axes = figure.subplots()
    for place, method in enumerate(others):
        look = f"{MARKERS[place % len(MARKERS)]}:", COLOURS[place % len(COLOURS)]
        _curve(axes, summary, shares, method, *look)
    for method, look in _STRONG.items():
        _curve(axes, summary, shares, method, *look)
    axes.set_xticks(range(len(shares)), [f"{share} %" for share in shares])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("share of one half of the users that revealed their purchases of the hidden targets")
    axes.set_ylabel(f"NDCG@20 over the other half\n({means_label(evaluation)})")
    axes.set_title("few-shot", fontsize=11)
    style(axes)
    legend_beside(figure, [axes])
    return figure


def plot_generalised(evaluation: Evaluation) -> Figure:
    """NDCG@20 of seen and of new targets in a mixed ranking, and H, of all methods."""
    found = {(each.method, each.metric): each for each in evaluation.summary}
    methods = sorted({method for method, metric in found if metric == "h"}, key=lambda method: found[method, "h"].mean)
    figure = canvas(10, 1.5 + 0.6 * len(methods))
    axes = figure.subplots()
    parts = (("ndcg@20:new", "C0", "new targets"), ("ndcg@20:seen", COLOURS[2], "seen targets"), ("h", OURS, "H"))
    for place, (metric, colour, label) in enumerate(parts):
        axes.barh(
            [row + 0.27 * (place - 1) for row in range(len(methods))],
            [found[method, metric].mean for method in methods],
            height=0.25,
            xerr=errors_of([found[method, metric].standard_error for method in methods]),
            color=colour,
            label=label,
        )
    axes.set_yticks(range(len(methods)), methods)
    axes.set_xlabel(f"NDCG@20 in the mixed ranking, and the harmonic mean H of both ({means_label(evaluation)})")
    axes.set_title("generalised", fontsize=11)
    style(axes, grid="x")
    legend_beside(figure, [axes], reverse=True)
    return figure


def _curve(axes: Axes, summary: list[Summary], shares: list[int], method: str, fmt: str, colour: str) -> None:
    found = {revealed_share(each.protocol): each for each in summary if each.method == method}
    if not found:
        return
    places = [place for place, share in enumerate(shares) if share in found]
    points = [found[shares[place]] for place in places]
    strong = method in _STRONG
    axes.errorbar(
        places,
        [point.mean for point in points],
        yerr=errors_of([point.standard_error for point in points]) if strong else None,
        fmt=fmt,
        color=colour,
        linewidth=2.5 if method == Newaisle.name else 1.2,
        markersize=7 if strong else 4,
        alpha=1.0 if strong else 0.7,
        capsize=3,
        label=method,
    )
