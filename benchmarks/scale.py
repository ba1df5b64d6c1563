"""Time and memory of a fit on 5,000, 15,000 and 50,000 targets, and what the nearest targets alone tell.

    python benchmarks/scale.py [--targets 5000 15000 50000] [--users 4000]

The catalog and its sales are generated: departments, groups and brands with tastes of their own, text embeddings that
resemble their group's, a fifth of the targets without sales. Every size is fitted by a process of its own, the search
of settings included. Accuracy is NDCG@20 on the unsold fifth against what the same users would have bought there.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from newaisle import CatalogGraph
from newaisle.gnn.prior import nearest
from newaisle.gnn.prior.kernel import KernelRegressor
from newaisle.gnn.prior.nearest import EXACT, NearestNeighborRegressor
from newaisle.gnn.propagation.propagate import propagate
from newaisle.gnn.training.fit import fit_model
from newaisle.gnn.validation.metrics import ndcg

PURCHASES = 60
"""Mean number of targets that a user buys."""

PER_GROUP = 50
DIMENSIONS = 384


def main() -> None:
    """Measure every size, then the nearest targets beside the exact head."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--targets", type=int, nargs="+", default=[5_000, 15_000, 50_000], help="default: %(default)s")
    parser.add_argument("--users", type=int, default=4_000, help="default: %(default)s")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        measure(given.one, given.users)
        return
    print(f"{'targets':>8} {'generated':>10} {'fitted':>8} {'peak':>8} {'NDCG@20':>8}  head")
    for count in given.targets:
        command = [sys.executable, __file__, "--one", str(count), "--users", str(given.users)]
        subprocess.run(command, check=True)
    print(f"\nthe nearest targets beside the exact head, {EXACT:,} targets, 8,000 of them seen")
    compare(EXACT, given.users)


def measure(count: int, users: int) -> None:
    """Fit one size and print its line."""
    started = time.perf_counter()
    graph, texts, bought, hidden = shop(count, users)
    blocks = propagate(graph, texts)
    fitting = time.perf_counter()
    latent_model = fit_model(graph, bought, blocks)
    seconds, peak = time.perf_counter() - fitting, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    figure, kind = (
        judged(latent_model.factors.users, latent_model.vectors, hidden),
        type(latent_model.regressor).__name__,
    )
    print(
        f"{count:>8,} {fitting - started:>8.0f} s {seconds:>6.0f} s {peak:>5.1f} GB {figure:>8.4f}  {kind}", flush=True
    )


def compare(count: int, users: int) -> None:
    """The ranking of unsold targets by the exact head and from ever more of the nearest, all with the same settings."""
    graph, texts, bought, hidden = shop(count, users)
    latent_model = fit_model(graph, bought, propagate(graph, texts))
    exact, new = latent_model.regressor, np.flatnonzero(np.diff(sp.csc_array(hidden).indptr))

    def line(name: str, head: KernelRegressor) -> None:
        started = time.perf_counter()
        mean = head.prior(new).mean[:, :-1]
        seconds = time.perf_counter() - started
        figure = ndcg(latent_model.factors.users @ mean.T, hidden[:, new].toarray() > 0)
        print(f"{name:>16} NDCG@20 {figure:.4f} {seconds:>6.1f} s")

    line("exact", KernelRegressor(exact.blocks, exact.settings, exact.seen, exact.factors))
    for many in (5, 20, 50, 100, 200):
        nearest.NEAREST = many
        line(f"{many:,} nearest", NearestNeighborRegressor(exact.blocks, exact.settings, exact.seen, exact.factors))


def judged(users: np.ndarray, vectors: np.ndarray, hidden: sp.csr_array) -> float:
    """NDCG@20 of the unsold targets, for 1,000 users."""
    new = np.flatnonzero(np.diff(sp.csc_array(hidden).indptr))
    return ndcg(users[:1000] @ vectors[new].T, hidden[:1000][:, new].toarray() > 0)


def shop(count: int, users: int) -> tuple[CatalogGraph, np.ndarray, sp.csr_array, sp.csr_array]:
    """A catalog, its text embeddings, its sales, and the sales that its unsold fifth would have had."""
    random = np.random.default_rng(count)
    groups, brands = count // PER_GROUP, count // 100
    departments = max(groups // 20, 2)
    group, above = random.integers(0, groups, count), random.integers(0, departments, groups)
    brand = random.integers(0, brands, count)
    graph = _graph(group, above, brand)
    of_group = random.normal(size=(groups, DIMENSIONS))
    texts = np.zeros((len(graph), DIMENSIONS), dtype=np.float32)
    place = graph.ids.positions([f"t{i}" for i in range(count)])
    texts[place] = of_group[group] + random.normal(size=(count, DIMENSIONS))
    texts[graph.ids.positions([f"g{i}" for i in range(groups)])] = of_group
    texts /= np.maximum(np.linalg.norm(texts, axis=1, keepdims=True), 1e-12)

    def taste(many: int, spread: float) -> np.ndarray:
        return random.normal(scale=spread, size=(many, 8))

    liked = taste(departments, 0.5)[above[group]] + taste(groups, 0.5)[group] + taste(brands, 0.3)[brand]
    liked += taste(count, 0.3)
    level = random.normal(scale=0.8, size=groups)[group] + random.normal(scale=0.8, size=count)
    sales = _sales(random, taste(users, 1.0), liked, level)
    wide = sp.csr_array((sales.data, place[sales.indices], sales.indptr), shape=(users, len(graph)))
    unsold = np.zeros(len(graph))
    unsold[random.choice(place, count // 5, replace=False)] = 1.0
    parts = [sp.csr_array(wide.multiply(keep[None, :])) for keep in (1.0 - unsold, unsold)]
    for part in parts:
        part.eliminate_zeros()
        part.sort_indices()
    return graph, texts, parts[0], parts[1]


def _graph(group: np.ndarray, above: np.ndarray, brand: np.ndarray) -> CatalogGraph:
    departments = int(above.max()) + 1
    ids = [*(f"d{i}" for i in range(departments)), *(f"g{i}" for i in range(len(above)))]
    parents = [*[None] * departments, *(f"d{i}" for i in above), *(f"g{i}" for i in group)]
    names = [*ids, *(f"t{i}" for i in range(len(group)))]
    categories = {"id": names, "name": names, "parent_id": pa.array(parents, pa.string())}
    categories["group"] = [True] * len(ids) + [False] * len(group)
    attributes = {"id": names[len(ids) :], "name": ["brand"] * len(group), "value": [f"b{i}" for i in brand]}
    return CatalogGraph.from_tables(pa.table(categories), pa.table(attributes), source="generated")


def _sales(random: np.random.Generator, users: np.ndarray, liked: np.ndarray, level: np.ndarray) -> sp.csr_array:
    """Who buys what: ``PURCHASES`` targets a user, drawn by level and taste (Gumbel's trick), 100 users at a time."""
    rows = []
    for first in range(0, len(users), 100):
        wish = users[first : first + 100] @ liked.T + level
        wish += random.gumbel(size=wish.shape)
        rows.append(np.sort(np.argpartition(-wish, PURCHASES, axis=1)[:, :PURCHASES], axis=1))
    columns = np.concatenate(rows)
    ends = np.arange(len(users) + 1) * PURCHASES
    return sp.csr_array((np.ones(columns.size), columns.ravel(), ends), shape=(len(users), len(liked)))


if __name__ == "__main__":
    main()
