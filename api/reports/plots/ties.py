"""What ties a target to the sold targets that it was predicted from: the strongest of them, for a plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ....display import short_repr
from ....gnn.retrieval.attribution import source_shares
from ....gnn.serving.state import ModelState
from ....graph import CatalogGraph, Id
from ...answers.explain.paths import GraphPath, GraphPaths

MOST_SOLD = 12
MOST_SHARED = 9
_LEAST = 1e-9
_ALIKE = "alike in words"

Kind = Literal["ancestor", "attribute", "text"]


@dataclass(frozen=True)
class Sold:
    """A sold target and its weight in the prediction, negative where it speaks against."""

    name: str
    weight: float


@dataclass(frozen=True)
class Shared:
    """What the target has in common with some of the sold targets, given by their places."""

    name: str
    kind: Kind
    sold: tuple[int, ...]


@dataclass(frozen=True)
class Ties:
    """A target, the sold targets with the largest weights in its prediction, and what it shares with them.

    Attributes:
        kind: "category" or "product".
        has_sales: whether somebody bought the target.
        bought: what nobody has done with it yet.
        more_sold: how many sold targets with smaller weights are left out.
        more_shared: how much else that they share is left out.
    """

    name: str
    kind: str
    has_sales: bool
    sold: Sequence[Sold]
    shared: Sequence[Shared]
    more_sold: int = 0
    more_shared: int = 0
    bought: str = "bought"

    __repr__ = short_repr


def ties_of(state: ModelState, target: Id, most_sold: int = MOST_SOLD, most_shared: int = MOST_SHARED) -> Ties:
    """The strongest ties of a target; UnknownIdError where there is no such target."""
    graph, seen, position = state.graph, state.model.regressor.seen, state.graph.ids.position(target)
    weights, sales = source_shares(state.model, position)
    order = np.argsort(-np.abs(weights), kind="stable")
    order = order[(np.abs(weights[order]) > _LEAST) & (seen[order] != position)]
    names, others = Names(graph.names), seen[order[:most_sold]].tolist()
    paths = GraphPaths(state, position)
    found: dict[tuple[Kind, str], list[tuple[int, float]]] = {}
    for place, other in enumerate(others):
        for path in _strongest(paths.of(other)):
            found.setdefault((path.kind, _called(path, names)), []).append((place, path.weight))
    # few categories and words tie much; of attributes, those that are rare and shared with many of the sold targets
    strongest = sorted(found, key=lambda tie: (tie[0] == "attribute", -sum(weight for _, weight in found[tie])))
    shared = [Shared(name, kind, tuple(place for place, _ in found[kind, name])) for kind, name in strongest]
    return Ties(
        name=names.readable(graph.names[position]),
        kind="product" if graph.is_product[position] else "category",
        has_sales=bool(np.abs(sales).sum() > _LEAST),
        sold=list(map(Sold, _called_apart(graph, names, [position, *others])[1:], weights[order[:most_sold]].tolist())),
        shared=shared[:most_shared],
        more_sold=max(0, len(order) - most_sold),
        more_shared=max(0, len(shared) - most_shared),
        bought=state.verb.bought,
    )


class Names:
    """Names of a catalog for people: where most are in capitals, as ``SOFT DRINKS``, they become ``Soft drinks``."""

    def __init__(self, names: Sequence[str]) -> None:
        self._loud = 2 * sum(name.isupper() for name in names) > len(names)

    def readable(self, name: str) -> str:
        """One name."""
        return name.capitalize() if self._loud and name.isupper() else name


def _called_apart(graph: CatalogGraph, names: Names, positions: Sequence[int]) -> list[str]:
    """Some targets by their names, with the ids of those that are called the same."""
    known = [names.readable(graph.names[at]) for at in positions]
    ids = [names.readable(str(graph.ids.values[at])) for at in positions]
    return [f"{name} ({own})" if known.count(name) > 1 else name for name, own in zip(known, ids, strict=True)]


def _strongest(paths: Sequence[GraphPath]) -> list[GraphPath]:
    """The rarest attribute, the nearest category and the words: more would be a tangle."""
    return list({path.kind: path for path in reversed(paths)}.values())


def _called(path: GraphPath, names: Names) -> str:
    """A tie in words: ``department: Grocery``, ``in Soft drinks``, ``alike in words``."""
    if path.kind == "text":
        return _ALIKE
    if path.kind == "ancestor":
        return f"in {names.readable(path.via)}"
    name, _, value = path.via.partition("=")
    return f"{name.replace('_', ' ')}: {names.readable(value)}"
