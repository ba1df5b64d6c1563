"""How long refreshes of a real Neo4j take, and whether they survive being killed.

    python benchmarks/refresh.py [--shopify DIR] [--only full,apply,kill,together,large] [--repeats 5] [--rounds 25]

Without a taxonomy a generated one of the same size is used. Neo4j is started here (tests/support/neo4j_server.py). The
smallest run is ``--only full --repeats 1``, half a minute; all of it takes about ten.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import neo4j
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support.neo4j_server import LTS, Endpoint, running

import newaisle.graph.store.transactions as transactions
from newaisle import CatalogGraph, load
from newaisle.errors import StoreError
from newaisle.graph import GraphChanges, refresh
from newaisle.graph.store.batches import edge_rows, node_rows
from newaisle.graph.store.cypher import EDGES, NODES, UNIQUE_KEY, NodeLabel
from newaisle.graph.store.records import graph_records

BATCH = 5_000
STEPS = ("full", "apply", "kill", "together", "large")


def main() -> None:
    """Run the steps asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shopify", default=os.environ.get("NEWAISLE_SHOPIFY"), help="dist folder of the taxonomy")
    parser.add_argument("--only", default=",".join(STEPS), help="steps to run (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="of the step full (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=25, help="of the step kill (default: %(default)s)")
    given = parser.parse_args()
    steps: dict[str, Callable[[], None]] = {
        "full": lambda: full(taxonomy(given.shopify), given.repeats),
        "apply": apply,
        "kill": lambda: kill(given.rounds),
        "together": together,
        "large": large,
    }
    chosen = given.only.split(",")
    if not set(chosen) <= set(STEPS):
        parser.error(f"--only knows the steps {', '.join(STEPS)}")
    for name in chosen:  # each with a server of its own
        steps[name]()


def taxonomy(folder: str | None) -> CatalogGraph:
    """Shopify's, or one of its size."""
    if folder:
        return load(f"shopify:{folder}").graph
    print("No taxonomy given: a generated one of the same size.")
    return generated(10_282, attributes=2_265, each=4)


def generated(size: int, attributes: int, each: int, seed: int = 0, source: str = "generated") -> CatalogGraph:
    """A tree about seven levels deep, each category with some attributes and a path as its text."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    parents = [None, *(draw.randrange(max(0, i // 6 - 3), i // 6 + 1) for i in range(1, size))]
    return CatalogGraph.from_tables(
        pd.DataFrame(
            {
                "id": [f"gid://generated/TaxonomyCategory/{i:06d}" for i in range(size)],
                "name": [f"Category {i}" for i in range(size)],
                "parent_id": [None if p is None else f"gid://generated/TaxonomyCategory/{p:06d}" for p in parents],
                "text": [f"Top > Middle {i % 37} > Lower {i % 997} > Category {i}" for i in range(size)],
                "attribute": [[f"handle-{draw.randrange(attributes)}" for _ in range(each)] for _ in range(size)],
            }
        ),
        source=source,
    )


def bare(endpoint: Endpoint, graph: CatalogGraph) -> float:
    """The same rows by the driver alone: plain UNWIND batches, one transaction."""
    records = graph_records(graph)
    auth = (endpoint.credentials.username, endpoint.credentials.password or "")
    with neo4j.GraphDatabase.driver(endpoint.url, auth=auth) as driver:
        driver.execute_query(UNIQUE_KEY)
        parts = [(NODES[label].create, list(node_rows(records.nodes[label]))) for label in NodeLabel]
        parts += [
            (EDGES[relation].create, list(edge_rows({ends: weight for ends, (weight,) in edges.items()})))
            for relation, edges in records.edges.items()
        ]
        started = time.perf_counter()
        with driver.session() as session, session.begin_transaction() as tx:
            for statement, several in parts:
                for i in range(0, len(several), BATCH):
                    tx.run(statement, rows=several[i : i + BATCH], run_id="bare").consume()
            tx.commit()
        return time.perf_counter() - started


def fresh(graph: CatalogGraph) -> CatalogGraph:
    """The same graph with nothing computed yet."""
    return replace(graph)


def timed(do: Callable[[], object]) -> float:
    """The seconds something takes."""
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


def full(graph: CatalogGraph, repeats: int) -> None:
    """A first refresh and one without changes against the bare driver, each including hashing and validation."""
    bares, fulls, unchanged = [], [], []
    with running(LTS, heap="2g", jvm=()) as server:
        endpoint = server.endpoint
        with endpoint.open() as store:
            for turn in range(repeats + 1):  # the first one warms the server up
                endpoint.wipe()
                first = bare(endpoint, graph)
                endpoint.wipe()
                second = timed(lambda: refresh(store, fresh(graph)))
                third = timed(lambda: refresh(store, fresh(graph)))
                if turn:
                    bares.append(first)
                    fulls.append(second)
                    unchanged.append(third)
    reference = statistics.median(bares)
    edges = sum(map(len, graph.edges.values()))
    print(f"\n{len(graph):,} categories, {len(graph.attributes):,} attributes, {edges:,} edges; median of {repeats}")
    for name, values in (("bare driver", bares), ("into an empty store", fulls), ("without changes", unchanged)):
        middle = statistics.median(values)
        print(f"{name:22} {middle:7.2f} s  ratio {middle / reference:.2f}  ({min(values):.2f}-{max(values):.2f})")


def apply() -> None:
    """One changed category in catalogs of three sizes."""
    print("\napply of one changed category")
    with running(LTS, heap="4g", jvm=()) as server, server.endpoint.open() as store:
        reference = None
        for size in (1_000, 10_000, 100_000):
            source = f"size-{size}"
            graph = generated(size, attributes=size // 5, each=4, source=source)
            refresh(store, graph)
            own, above = graph.ids.values[size // 2], graph.ids.values[0]
            times = []
            for turn in range(40):
                table = pd.DataFrame({"id": [own], "name": [f"Renamed {turn}"], "parent_id": [above]})
                change = GraphChanges.from_tables(table.assign(attribute=[[f"handle-{turn}"]]), source=source)
                times.append(timed(lambda change=change: store.apply(change)))
            middle = statistics.median(times[10:])
            reference = reference or middle
            print(f"{size:9,} categories {1000 * middle:7.1f} ms  ratio {middle / reference:.2f}")


def kill(rounds: int) -> None:
    """Refreshes killed at random moments, each run again."""
    graphs = [generated(5_000, attributes=500, each=3, seed=seed, source="tables") for seed in range(2)]
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); sys.path.insert(0, sys.argv[2])\n"
        "from refresh import generated\nfrom newaisle.graph import open_store, refresh\nimport os\n"
        "graph = generated(5000, attributes=500, each=3, seed=int(sys.argv[3]), source='tables')\n"
        "with open_store(os.environ['NEO4J_URI']) as store:\n"
        "    print('ready', flush=True)\n    refresh(store, graph)\n"
    )
    folders = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "tests")]
    draw = random.Random()  # noqa: S311 - another moment in every run
    with running(LTS, heap="1g", jvm=()) as server, server.endpoint.open() as store:
        environment = {**os.environ, **server.endpoint.environment()}
        for graph in graphs:
            refresh(store, graph, max_delete=1.0)
        duration = timed(lambda: refresh(store, graphs[0]))
        same = whole = 0
        for turn in range(rounds):
            graph = graphs[(turn + 1) % 2]
            command = [sys.executable, "-c", program, *folders, str((turn + 1) % 2)]
            victim = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
            assert victim.stdout is not None  # noqa: S101 - it is a pipe
            victim.stdout.readline()
            time.sleep(draw.uniform(0, 1.2 * duration))
            victim.kill()
            victim.communicate()
            whole += store.snapshot("tables") in graphs
            same += refresh(store, graph).graph_hash == store.snapshot("tables").content_hash == graph.content_hash
        print(
            f"\n{rounds} kill -9 within {1.2 * duration:.1f} s: {whole} left one whole graph, {same} same hashes after"
        )


def together() -> None:
    """Eight users of one new database at once, each with a source of his own, none of whom may need another try."""
    graphs = [generated(5_000, attributes=500, each=3, seed=i, source=f"source-{i}") for i in range(8)]

    def use(graph: CatalogGraph) -> str:
        with endpoint.open() as own:
            try:
                return refresh(own, graph).source
            except StoreError as error:
                return str(error)

    with running(LTS, heap="1g", jvm=()) as server, ThreadPoolExecutor(len(graphs)) as pool:
        endpoint = server.endpoint
        told: list[str] = []
        with patch.object(transactions, "RETRY_SECONDS", ()):
            seconds = timed(lambda: told.extend(pool.map(use, graphs)))
        with endpoint.open() as store:
            right = sum(store.snapshot(graph.source) == graph for graph in graphs if graph.source in told)
    print(
        f"\n{len(graphs)} refreshes of {len(graphs)} sources at once: {right} right at the first try, {seconds:.1f} s"
    )
    for error in set(told) - {graph.source for graph in graphs}:
        print(error)


def large() -> None:
    """The smallest heap that carries 100,000 targets in one transaction."""
    graph = generated(100_000, attributes=10_000, each=4)
    print(f"\n{len(graph):,} targets, {sum(map(len, graph.edges.values())):,} edges in one transaction")
    for heap in ("1g", "2g", "4g"):
        with running(LTS, heap=heap, jvm=()) as server, server.endpoint.open() as store:
            try:
                seconds = timed(lambda store=store: refresh(store, graph))
                print(f"server.memory.heap.max_size={heap}: done in {seconds:.0f} s")
                return
            except StoreError as error:
                print(f"server.memory.heap.max_size={heap}: {error}")


if __name__ == "__main__":
    main()
