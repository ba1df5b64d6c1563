"""How long it takes to add one category to a model of 10,000, without the encoding of its text.

    python benchmarks/add.py [--targets 10000] [--seen 5000] [--times 20]

The catalog and its sales are random, and so are the text embeddings: what is timed does not depend on their values. The
settings weigh every block, so that none is left out. Processor time is told beside the time on the clock, for machines
that do other work too.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from newaisle import CatalogGraph, Interactions, Recommender
from newaisle.gnn.factors.settings import FactorSettings
from newaisle.gnn.model.settings import ModelSettings
from newaisle.gnn.propagation.propagate import propagate
from newaisle.gnn.text.encoder import TextEncoder
from newaisle.gnn.training.folds import start_kernel
from newaisle.progress import CountProgress

WIDTH = 384
USERS = 2000
RANK = 64


def random_texts(_encoder: TextEncoder, texts: Sequence[str], _progress: CountProgress | None = None) -> np.ndarray:
    """Unit vectors that depend on nothing but how many there are."""
    vectors = np.random.default_rng(len(texts)).normal(size=(len(texts), WIDTH)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def catalog(size: int) -> pa.Table:
    """Categories on four levels with two attributes, one of them of many values, and a feature."""
    random = np.random.default_rng(0)
    ids = [f"c{i:05}" for i in range(size)]
    parents = [None if i < 20 else ids[random.integers(i // 12)] for i in range(size)]
    return pa.table(
        {
            "id": ids,
            "name": [f"name {random.integers(size)}" for _ in ids],
            "text": [f"text of {own}" for own in ids],
            "parent_id": parents,
            "brand": pa.array([[f"b{b}" for b in random.integers(0, 2000, 4)] for _ in ids], pa.list_(pa.string())),
            "department": [f"d{random.integers(30)}" for _ in ids],
            "metres": random.integers(1, 50, size).astype(float),
        }
    )


def sales(table: pa.Table, seen: int) -> Interactions:
    """Thirty purchases of every user, and one of every seen target."""
    random = np.random.default_rng(1)
    ids = np.array(table["id"].to_pylist())
    some = random.choice(len(ids), seen, replace=False)
    target = np.concatenate([some, some[random.integers(0, seen, 30 * USERS)]])
    user = np.concatenate([random.integers(0, USERS, seen), np.repeat(np.arange(USERS), 30)])
    return Interactions.from_table(pa.table({"user": user, "target": ids[target]}))


def timed(what: str, times: int, work: Callable[[int], object]) -> None:
    """Tell the median and the least time of several calls."""
    clock, processor = [], []
    for number in range(times):
        before, busy = time.perf_counter(), time.process_time()
        work(number)
        clock.append(1000 * (time.perf_counter() - before))
        processor.append(1000 * (time.process_time() - busy))
    print(
        f"{what:<44} median {statistics.median(clock):7.1f} ms, least {min(clock):7.1f} ms, "
        f"processor {statistics.median(processor):7.1f} ms"
    )


def main() -> None:
    """Fit once, then add again and again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--targets", type=int, default=10_000)
    parser.add_argument("--seen", type=int, default=5_000)
    parser.add_argument("--times", type=int, default=20)
    asked = parser.parse_args()
    TextEncoder.encode = random_texts
    table = catalog(asked.targets)
    graph = CatalogGraph.from_tables(table)
    texts = random_texts(TextEncoder(), graph.texts)
    settings = ModelSettings(FactorSettings(rank=RANK), start_kernel(propagate(graph, texts, texts), 0.05, 0.1))
    model = Recommender(settings=settings).fit(graph, sales(table, asked.seen))
    parent = model.fitted.graph.ids.values[100]

    def add(number: int) -> None:
        new = {"id": [f"new {number}"], "name": ["New"], "text": [f"a new thing {number}"], "parent_id": [parent]}
        model.add(pa.table({**new, "department": ["d3"], "brand": [["b7", "brand new"]], "metres": [3.0]}))

    def add_and_ask(number: int) -> None:
        add(asked.times + number)
        model.recommend(0, 20)

    before = time.perf_counter()
    add(-1)
    print(f"the first one, which measures how far off levels are: {1000 * (time.perf_counter() - before):.0f} ms")
    timed("add one category", asked.times, add)
    timed("add one category, recommend 20 to a user", asked.times, add_and_ask)


if __name__ == "__main__":
    main()
