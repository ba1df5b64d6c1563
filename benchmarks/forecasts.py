"""Forecasts of the number of buyers, in generated shops whose customers buy once, twice, five and twenty times.

    python benchmarks/forecasts.py [--per-user 1.02,2,5,20] [--seeds 300,301,302]
        [--source tables:DIR] [--without-best N]

Prints the share of hidden targets inside the 80 % interval and mean forecast over mean true buyers, with ``:tail``
without the 60 best sold targets (:mod:`newaisle.gnn.evaluation.forecasts`). ``--source`` takes a real shop in their
place, ``--without-best`` removes its best sold targets, so that histories get short.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from newaisle import CatalogGraph, Interactions, load
from newaisle.api.settings import Settings
from newaisle.gnn.evaluation.comparison import corrected_standard_error
from newaisle.gnn.evaluation.forecasts import forecast_metrics
from newaisle.gnn.evaluation.methods.newaisle import Newaisle
from newaisle.gnn.propagation.propagate import propagate
from newaisle.gnn.text.catalog import encode_catalog
from newaisle.gnn.text.encoder import PACKAGED
from newaisle.gnn.validation.splits import LEAVE_TARGETS_OUT, buyers, make_split

TARGETS = 300
USERS = {1.02: 6000, 2.0: 3000, 5.0: 1500, 20.0: 1000}
"""Mean purchases per user -> users, so that targets have some tens of buyers."""
VALUES = {"kind": 12, "colour": 8, "material": 6}
"""Attribute -> number of its values."""


def main() -> None:
    """Fit and judge every shop, seed by seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--per-user", default="1.02,2,5,20", help="default: %(default)s")
    parser.add_argument("--seeds", default="300,301,302", help="default: %(default)s")
    parser.add_argument("--source", help="a real shop in place of generated ones")
    parser.add_argument("--without-best", type=int, default=0, help="best sold targets to remove; default: none")
    options = parser.parse_args()
    seeds = [int(word) for word in options.seeds.split(",")]
    names = [options.source] if options.source else options.per_user.split(",")
    for name in names:
        found: dict[str, list[float]] = {}
        for seed in seeds:
            graph, history = real(name, options.without_best) if options.source else generated_shop(float(name), seed)
            for metric, value in judged(graph, history, seed, PACKAGED if options.source else None).items():
                found.setdefault(metric, []).append(value)
        for metric, values in found.items():
            error = corrected_standard_error(values)
            shown = " ".join(f"{value:.2f}" for value in values)
            print(f"{name} per user, {metric}: {np.mean(values):.3f} ± {error or 0:.3f} ({shown})", flush=True)


def judged(graph: CatalogGraph, history: Interactions, seed: int, encoder: str | None) -> dict[str, float]:
    """Metrics of the forecasts of a random fifth of the sold targets."""
    encoded = encode_catalog(graph, encoder, Settings().encodings)
    split = make_split(LEAVE_TARGETS_OUT, graph, history.matrix(graph), seed)
    method = Newaisle(seed, propagate(graph, encoded.texts, encoded.names))
    method.fit(split)
    return forecast_metrics(method.forecast(split, split.listed), split)


def real(source: str, without_best: int) -> tuple[CatalogGraph, Interactions]:
    """A source, without the events on its best sold targets."""
    loaded = load(source)
    if loaded.interactions is None:
        raise SystemExit(f"{source} has no sales.")
    history = loaded.interactions.restrict(loaded.graph)
    count = buyers(history.matrix(loaded.graph))
    best = np.argsort(-count, kind="stable")[:without_best]
    place = loaded.graph.ids.find(history.targets)[history.target]
    return loaded.graph, history.where(~np.isin(place, best))


def generated_shop(per_user: float, seed: int) -> tuple[CatalogGraph, Interactions]:
    """A shop whose users buy ``per_user`` distinct targets on average, from 1 to half of all.

    Popularity is lognormal, a part of it by attributes; every user has a taste of the attributes. The number of
    purchases beyond the first is geometric.
    """
    random = np.random.default_rng(seed)
    users = USERS.get(per_user, 2000)
    attributes = {name: random.integers(size, size=TARGETS) for name, size in VALUES.items()}
    popularity = random.normal(0.0, 0.8, TARGETS)
    for name, size in VALUES.items():
        popularity += random.normal(0.0, 0.4, size)[attributes[name]]
    sizes = np.minimum(random.geometric(1 / per_user, users), TARGETS // 2)
    pairs = list(_purchases(random, attributes, popularity, sizes))
    ids = [f"t{target}" for target in range(TARGETS)]
    columns = {name: [f"{name} {value}" for value in values] for name, values in attributes.items()}
    catalog = pa.table({"id": ids, "name": ids, **columns})
    events = pa.table({"user": [user for user, _ in pairs], "target": [ids[target] for _, target in pairs]})
    return CatalogGraph.from_tables(catalog), Interactions.from_table(events)


def _purchases(
    random: np.random.Generator, attributes: dict[str, np.ndarray], popularity: np.ndarray, sizes: np.ndarray
) -> Iterator[tuple[int, int]]:
    """Pairs of user and target: without replacement, by popularity and taste (the Gumbel trick)."""
    for user, size in enumerate(sizes.tolist()):
        worth = popularity + random.gumbel(size=len(popularity))
        for name, values in attributes.items():
            worth += random.normal(0.0, 0.7, VALUES[name])[values]
        yield from ((user, target) for target in np.argpartition(-worth, size - 1)[:size].tolist())


if __name__ == "__main__":
    main()
