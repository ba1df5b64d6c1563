"""Refreshes that are killed, and servers that go away: rerun, and everything is as if nothing had happened."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from support.neo4j_server import LTS, Endpoint, Neo4jServer, running, versions_to_test

from newaisle import CatalogGraph, load
from newaisle.errors import StoreUnavailableError
from newaisle.graph import Store, refresh

PROGRAM = str(Path(sys.executable).with_name("graph-refresh"))
ROUNDS = 3


def write_tables(folder: Path, release: int, size: int = 1_500) -> CatalogGraph:
    """A tables: folder that differs from release to release; the graph it holds."""
    draw = random.Random(release)  # noqa: S311 - no secret
    folder.mkdir()
    pd.DataFrame(
        {
            "id": [f"c{i}" for i in range(size)],
            "name": [f"Category {i} {draw.random() < 0.3}" for i in range(size)],
            "parent_id": [None, *(f"c{draw.randrange(i)}" for i in range(1, size))],
            "colour": [f"c{draw.randrange(9)};d{draw.randrange(300)}" for _ in range(size)],
        }
    ).to_csv(folder / "categories.csv", index=False)
    return load(f"tables:{folder}").graph


def contents(store: Store) -> tuple[object, ...]:
    nodes = store.query("MATCH (n:Newaisle) WHERE NOT n:Refresh RETURN count(n), count(DISTINCT n.key)").rows
    edges = store.query("MATCH (:Newaisle)-[r]->(:Newaisle) RETURN count(r)").rows
    return store.snapshot("tables").content_hash, *nodes, *edges


def settled_contents(store: Store) -> tuple[object, ...]:
    """Contents that two readings agree on: the server may still be committing what a killed client sent last."""
    first = contents(store)
    while (second := contents(store)) != first:
        first = second
    return first


def test_kill_minus_nine_at_random_moments(neo4j_of: Callable[[str], Endpoint], tmp_path: Path) -> None:
    endpoint = neo4j_of(versions_to_test()[0])
    endpoint.wipe()
    graphs = [write_tables(tmp_path / str(release), release) for release in range(2)]
    environment = {**os.environ, **endpoint.environment(), "OMP_NUM_THREADS": "1"}
    expected = []
    with endpoint.open() as store:
        for graph in graphs:
            refresh(store, graph, max_delete=1.0)
            expected.append(contents(store))
        draw = random.Random()  # noqa: S311 - another moment in every run
        for turn in range(ROUNDS):
            command = [PROGRAM, "--source", f"tables:{tmp_path / str(turn % 2)}"]
            victim = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            assert victim.stderr is not None
            while b"Refreshing" not in victim.stderr.readline():
                assert victim.poll() is None
            time.sleep(draw.uniform(0, 1.5))
            victim.kill()
            victim.communicate()
            assert settled_contents(store) in expected  # all or nothing
            report = refresh(store, graphs[turn % 2])
            assert report.graph_hash == graphs[turn % 2].content_hash
            assert contents(store) == expected[turn % 2]
    endpoint.wipe()


@pytest.fixture
def own_server(neo4j_of: Callable[[str], Endpoint]) -> Iterator[Neo4jServer]:
    """A server that a test may kill."""
    neo4j_of(LTS.version)  # which skips or fails where none can be had
    with running(LTS) as server:
        yield server


def test_a_server_that_goes_away_in_mid_refresh(
    own_server: Neo4jServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (write_tables(tmp_path / str(release), release) for release in range(2))
    endpoint = own_server.endpoint
    with endpoint.open() as store:
        refresh(store, first)
        killed: list[int] = []

        def kill(done: int, _: int) -> None:
            if not killed:
                own_server.kill()
                killed.append(done)

        with monkeypatch.context() as patch:
            patch.setattr("newaisle.graph.store.transactions.RETRY_SECONDS", (0.1, 0.1))
            with pytest.raises(StoreUnavailableError, match="cannot be reached"):
                refresh(store, second, max_delete=1.0, progress=kill)
        assert killed
        own_server.start()
        assert store.snapshot("tables") == first

        killed.clear()
        restart = threading.Thread(target=lambda: (wait_for(killed), own_server.start()))
        restart.start()
        with monkeypatch.context() as patch:
            patch.setattr(
                "newaisle.graph.store.transactions.RETRY_SECONDS", (1.0,) * 100
            )  # a busy machine starts it slowly
            report = refresh(store, second, max_delete=1.0, progress=kill)
        restart.join()
        assert report.graph_hash == second.content_hash
        assert store.snapshot("tables") == second


def wait_for(condition: list[int]) -> None:
    while not condition:
        time.sleep(0.05)
