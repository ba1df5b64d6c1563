"""The plots of an evaluation report with one panel per protocol."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ....arrays import FloatArray
from ....gnn.evaluation.comparison import CEILING, Summary
from ....gnn.evaluation.diagnostics import Decile, Mean, correlations, deciles, target_columns
from ....gnn.evaluation.judging import HELD_OUT
from ....gnn.evaluation.methods.newaisle import Newaisle
from ..evaluation import Evaluation
from ..tables import NDCG, with_error
from .canvas import (
    ABLATED,
    COLOURS,
    MARKERS,
    OTHERS,
    OURS,
    REFERENCE,
    TOP,
    canvas,
    errors_of,
    legend_beside,
    style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure


def plot_ndcg(evaluation: Evaluation) -> Figure:
    """NDCG@20 of all methods, and the paired difference of newaisle to each of them, by protocol."""
    protocols, count = evaluation.protocols, len({each.method for each in evaluation.summary})
    figure = canvas(12, len(protocols) * (1.2 + 0.3 * count) + 0.4)
    grid = figure.subplots(len(protocols), 2, squeeze=False, sharey="row", width_ratios=(1.3, 1))
    several = len(evaluation.seeds) > 1
    for (left, right), protocol in zip(grid, protocols, strict=True):
        found = _of_protocol(evaluation, protocol)
        methods = sorted((m for m, metric in found if metric == NDCG), key=lambda m: found[m, NDCG].mean)
        for row, method in enumerate(methods):
            _dot(left, found[method, NDCG], row)
        if match := found.get((Newaisle.name, NDCG + HELD_OUT)):
            circle = {"markersize": 11, "markerfacecolor": "none", "color": TOP}
            left.plot(match.mean, methods.index(Newaisle.name), "o", label="newaisle on the ceiling's users", **circle)
            left.legend(loc="lower right", bbox_to_anchor=(1, 1), fontsize=9, frameon=False)
        for each in evaluation.differences:
            if (each.protocol, each.main_metric) == (protocol, NDCG):
                row, colour = methods.index(each.baseline), _colour(each.baseline)
                right.errorbar(each.difference, row, xerr=each.standard_error, fmt="o", color=colour, capsize=3)
        right.axvline(0, color="black", linewidth=0.8)
        left.set_yticks(range(len(methods)), methods)
        left.set_ylim(-0.6, len(methods) - 0.4)
        left.set_xlim(left=0)
        left.set_title(protocol, loc="left", fontweight="bold")
        left.set_xlabel(f"NDCG@20, {means_label(evaluation)}")
        paired = "paired ± standard error" if several else "paired"
        right.set_xlabel(f"newaisle minus the method, {paired}\n(above 0: newaisle is better)")
        style(left)
        style(right)
    return figure


def plot_level(evaluation: Evaluation) -> Figure:
    """The predicted share of buyers of each hidden target against the true one."""
    figure, panels = _panels(evaluation, 1, height=5)
    ranks = {found.protocol: found.level_share for found in correlations(evaluation.results, Newaisle.name)}
    points: list[PathCollection] = []
    for (axes,), protocol in zip(panels, evaluation.protocols, strict=True):
        points += [
            axes.scatter(columns["share"], columns["level"], s=14, alpha=0.8, c=columns["confidence"])
            for columns in _targets(evaluation, protocol)
        ]
        axes.set_xscale("log")
        axes.set_yscale("log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
        axes.axline((0.01, 0.01), (0.1, 0.1), color=REFERENCE, linestyle="--")
        axes.set_xlabel("true share of buyers (log scale)")
        rank = ranks[protocol]
        correlation = "not defined" if rank is None else with_error(rank.value, rank.standard_error, ".3f")
        axes.set_title(f"{protocol}\nrank correlation within a split: {correlation}", fontsize=11)
    panels[0][0].set_ylabel("predicted share of buyers (log scale)")
    limits = [limit for each in points for limit in each.get_clim()]
    for each in points:
        each.set_clim(min(limits), max(limits))
    figure.colorbar(points[0], ax=[axes for (axes,) in panels], label="confidence")
    return figure


def plot_confidence(evaluation: Evaluation) -> Figure:
    """Error of the predicted popularity and taste AUC by decile of confidence."""
    figure, panels = _panels(evaluation, 2, height=7.5)
    by_protocol = _deciles(evaluation, "confidence")
    for (error, taste), (protocol, found) in zip(panels, by_protocol.items(), strict=True):
        _curve(error, found, lambda decile: decile.level_error, lambda decile: decile.decile)
        _curve(taste, found, lambda decile: decile.taste_auc, lambda decile: decile.decile)
        error.axhline(math.log(2), color=REFERENCE, linestyle="--", label="wrong by a factor of 2")
        taste.axhline(0.5, color=REFERENCE, linestyle="--", label="same ranking for all users")
        error.set_ylim(bottom=0)
        error.set_title(f"{protocol}\n{span([decile.targets for decile in found])} targets per decile", fontsize=11)
        for axes in (error, taste):
            axes.set_xticks(range(1, 11))
            axes.legend(fontsize=9, frameon=False)
        taste.set_xlabel(f"decile of confidence, 10 = most confident\n({means_label(evaluation)})")
    panels[0][0].set_ylabel("error of the predicted popularity:\n|log(predicted / true share of buyers)|")
    panels[0][1].set_ylabel("taste AUC")
    return figure


def plot_distance(evaluation: Evaluation) -> Figure:
    """Taste AUC of each hidden target against its distance from the nearest seen target."""
    figure, panels = _panels(evaluation, 1, height=5)
    for (axes,), (protocol, found) in zip(panels, _deciles(evaluation, "distance").items(), strict=True):
        for place, columns in enumerate(_targets(evaluation, protocol)):
            label = None if place else "a hidden target"
            axes.scatter(columns["distance"], columns["taste_auc"], s=10, color=OTHERS, alpha=0.35, label=label)
        _curve(axes, found, lambda decile: decile.taste_auc, lambda decile: decile.middle, "mean of each decile")
        axes.axhline(0.5, color=REFERENCE, linestyle="--", label="same ranking for all users")
        axes.set_xlabel("distance from the nearest seen target\n(root mean square over the blocks of features)")
        axes.set_title(protocol, fontsize=11)
        axes.legend(fontsize=9, frameon=False)
    panels[0][0].set_ylabel("taste AUC of one hidden target")
    return figure


def plot_variety(evaluation: Evaluation) -> Figure:
    """Coverage and diversity against NDCG@20, by method and protocol."""
    summary = evaluation.summary
    labels = {
        "coverage@20": "coverage: share of the candidates\nin at least one top 20",
        "diversity": "diversity: 1 - mean cosine of texts\nwithin a top 20",
    }
    metrics = [metric for metric in labels if any(each.metric == metric for each in summary)]
    methods = [method for method in dict.fromkeys(each.method for each in summary) if method != Newaisle.name]
    methods.append(Newaisle.name)  # last, so that it is on top
    figure, panels = _panels(evaluation, len(metrics), height=4 * len(metrics))
    for column, protocol in zip(panels, evaluation.protocols, strict=True):
        found = _of_protocol(evaluation, protocol)
        for axes, metric in zip(column, metrics, strict=True):
            for place, method in enumerate(methods):
                if (method, metric) in found:
                    _point(axes, found[method, NDCG], found[method, metric], place)
        column[0].set_title(protocol, fontsize=11)
        column[-1].set_xlabel(f"NDCG@20, {means_label(evaluation)}")
    for axes, metric in zip(panels[0], metrics, strict=True):
        axes.set_ylabel(labels[metric])
    legend_beside(figure, [column[0] for column in panels])
    return figure


def span(counts: Sequence[int]) -> str:
    """The least and the greatest of some counts, for people."""
    least, most = min(counts), max(counts)
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def means_label(evaluation: Evaluation) -> str:
    """What the points of a plot are, for its axis."""
    count = len(evaluation.seeds)
    return f"mean of {count} seeds ± standard error" if count > 1 else f"seed {evaluation.seeds[0]} alone"


def _panels(evaluation: Evaluation, rows: int, *, height: float) -> tuple[Figure, list[list[Axes]]]:
    protocols = len(evaluation.protocols)
    figure = canvas(1.5 + 5.5 * protocols, height)
    grid = figure.subplots(rows, protocols, squeeze=False, sharey="row")
    for axes in grid.flat:
        style(axes)
    return figure, [list(column) for column in grid.T]


def _of_protocol(evaluation: Evaluation, protocol: str) -> dict[tuple[str, str], Summary]:
    return {(each.method, each.metric): each for each in evaluation.summary if each.protocol == protocol}


def _deciles(evaluation: Evaluation, by: str) -> dict[str, list[Decile]]:
    found = deciles(evaluation.results, by, Newaisle.name)
    return {name: [decile for decile in found if decile.protocol == name] for name in evaluation.protocols}


def _targets(evaluation: Evaluation, protocol: str) -> list[Mapping[str, FloatArray]]:
    return [target_columns(result, Newaisle.name) for result in evaluation.results if result.protocol == protocol]


def _dot(axes: Axes, summary: Summary, row: int) -> None:
    colour, place = _colour(summary.method), (summary.mean, row)
    axes.errorbar(*place, xerr=summary.standard_error, fmt="o", color=colour, capsize=3)
    axes.annotate(f"{summary.mean:.3f}", place, (0, 8), textcoords="offset points", ha="center", fontsize=8)


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
    axes.errorbar(
        [x for x, _ in points],
        [mean.value for _, mean in points],
        yerr=errors_of([mean.standard_error for _, mean in points]),
        fmt="o-",
        color=OURS,
        capsize=3,
        label=label,
    )


def _colour(method: str) -> str:
    if method.startswith(Newaisle.name):
        return OURS if method == Newaisle.name else ABLATED
    return TOP if method == CEILING else OTHERS
