"""How long one event takes to learn, in a generated shop of 10,000 targets and 100,000 users.

    python benchmarks/observe.py [--targets 10000] [--users 100000] [--rank 16] [--second 64] [--repeats 50]

The shop is made directly, with random factors; how good they are does not matter to how long it takes. OMP_NUM_THREADS
says how many cores are used.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from newaisle import CatalogGraph, Interactions, Recommender
from newaisle.gnn.factors.als import Factors
from newaisle.gnn.factors.settings import FactorSettings
from newaisle.gnn.model.model import build_model
from newaisle.gnn.model.settings import ModelSettings
from newaisle.gnn.prior.kernel import KernelSettings
from newaisle.gnn.propagation.propagate import fit_transform
from newaisle.gnn.serving.state import ModelState
from newaisle.graph import Ids
from newaisle.graph.event_weights import EventWeights

SEEN = 2000
PER_USER = 20
YEAR = 365 * 24 * 3600 * 10**6
BATCH = 1000


def main() -> None:
    """Measure events of several sorts, what follows when users ask again, and forgetting."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sizes = (("targets", 10_000), ("users", 100_000), ("rank", 16), ("second", 64), ("repeats", 50))
    for name, default in sizes:
        parser.add_argument(f"--{name}", type=int, default=default, help="default: %(default)s")
    given = parser.parse_args()
    random = np.random.default_rng(0)
    model = shop(random, given.targets, given.users, FactorSettings(given.rank, second=given.second))
    fitted = model.fitted
    counts = np.bincount(fitted.bought.indices, minlength=given.targets)
    print(
        f"{given.targets:,} targets ({SEEN:,} sold), {given.users:,} users, {fitted.bought.nnz:,} purchases, "
        f"{given.rank + given.second} dimensions; median (slowest) of {given.repeats} events"
    )
    new, sold = (fitted.choose(among).targets for among in ("new", "seen"))
    order = sold[np.argsort(-counts[sold])]
    users = random.permutation(given.users)
    sorts: dict[str, Callable[[int], tuple[int, int]]] = {
        "a new target": lambda i: (int(users[i]), int(new[i])),
        "a new target, a new user": lambda i: (given.users + i, int(new[given.repeats + i])),
        f"a sold target ({int(np.median(counts[sold])):,} buyers in the median)": lambda i: (
            int(users[-1 - i]),
            int(random.choice(sold)),
        ),
        f"one of the {given.repeats} most sold ({counts[order[0]]:,} buyers at most)": lambda i: (
            int(users[-given.repeats - 1 - i]),
            int(order[i]),
        ),
    }
    model.observe(event(fitted, int(users[-1]), int(new[-1]), 0))  # what is computed once for all
    clock = 1
    for name, of in sorts.items():
        events = [event(fitted, *of(i), clock + i) for i in range(given.repeats)]
        clock += given.repeats
        show(name, timed(model.observe, events))
    asked = [int(user) for user in users[: given.repeats]]
    events = [event(fitted, *sorts["a new target"](i), clock + i) for i in range(given.repeats)]
    taken = []
    for user, happened in zip(asked, events, strict=True):
        model.observe(happened)
        taken.extend(timed(model.recommend, [user]))
    show("the first list after an event", iter(taken))
    rows = np.column_stack([random.choice(users, BATCH), random.choice(new, BATCH)])
    ids = np.array(fitted.graph.ids.values)
    batch = Interactions.from_table(pa.table({"user": rows[:, 0], "target": ids[rows[:, 1]]}))
    show(f"{BATCH:,} events at once", timed(model.observe, [batch]))
    show("forgetting a user who came later", timed(model.forget, [given.users]))
    show("forgetting a user of fit time", timed(model.forget, [asked[0]]))


def timed(work: Callable[..., object], arguments: list[object]) -> Iterator[float]:
    """Seconds that each call takes."""
    for argument in arguments:
        started = time.perf_counter()
        work(argument)
        yield time.perf_counter() - started


def show(name: str, taken: Iterator[float]) -> None:
    """Print the median and the slowest."""
    seconds = list(taken)
    print(f"  {name:55} {1e3 * np.median(seconds):9.2f} ms  ({1e3 * max(seconds):.2f})")


def event(fitted: ModelState, user: int, target: int, hours: int) -> Interactions:
    """One purchase, so many hours after the opening of the first new target."""
    table = {
        "user": [user],
        "target": [fitted.graph.ids.values[target]],
        "timestamp": [np.datetime64("2024-01-01T00:00:00") + np.timedelta64(hours, "h")],
    }
    return Interactions.from_table(pa.table(table), timestamp="timestamp")


def shop(random: np.random.Generator, targets: int, users: int, settings: FactorSettings) -> Recommender:
    """A recommender of that size with random factors and sales as uneven as in a real shop."""
    catalog = {
        "id": [f"t{i:06d}" for i in range(targets)],
        "name": [f"Target {i}" for i in range(targets)],
        "kind": [f"kind {k}" for k in random.integers(200, size=targets)],
        "price": random.lognormal(size=targets),
    }
    graph = CatalogGraph.from_tables(pa.table(catalog))
    blocks, frozen = fit_transform(graph, None, None)
    demand = 1.0 / np.arange(1, SEEN + 1) ** 0.7
    pairs = np.unique(
        np.repeat(np.arange(users), PER_USER) * targets + random.choice(SEEN, PER_USER * users, p=demand / demand.sum())
    )
    sold = (np.ones(len(pairs)), (pairs // targets, pairs % targets))
    bought = sp.csr_array(sold, shape=(users, targets))
    rank = settings.rank + settings.second
    vectors = random.normal(size=(users, rank)) / np.sqrt(rank), random.normal(size=(targets, rank)) / np.sqrt(rank)
    vectors[1][SEEN:] = 0.0
    factors = Factors(*vectors, vectors[1], settings)
    latent_model = build_model(
        bought, factors, blocks, ModelSettings(settings, KernelSettings({"kind": 0.5, "price": 0.1}, 0.1))
    )
    model = Recommender(encoder=None)
    ids = Ids(tuple(range(users)), "user")
    model._state = ModelState(
        graph=graph,
        users=ids,
        bought=bought,
        signed=bought,
        kinds=EventWeights(),
        model=latent_model,
        schema=frozen,
        encoder=None,
        seed=0,
        window=YEAR,
    )
    return model


if __name__ == "__main__":
    main()
