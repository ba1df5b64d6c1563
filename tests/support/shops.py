"""Random small shops for property tests: tables of a catalog and of events, and a model fitted to them quickly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
from hypothesis import assume
from hypothesis import strategies as st

from newaisle import CatalogGraph, Interactions, Recommender
from newaisle.errors import ModelError
from newaisle.gnn.factors.settings import FactorSettings
from newaisle.gnn.model.settings import ModelSettings
from newaisle.gnn.prior.kernel import KernelSettings
from newaisle.gnn.propagation.propagate import propagate

Event = tuple[str | int, str | int, str, float, int]
"""User, target, kind, weight (a quantity), day."""

KINDS = ("purchase", "purchase", "purchase", "view", "basket", "dislike")


@dataclass(frozen=True)
class Shop:
    """A random shop: rows of its categories (id, name, parent, colour, size, group) and its events."""

    categories: tuple[tuple[str | int, str, str | int | None, str | None, float | None, bool], ...]
    events: tuple[Event, ...]

    @property
    def targets(self) -> list[str | int]:
        """Ids of all categories but groups."""
        return [row[0] for row in self.categories if not row[5]]

    @property
    def groups(self) -> list[str | int]:
        """Ids of the groups."""
        return [row[0] for row in self.categories if row[5]]

    @property
    def users(self) -> list[str | int]:
        """Ids of all users with events, ascending."""
        return sorted({event[0] for event in self.events})

    def graph(self) -> CatalogGraph:
        """Its catalog."""
        names = ("id", "name", "parent_id", "colour", "size", "group")
        return CatalogGraph.from_tables(
            pa.table(dict(zip(names, map(list, zip(*self.categories, strict=True)), strict=True)))
        )

    def history(self) -> Interactions:
        """Its events."""
        return Interactions.from_table(event_table(self.events), weight="weight", timestamp="timestamp", event="event")

    def renamed(self, target: dict[str | int, str | int], user: dict[str | int, str | int]) -> Shop:
        """The same shop with other ids."""
        categories = tuple((target[row[0]], row[1], row[2] and target[row[2]], *row[3:]) for row in self.categories)
        return replace(
            self, categories=categories, events=tuple((user[e[0]], target[e[1]], *e[2:]) for e in self.events)
        )


def event_table(events: Sequence[Event]) -> pa.Table:
    """Events as a table."""
    names = ("user", "target", "event", "weight", "timestamp")
    return pa.table(dict(zip(names, map(list, zip(*events, strict=True)), strict=True)))


@st.composite
def shops(draw: st.DrawFn) -> Shop:
    """Random shops, in which at least two targets have buyers and one has none."""
    whole = draw(st.booleans())
    groups: list[str | int] = [900 + i if whole else f"group {i}" for i in range(draw(st.integers(0, 3)))]
    targets: list[str | int] = [10 + i if whole else f"t{i:02d}" for i in range(draw(st.integers(4, 12)))]
    colours = st.sampled_from(("red", "blue", "green", None))
    parents = st.sampled_from([*groups, None])
    sizes = st.one_of(st.none(), st.integers(1, 9).map(float))
    rows = [
        *((own, f"group {own}", None, None, None, True) for own in groups),
        *((own, f"thing {own}", draw(parents), draw(colours), draw(sizes), False) for own in targets),
    ]
    sold = targets[: draw(st.integers(2, len(targets) - 1))]
    users: list[str | int] = [100 + i if whole else f"u{i:02d}" for i in range(draw(st.integers(2, 9)))]
    count = draw(st.integers(len(users), 40))
    events = [draw(_events(users, sold)) for _ in range(count)]
    return Shop(tuple(rows), tuple(events))


def _events(users: Sequence[str | int], targets: Sequence[str | int]) -> st.SearchStrategy[Event]:
    quantity = st.integers(1, 4).map(float)
    return st.tuples(
        st.sampled_from(users), st.sampled_from(targets), st.sampled_from(KINDS), quantity, st.integers(0, 365)
    )


def later_events(shop: Shop, most: int = 8) -> st.SearchStrategy[list[Event]]:
    """Events after the history of a shop, of its users and of others, on all its targets."""
    later: list[str | int] = [500, 501] if isinstance(shop.targets[0], int) else ["w1", "w2"]
    event = _events([*shop.users, *later], shop.targets)
    return st.lists(event.map(lambda own: (*own[:4], 366 + own[4])), min_size=1, max_size=most)


def settings_of(graph: CatalogGraph) -> ModelSettings:
    """Settings that weigh all that the catalog says; calibration and intervals are fitted."""
    names = propagate(graph, None).names
    return ModelSettings(
        FactorSettings(rank=4, alpha=5.0, regularization=5.0, iterations=3, second=8, rounds=0),
        KernelSettings(dict.fromkeys(names, 0.3), 0.3),
        level=0.5,
        offset=0.1,
        strength=3.0,
        seen_strength=10.0,
    )


def fitted_to(shop: Shop, settings: ModelSettings | None = None) -> Recommender:
    """A model of a shop without texts; shops that cannot be fitted are no example."""
    graph = shop.graph()
    try:
        model = Recommender(encoder=None, settings=settings or settings_of(graph))
        return model.fit(graph, shop.history())
    except ModelError:
        assume(False)
        raise


def copy_of(model: Recommender) -> Recommender:
    """The same model, to learn by itself."""
    made = Recommender(encoder=None, settings=model.settings, kinds=model.kinds)
    made._state = model.fitted
    return made
