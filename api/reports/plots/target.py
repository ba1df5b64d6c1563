"""The plot of one new target: its neighbours in the graph, and the seen targets that its embedding is made of."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import numpy as np

from ....gnn.retrieval.attribution import source_shares
from ....graph import Id
from ...recommender import Recommender
from .canvas import canvas

_SOURCES = 12
_CANDIDATES = 40
_CARRIERS = 3
_COLOURS = {"new": "#d1495b", "seen": "#2e86ab", "group": "#8d99ae", "attribute": "#edae49"}


def plot_target(model: Recommender, target: Id, path: Path) -> None:
    """Plot a target's neighbourhood (left) and the seen targets its vector is made of (right) to a PNG file.

    Raises:
        MissingExtraError: matplotlib is not installed.
        UnknownIdError: no such target.
    """
    figure = canvas(16, 7.5)
    name = model.fitted.graph.names[model.fitted.graph.ids.position(target)]
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    _plot_graph(left, model, target)
    _plot_sources(right, model, target)
    figure.suptitle(f"{name}: nobody has bought it yet", fontsize=15, fontweight="bold")
    figure.savefig(path, dpi=120)


def _plot_graph(axes, model: Recommender, target: Id) -> None:  # type: ignore[no-untyped-def]  # matplotlib is optional
    """The target, its parents and attributes, and the most similar seen targets that share them."""
    graph, latent_model = model.fitted.graph, model.fitted.model
    near, around = graph.neighbourhood(target, 1), graph.neighbourhood(target, 2)
    shown = nx.Graph()
    shown.add_node(target, **near.nodes[target])
    carriers: dict[object, int] = {}
    for other in model.table_columns(model.similar(target, _CANDIDATES))["target"]:
        shared = [] if other == target or other not in around else [n for n in around.successors(other) if n in near]
        # a node that many share says little and would make a hairball
        rare = [node for node in shared if node != target and carriers.get(node, 0) < _CARRIERS]
        for node in rare:
            carriers[node] = carriers.get(node, 0) + 1
            for end in (node, other):
                shown.add_node(end, **around.nodes[end])
            shown.add_edge(other, node)
            shown.add_edge(target, node)
    seen = {graph.ids.values[i] for i in latent_model.regressor.seen}
    kinds = {node: _kind(node, data, target, seen) for node, data in shown.nodes(data=True)}
    places = nx.kamada_kawai_layout(shown)
    nx.draw_networkx_edges(shown, places, ax=axes, edge_color="#c9ced6")
    for kind, colour in _COLOURS.items():
        members = [node for node in shown if kinds[node] == kind]
        sizes = [900 if node == target else 260 for node in members]
        nx.draw_networkx_nodes(shown, places, members, ax=axes, node_color=colour, node_size=sizes, label=_LABELS[kind])
    labels = {node: _short(str(data["name"])) for node, data in shown.nodes(data=True)}
    above = {node: (x, y + 0.06) for node, (x, y) in places.items()}
    nx.draw_networkx_labels(shown, above, labels, ax=axes, font_size=8)
    axes.set_title("Its place in the catalog graph")
    axes.legend(loc="lower left", fontsize=9, markerscale=0.5, frameon=False)
    axes.margins(0.12)
    axes.set_axis_off()


def _kind(node: object, data: dict[str, object], target: Id, seen: set[Id]) -> str:
    if node == target:
        return "new"
    if data["kind"] == "attribute":
        return "attribute"
    return "seen" if node in seen else "group" if data["group"] else "new"


_LABELS = {"new": "new target", "seen": "sold target", "group": "group above it", "attribute": "attribute"}


def _plot_sources(axes, model: Recommender, target: Id) -> None:  # type: ignore[no-untyped-def]  # matplotlib is optional
    graph, latent_model = model.fitted.graph, model.fitted.model
    weights, _ = source_shares(latent_model, graph.ids.position(target))
    first = np.argsort(-np.abs(weights), kind="stable")[:_SOURCES][::-1]
    axes.barh(
        range(len(first)),
        weights[first],
        color=[_COLOURS["seen"] if weight > 0 else _COLOURS["group"] for weight in weights[first]],
    )
    axes.set_yticks(range(len(first)), [_short(graph.names[i]) for i in latent_model.regressor.seen[first]])
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_title("Where its embedding came from")
    axes.set_xlabel("weight of the sold target's factors")
    axes.spines[["top", "right"]].set_visible(False)


def _short(text: str, most: int = 28) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
