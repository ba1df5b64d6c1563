"""The pictures of protocols in which something is known of the new targets, or of others beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....gnn.evaluation.comparison import CEILING, Summary, summary_table
from ....gnn.evaluation.methods.newaisle import Newaisle
from ....gnn.evaluation.protocols.few_shot import AlsRevealed, PopularityRevealed
from ....gnn.evaluation.protocols.names import revealed_share
from ..evaluation import Evaluation
from ..tables import NDCG
from .by_protocol import COLOURS, MARKERS, OURS, TOP, means_told
from .canvas import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LEARNING = (AlsRevealed.name, PopularityRevealed.name)


def draw_few_shot(evaluation: Evaluation) -> Figure:
    """NDCG@20 of all methods by how many reveal their purchases of the hidden targets."""
    summaries = [summary for summary in summary_table(evaluation.rows) if summary.metric == NDCG]
    levels = sorted({revealed_share(summary.protocol) for summary in summaries})
    others = [m for m in dict.fromkeys(s.method for s in summaries) if m not in (Newaisle.name, CEILING, *_LEARNING)]
    figure = canvas(10, 6)
    axes = figure.subplots()
    for place, method in enumerate(others):
        _curve(axes, summaries, levels, method, COLOURS[place % len(COLOURS)], f"{MARKERS[place % len(MARKERS)]}:")
    for method, style in ((CEILING, "--"), (_LEARNING[1], "s-"), (_LEARNING[0], "D-"), (Newaisle.name, "o-")):
        colour = {Newaisle.name: OURS, CEILING: TOP}.get(method, "C0" if method == _LEARNING[0] else "C2")
        _curve(axes, summaries, levels, method, colour, style)
    axes.set_xticks(range(len(levels)), [f"{level} %" for level in levels])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("share of one half of the users that revealed what they bought of the hidden targets")
    axes.set_ylabel(f"NDCG@20 over the other half\n({means_told(evaluation)})")
    axes.set_title("few-shot", fontsize=11)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right center", frameon=False)
    return figure


def draw_generalised(evaluation: Evaluation) -> Figure:
    """NDCG@20 for seen and for new targets in one list, and H, of all methods."""
    found = {(s.method, s.metric): s for s in summary_table(evaluation.rows)}
    methods = sorted({method for method, metric in found if metric == "h"}, key=lambda method: found[method, "h"].mean)
    figure = canvas(10, 1.5 + 0.6 * len(methods))
    axes = figure.subplots()
    parts = (("ndcg@20:new", "C0", "new targets"), ("ndcg@20:seen", COLOURS[2], "seen targets"), ("h", OURS, "H"))
    for place, (metric, colour, label) in enumerate(parts):
        own = [found[method, metric] for method in methods]
        errors = [summary.standard_error or 0.0 for summary in own]
        axes.barh(
            [row + 0.27 * (place - 1) for row in range(len(methods))],
            [summary.mean for summary in own],
            height=0.25,
            xerr=errors if any(errors) else None,
            color=colour,
            label=label,
        )
    axes.set_yticks(range(len(methods)), methods)
    axes.set_xlabel(f"NDCG@20 in one list, and the harmonic mean H of both ({means_told(evaluation)})")
    axes.set_title("generalised", fontsize=11)
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right center", frameon=False, reverse=True)
    return figure


def _curve(axes: Axes, summaries: list[Summary], levels: list[int], method: str, colour: str, style: str) -> None:
    own = {revealed_share(summary.protocol): summary for summary in summaries if summary.method == method}
    if not own:
        return
    places = [place for place, level in enumerate(levels) if level in own]
    points = [own[levels[place]] for place in places]
    strong = method in (Newaisle.name, CEILING, *_LEARNING)
    errors = [summary.standard_error or 0.0 for summary in points]
    axes.errorbar(
        places,
        [summary.mean for summary in points],
        yerr=errors if strong and any(errors) else None,
        fmt=style,
        color=colour,
        linewidth=2.5 if method == Newaisle.name else 1.2,
        markersize=7 if strong else 4,
        alpha=1.0 if strong else 0.7,
        capsize=3,
        label=method,
    )
