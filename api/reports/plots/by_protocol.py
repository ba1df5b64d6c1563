"""The pictures of an evaluation report that stand by protocol."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ....arrays import FloatArray
from ....gnn.evaluation.comparison import CEILING, Comparison, Summary, comparable, compare, summary_table
from ....gnn.evaluation.diagnostics import Decile, Mean, correlations, deciles, target_columns
from ....gnn.evaluation.judging import HELD_OUT
from ....gnn.evaluation.methods.newaisle import Newaisle
from ..evaluation import Evaluation
from ..tables import NDCG
from .canvas import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure

OURS, _ABLATED, OTHERS, TOP, _LINE = "#d1495b", "#e8a5ae", "#2e86ab", "#edae49", "#8d99ae"
MARKERS = "sD^vP*X<>hd"
COLOURS = ("C0", "C1", "C2", "C4", "C5", "C6", "C7", "C8", "C9", "black", "navy")


def draw_ndcg(evaluation: Evaluation) -> Figure:
    """NDCG@20 of all methods, and the paired difference of newaisle to each of them, by protocol."""
    summaries = summary_table(evaluation.rows)
    protocols, count = evaluation.protocols, len({summary.method for summary in summaries})
    figure = canvas(12, len(protocols) * (1.2 + 0.3 * count) + 0.4)
    grid = figure.subplots(len(protocols), 2, squeeze=False, sharey="row", width_ratios=(1.3, 1))
    for (left, right), protocol in zip(grid, protocols, strict=True):
        own = {(s.method, s.metric): s for s in summaries if s.protocol == protocol}
        methods = sorted((m for m, metric in own if metric == NDCG), key=lambda m: own[m, NDCG].mean)
        for row, method in enumerate(methods):
            _dot(left, own[method, NDCG], row, _colour(method))
        row = methods.index(Newaisle.name)
        if match := own.get((Newaisle.name, NDCG + HELD_OUT)):
            left.plot(match.mean, row, "o", markersize=11, markerfacecolor="none", color=TOP, label=_MATCH)
            left.legend(loc="lower right", fontsize=9, frameon=False)
        for other, found in _differences(evaluation, protocol).items():
            error = found.standard_error
            right.errorbar(found.difference, methods.index(other), xerr=error, fmt="o", color=_colour(other), capsize=3)
        right.axvline(0, color="black", linewidth=0.8)
        left.set_yticks(range(len(methods)), methods)
        left.set_ylim(-0.6, len(methods) - 0.4)
        left.set_xlim(left=0)
        left.set_title(protocol, loc="left", fontweight="bold")
        left.set_xlabel(f"NDCG@20, {means_told(evaluation)}")
        right.set_xlabel(f"newaisle minus the method, {_paired(evaluation)}\n(above 0: newaisle is better)")
        for axes in (left, right):
            axes.grid(axis="both", alpha=0.3)
            axes.spines[["top", "right"]].set_visible(False)
    return figure


def draw_level(evaluation: Evaluation) -> Figure:
    """What newaisle expects of each hidden target against the share of users who really bought it."""
    figure, panels = _panels(evaluation, 1, height=5)
    told = {found.protocol: found for found in correlations(evaluation.results, Newaisle.name)}
    drawn: list[PathCollection] = []
    for (axes,), protocol in zip(panels, evaluation.protocols, strict=True):
        drawn += [
            axes.scatter(columns["share"], columns["level"], s=14, alpha=0.8, c=columns["confidence"])
            for columns in _targets(evaluation, protocol)
        ]
        axes.set_xscale("log")
        axes.set_yscale("log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
        axes.axline((0.01, 0.01), (0.1, 0.1), color=_LINE, linestyle="--")
        axes.set_xlabel("share of the users who really bought the target (log scale)")
        rank = told[protocol].level_share
        axes.set_title(f"{protocol}\nrank correlation within a split: {_told(rank)}", fontsize=11)
    panels[0][0].set_ylabel("expected share of buyers (log scale)")
    thresholds = [limit for points in drawn for limit in points.get_clim()]
    for points in drawn:
        points.set_clim(min(thresholds), max(thresholds))
    figure.colorbar(drawn[0], ax=[axes for (axes,) in panels], label="confidence")
    return figure


def draw_confidence(evaluation: Evaluation) -> Figure:
    """Error of the expected level and taste AUC by decile of confidence."""
    found = deciles(evaluation.results, "confidence", Newaisle.name)
    figure, panels = _panels(evaluation, 2, height=7.5)
    for (error, taste), protocol in zip(panels, evaluation.protocols, strict=True):
        own = [decile for decile in found if decile.protocol == protocol]
        _curve(error, own, lambda decile: decile.level_error, lambda decile: decile.decile)
        _curve(taste, own, lambda decile: decile.taste_auc, lambda decile: decile.decile)
        error.axhline(math.log(2), color=_LINE, linestyle="--", label="wrong by a factor of 2")
        taste.axhline(0.5, color=_LINE, linestyle="--", label="one list for everybody")
        error.set_ylim(bottom=0)
        error.set_title(f"{protocol}\n{span([decile.targets for decile in own])} targets in each decile", fontsize=11)
        for axes in (error, taste):
            axes.set_xticks(range(1, 11))
            axes.legend(fontsize=9, frameon=False)
        taste.set_xlabel(f"decile of confidence, 10 = surest ({means_told(evaluation)})")
    panels[0][0].set_ylabel("error of the expected level:\n|log(expected / true share of buyers)|")
    panels[0][1].set_ylabel("taste AUC")
    return figure


def draw_distance(evaluation: Evaluation) -> Figure:
    """Taste AUC of each hidden target against its distance from the nearest seen target."""
    found = deciles(evaluation.results, "distance", Newaisle.name)
    figure, panels = _panels(evaluation, 1, height=5)
    for (axes,), protocol in zip(panels, evaluation.protocols, strict=True):
        for place, columns in enumerate(_targets(evaluation, protocol)):
            label = None if place else "a hidden target"
            axes.scatter(columns["distance"], columns["taste_auc"], s=10, color=OTHERS, alpha=0.35, label=label)
        own = [decile for decile in found if decile.protocol == protocol]
        _curve(axes, own, lambda decile: decile.taste_auc, lambda decile: decile.middle, "mean of each decile")
        axes.axhline(0.5, color=_LINE, linestyle="--", label="one list for everybody")
        axes.set_xlabel("distance from the nearest sold target\n(root mean square over what is known, all parts alike)")
        axes.set_title(protocol, fontsize=11)
        axes.legend(fontsize=9, frameon=False)
    panels[0][0].set_ylabel("taste AUC of one hidden target")
    return figure


def draw_variety(evaluation: Evaluation) -> Figure:
    """Coverage and diversity against NDCG@20, by method and protocol."""
    summaries = summary_table(evaluation.rows)
    labels = {"coverage@20": "coverage: share of the candidates\nin at least one top 20", "diversity": _DIVERSITY}
    metrics = [metric for metric in labels if any(summary.metric == metric for summary in summaries)]
    methods = list(dict.fromkeys(summary.method for summary in summaries if summary.method != Newaisle.name))
    methods.append(Newaisle.name)  # drawn last, on top
    figure, panels = _panels(evaluation, len(metrics), height=4 * len(metrics))
    for column, protocol in zip(panels, evaluation.protocols, strict=True):
        own = {(s.method, s.metric): s for s in summaries if s.protocol == protocol}
        for axes, metric in zip(column, metrics, strict=True):
            for place, method in enumerate(methods):
                if (method, metric) in own:
                    _point(axes, own[method, NDCG], own[method, metric], place)
        column[0].set_title(protocol, fontsize=11)
        column[-1].set_xlabel(f"NDCG@20, {means_told(evaluation)}")
    for axes, metric in zip(panels[0], metrics, strict=True):
        axes.set_ylabel(labels[metric])
    handles, names = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right center", frameon=False)
    return figure


def span(counts: Sequence[int]) -> str:
    """The least and the greatest of some counts, for people."""
    least, most = min(counts), max(counts)
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


_MATCH = "newaisle on the ceiling's users"
_DIVERSITY = "diversity: 1 - mean cosine of texts\nwithin a top 20"


def _panels(evaluation: Evaluation, rows: int, *, height: float) -> tuple[Figure, list[list[Axes]]]:
    """A figure with one column of axes per protocol, and these columns."""
    protocols = len(evaluation.protocols)
    figure = canvas(1.5 + 5.5 * protocols, height)
    grid = figure.subplots(rows, protocols, squeeze=False, sharey="row")
    for axes in grid.flat:
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    return figure, [list(column) for column in grid.T]


def _dot(axes: Axes, summary: Summary, row: int, colour: str) -> None:
    axes.errorbar(summary.mean, row, xerr=summary.standard_error, fmt="o", color=colour, capsize=3)
    axes.annotate(
        f"{summary.mean:.3f}", (summary.mean, row), (0, 8), textcoords="offset points", ha="center", fontsize=8
    )


def _point(axes: Axes, across: Summary, up: Summary, place: int) -> None:
    ours = across.method == Newaisle.name
    axes.errorbar(
        across.mean,
        up.mean,
        xerr=across.standard_error,
        yerr=up.standard_error,
        fmt="o" if ours else MARKERS[place % len(MARKERS)],
        color=OURS if ours else COLOURS[place % len(COLOURS)],
        markerfacecolor="none" if ours else None,
        markeredgewidth=2 if ours else 1,
        markersize=11 if ours else 7,
        elinewidth=0.8,
        label=across.method,
    )


def _curve(
    axes: Axes,
    found: Sequence[Decile],
    height: Callable[[Decile], Mean | None],
    place: Callable[[Decile], float],
    label: str = "newaisle",
) -> None:
    points = [(place(decile), mean) for decile in found if (mean := height(decile)) is not None]
    errors = [mean.standard_error or 0.0 for _, mean in points]
    axes.errorbar(
        [x for x, _ in points],
        [mean.value for _, mean in points],
        yerr=errors if any(errors) else None,
        fmt="o-",
        color=OURS,
        capsize=3,
        label=label,
    )


def _targets(evaluation: Evaluation, protocol: str) -> list[Mapping[str, FloatArray]]:
    """What newaisle says of the candidates, split by split."""
    own = [result for result in evaluation.results if result.protocol == protocol]
    return [target_columns(result, Newaisle.name) for result in own]


def _differences(evaluation: Evaluation, protocol: str) -> dict[str, Comparison]:
    """Other method -> newaisle minus it, NDCG@20."""
    found: dict[str, Comparison] = {}
    for other in dict.fromkeys(row.method for row in evaluation.rows):
        for compared in compare(evaluation.rows, other) if other != Newaisle.name else ():
            wanted = comparable(NDCG, protocol) if other == CEILING else NDCG
            if (compared.protocol, compared.method, compared.metric) == (protocol, Newaisle.name, wanted):
                found[other] = compared
    return found


def _colour(method: str) -> str:
    if method.startswith(Newaisle.name):
        return OURS if method == Newaisle.name else _ABLATED
    return TOP if method == CEILING else OTHERS


def means_told(evaluation: Evaluation) -> str:
    """What the points of a picture are, for its axis."""
    count = len(evaluation.seeds)
    return f"mean of {count} seeds ± standard error" if count > 1 else f"seed {evaluation.seeds[0]} alone"


def _paired(evaluation: Evaluation) -> str:
    return "paired ± standard error" if len(evaluation.seeds) > 1 else "paired"


def _told(mean: Mean | None) -> str:
    if mean is None:
        return "not defined"
    return f"{mean.value:.3f}" + ("" if mean.standard_error is None else f" ± {mean.standard_error:.3f}")
