"""The best 20 of 10,000 targets at 128 dimensions: newaisle beside FAISS, PyTorch and NumPy on the same cores.

    python benchmarks/topk.py [--targets 10000] [--dimensions 128] [--users 1000] [--repeats 15]

FAISS takes part where it is installed (pip install faiss-cpu). OMP_NUM_THREADS says how many cores are used. Runs
take turns, and the fastest of each counts: what else the machine does slows some of them down.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import torch

from newaisle import CatalogGraph, Interactions, Recommender
from newaisle.gnn.factors.settings import FactorSettings
from newaisle.gnn.model.cosine_softmax import user_embeddings
from newaisle.gnn.model.settings import ModelSettings
from newaisle.gnn.prior.kernel import KernelSettings
from newaisle.gnn.retrieval.topk import TargetIndex

K = 20
SEEN = 500
TIES = 1e-6


def main() -> None:
    """Measure a batch of users, then one user, then all of ``recommend``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("targets", 10_000), ("dimensions", 128), ("users", 1_000), ("repeats", 15)):
        parser.add_argument(f"--{name}", type=int, default=default, help="default: %(default)s")
    given = parser.parse_args()
    torch.set_grad_enabled(False)
    print(
        f"The best {K} of {given.targets:,} targets at {given.dimensions} dimensions, {torch.get_num_threads()} cores\n"
    )
    random = np.random.default_rng(0)
    targets, users = unit(random, given.targets, given.dimensions), unit(random, given.users, given.dimensions)
    print(f"{given.users:,} users at once")
    show(searches(targets, users), given.repeats)
    print("\none user")
    show(searches(targets, users[:1]), 20 * given.repeats)
    print("\nall of recommend, from own ids to a table with names, probabilities and confidence")
    model, known = shop(given.targets, given.dimensions - 1, given.users)
    vectors = model.fitted.vectors
    own = user_embeddings(model.fitted.model.factors.user_vectors(np.arange(len(known))))
    bare = vectors.astype(np.float32), own[0].astype(np.float32)
    table = {
        "recommend, one user": lambda: model.recommend(known[0], K, among="all", exclude_bought=False),
        "bare product and top-k, one user, float64": lambda: best_of(vectors @ own[0]),
        "bare product and top-k, one user, float32": lambda: best_of(bare[0] @ bare[1]),
    }
    show(table, 20 * given.repeats)
    batch = {
        f"recommend, {len(known):,} users": lambda: model.recommend(known, K, among="all", exclude_bought=False),
        "scores alone": lambda: model.fitted.choose("all").index.top(own, K),
    }
    show(batch, given.repeats)


def unit(random: np.random.Generator, count: int, dimensions: int) -> np.ndarray:
    """Unit vectors of random directions, float64 (count, dimensions)."""
    vectors = random.normal(size=(count, dimensions))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def searches(targets: np.ndarray, users: np.ndarray) -> dict[str, Callable[[], np.ndarray]]:
    """Name of a way -> finds the places of the best targets of all users, int64 (users, K)."""
    index = TargetIndex(targets)
    single_targets, single_users = targets.astype(np.float32), users.astype(np.float32)
    tensors = torch.from_numpy(single_targets), torch.from_numpy(single_users)
    found: dict[str, Callable[[], np.ndarray]] = {
        "newaisle, scores to 1e-6": lambda: index.top(users, K, exact=False).places,
        "newaisle, exact scores": lambda: index.top(users, K).places,
        "PyTorch matmul and topk": lambda: torch.topk(tensors[1] @ tensors[0].T, K).indices.numpy(),
        "NumPy matmul and argpartition": lambda: best_of(single_users @ single_targets.T),
    }
    if importlib.util.find_spec("faiss"):
        import faiss

        faiss.omp_set_num_threads(torch.get_num_threads())
        flat = faiss.IndexFlatIP(targets.shape[1])
        flat.add(single_targets)
        found["FAISS IndexFlatIP"] = lambda: flat.search(single_users, K)[1]
    else:
        print("(FAISS is not installed: pip install faiss-cpu)")
    expected = np.sort(users @ targets.T, axis=1)[:, ::-1][:, :K]
    for name, search in found.items():
        reached = np.take_along_axis(users @ targets.T, search(), axis=1)
        if np.abs(np.sort(reached, axis=1)[:, ::-1] - expected).max() > TIES:
            raise SystemExit(f"{name} finds others than the best {K}.")
    return found


def best_of(scores: np.ndarray) -> np.ndarray:
    """Places of the K largest of the last axis, largest first."""
    some = np.argpartition(-scores, K, axis=-1)[..., :K]
    return np.take_along_axis(some, np.argsort(-np.take_along_axis(scores, some, axis=-1), axis=-1), axis=-1)


def shop(targets: int, rank: int, users: int) -> tuple[Recommender, list[int]]:
    """A fitted shop of that size, most of its targets new, and its users."""
    random = np.random.default_rng(0)
    catalog = pa.table(
        {
            "id": [f"t{i:06d}" for i in range(targets)],
            "name": [f"Target {i}" for i in range(targets)],
            "kind": [f"kind {k}" for k in random.integers(200, size=targets)],
            "price": random.lognormal(size=targets),
        }
    )
    events = {
        "user": np.repeat(np.arange(users), 20),
        "target": [f"t{i:06d}" for i in random.integers(SEEN, size=20 * users)],
    }
    settings = ModelSettings(FactorSettings(rank=rank), KernelSettings({"kind": 0.5, "price": 0.1}, 0.1))
    history = Interactions.from_table(pa.table(events))
    model = Recommender(encoder=None, settings=settings).fit(CatalogGraph.from_tables(catalog), history)
    return model, list(range(users))


def show(ways: dict[str, Callable[[], object]], repeats: int) -> None:
    """Time the ways in turns and print the fastest run of each, and how the others compare with the first."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            way()  # warm: whoever came before has filled the caches with something else
            started = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - started)
    first = min(next(iter(seconds.values())))
    for name, taken in seconds.items():
        print(f"  {name:45} {1e3 * min(taken):9.3f} ms   {min(taken) / first:5.2f} times the first")


if __name__ == "__main__":
    main()
