"""Refreshing a source: what is reported, what is left alone, and who waits for whom; against every kind of store."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import neo4j
import pandas as pd
import pytest
from neo4j.exceptions import ServiceUnavailable
from support.neo4j_server import Endpoint

from newaisle import CatalogGraph
from newaisle.errors import GuardError, InputError, StoreError, StoreLockedError, StoreUnavailableError
from newaisle.graph import RefreshContext, Store, open_store, refresh
from newaisle.graph.store.connection import check_version
from newaisle.graph.store.cypher import LOCK_STATE
from newaisle.graph.store.source_state import state_key
from newaisle.graph.store.url import Credentials


@pytest.fixture(scope="module", name="store")
def every_store(any_store: Store) -> Store:
    return any_store


def catalog(source: str, size: int = 200, seed: int = 0, **columns: Any) -> CatalogGraph:
    """A tree of categories with attributes."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    table = {
        "id": range(size),
        "name": [f"Category {i}" for i in range(size)],
        "parent_id": [None, *(draw.randrange(i) for i in range(1, size))],
        "colour": [[f"c{draw.randrange(9)}", f"d{draw.randrange(50)}"] for _ in range(size)],
        "size": [float(i % 7) for i in range(size)],
    }
    return CatalogGraph.from_tables(pd.DataFrame({**table, **columns}), source=source)


def everything(store: Store) -> list[Any]:
    """All nodes and edges of the store, in an order of their own."""
    nodes = store.query("MATCH (n) RETURN labels(n), properties(n)").rows
    edges = store.query("MATCH (a)-[r]->(b) RETURN a.key, type(r), properties(r), b.key").rows
    return sorted(map(repr, [*nodes, *edges]))


def test_what_changed_is_counted_and_only_that_is_written(store: Store) -> None:
    old = catalog("counted")
    first = refresh(store, old, run_id="first")
    assert first.counts == {
        "added": 200,
        "changed": 0,
        "moved": 0,
        "removed": 0,
        "edges_added": sum(map(len, old.edges.values())),
        "edges_removed": 0,
    }
    table = pd.DataFrame(
        {
            "id": [*range(10), 300],
            "name": [*(f"Category {i}" for i in range(9)), "Renamed", "New"],
            "parent_id": [None, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        }
    )
    small = CatalogGraph.from_tables(table, source="small")
    refresh(store, small, run_id="first")
    table.loc[9, "name"] = "Renamed again"
    table.loc[9, "parent_id"] = 1  # renamed and moved: changed
    table.loc[8, "parent_id"] = 7  # moved
    table = table.drop(index=10)  # removed
    again = CatalogGraph.from_tables(table, source="small")
    planned = store.plan(again)
    report = refresh(store, again, run_id="second", max_delete=0.1)
    counts = {"added": 0, "changed": 1, "moved": 1, "removed": 1, "edges_added": 2, "edges_removed": 3}
    assert planned.counts == report.counts == counts
    assert planned.graph_hash == report.graph_hash == again.content_hash
    assert report.seconds == pytest.approx(sum(report.phases.values()))
    assert store.snapshot("small") == again
    written = store.query("MATCH (n:Newaisle {source: 'small', run_id: 'second'}) RETURN n.key ORDER BY n.key").rows
    assert written == (["small#head"], ["small:8"], ["small:9"])  # 8 stands a level lower
    assert store.query("MATCH (n:Newaisle {key: 'small:8'}) RETURN n.level").rows == ([2],)
    head = store.query("MATCH (n:Newaisle {key: 'small#head'}) RETURN properties(n)").rows[0][0]
    assert {name: head[name] for name in counts} == counts
    assert (head["state"], head["graph_hash"], head["run_id"]) == ("done", again.content_hash, "second")
    assert "lock" not in head


def test_a_refresh_without_changes_writes_its_record_alone(store: Store) -> None:
    graph = catalog("same")
    refresh(store, graph)
    before = everything(store)
    report = refresh(store, graph, run_id="nothing")
    assert not any(report.counts.values())
    after = everything(store)
    (old,), (new,) = set(before) - set(after), set(after) - set(before)
    assert "'same#head'" in old
    assert "'same#head'" in new
    assert "'nothing'" in new


def test_a_plan_writes_nothing(store: Store) -> None:
    before = everything(store)
    assert store.plan(catalog("planned", 20)).added == 20
    assert everything(store) == before
    assert "planned" not in store.sources()


def test_the_guard_names_the_figures_and_changes_nothing(store: Store) -> None:
    graph = catalog("guarded", 100)
    refresh(store, graph)  # the first refresh has nothing to lose
    before = everything(store)
    fewer = catalog("guarded", 94)
    with pytest.raises(GuardError, match=r"lose 6 of its 100 .* \(6.0%\).* limit of 5.0%"):
        refresh(store, fewer)
    assert everything(store) == before
    refresh(store, catalog("guarded", 95))
    refresh(store, catalog("guarded", 10), max_delete=1.0)
    assert len(store.snapshot("guarded")) == 10


def test_a_source_is_kept_under_a_name(store: Store) -> None:
    graph = catalog("tables", 20)
    refresh(store, graph, "spring")
    assert store.snapshot("spring") == graph.with_source("spring")
    assert "tables" not in store.sources()
    with pytest.raises(InputError, match="has other characters"):
        refresh(store, graph, "Spring sale")


def test_nobody_elses_nodes_are_touched(store: Store) -> None:
    store.query("CREATE (:Shop {key: 'others:1', source: 'mine'})-[:SELLS]->(:Category {source: 'mine'})", write=True)
    refresh(store, catalog("other", 30))
    others = "MATCH (n) WHERE NOT n:Newaisle OR n.source = 'other' RETURN labels(n), properties(n)"
    before = store.query(others).rows
    refresh(store, catalog("mine", 30))
    refresh(store, catalog("mine", 1), max_delete=1.0)
    assert sorted(map(repr, store.query(others).rows)) == sorted(map(repr, before))


def test_group_and_model_properties(store: Store) -> None:
    refresh(store, catalog("states", 5))
    store.query("MATCH (n:Newaisle {key: 'states:1'}) SET n.state = 'seen', n.embedding = [1.0, 0.0]", write=True)
    report = refresh(store, catalog("states", 5, name=["Other", "Others", "c", "d", "e"]))
    assert report.changed == 5
    assert store.query("MATCH (n:Newaisle {key: 'states:1'}) RETURN n.state, n.embedding").rows == (
        ["seen", [1.0, 0.0]],
    )
    report = refresh(store, catalog("states", 5, name=["Other", "Others", "c", "d", "e"], group=[True] + [False] * 4))
    assert (report.changed, report.edges_added, report.edges_removed) == (1, 0, 0)
    assert bool(store.snapshot("states").is_group[0])


def letters(source: str, names: str) -> CatalogGraph:
    """Categories below the first of them, their ids being small letters."""
    ids = list(names.lower())
    table = {"id": ids, "name": list(names), "parent_id": [None, *[ids[0]] * (len(ids) - 1)]}
    return CatalogGraph.from_tables(pd.DataFrame(table), source=source)


def embed(tx: neo4j.Transaction, written: RefreshContext) -> None:
    """What a model would write."""
    keys = [*written.changes.added, *written.changes.changed, *written.changes.moved]
    tx.run(
        "UNWIND $keys AS key MATCH (n:Newaisle {key: key}) SET n.embedding = [0.6, 0.8], n.embedding_run_id = $run",
        keys=keys,
        run=written.run_id,
    ).consume()
    tx.run("MATCH (h:Newaisle {key: $key}) SET h.model_hash = 'm1'", key=state_key(written.source)).consume()


def embedded(store: Store, source: str) -> list[list[str]]:
    query = (
        "MATCH (n:Newaisle {source: $s}) WHERE n.embedding IS NOT NULL RETURN n.key, n.embedding_run_id ORDER BY n.key"
    )
    return list(store.query(query, {"s": source}).rows)


def test_what_a_model_writes_goes_into_the_same_transaction(store: Store) -> None:
    refresh(store, letters("back", "ABCDE"))
    calls: list[RefreshContext] = []

    def write_back(tx: neo4j.Transaction, written: RefreshContext) -> None:
        calls.append(written)
        names = tx.run("MATCH (n:Newaisle:Category {source: 'back'}) RETURN n.name ORDER BY n.name").value()
        assert names == ["A", "B", "C", "D", "F"]  # the new graph, which nobody else sees yet
        embed(tx, written)

    # B stands below C now, D has another text, E went, F came
    table = pd.DataFrame({"id": list("abcdf"), "name": list("ABCDF"), "parent_id": [None, "c", "a", "a", "a"]})
    graph = CatalogGraph.from_tables(table.assign(text=["A", "B", "C", "other", "F"]), source="back")
    store.plan(graph)
    assert calls == []
    report = refresh(store, graph, max_delete=0.5, run_id="run-2", write_back=write_back)
    (told,) = calls
    assert (told.source, told.run_id) == ("back", "run-2")
    changes = told.changes
    assert (changes.added, changes.changed, changes.moved, changes.removed) == (
        ("back:f",),
        ("back:d",),
        ("back:b",),
        ("back:e",),
    )
    assert "write back" in report.phases
    assert embedded(store, "back") == [[f"back:{own}", "run-2"] for own in "bdf"]
    assert store.snapshot("back") == graph

    report = refresh(store, graph, write_back=write_back)  # nothing differs: a new model may have come all the same
    assert not any(report.counts.values())
    assert calls[1].changes.added == ()
    hashes = store.query("MATCH (h:Newaisle {key: 'back#head'}) RETURN h.model_hash, h.run_id").rows
    assert hashes == (["m1", report.run_id],)


def test_a_model_that_fails_rolls_the_refresh_back(store: Store) -> None:
    refresh(store, letters("fails", "ABCDE"))
    before = everything(store)

    def fails(tx: neo4j.Transaction, written: RefreshContext) -> None:
        embed(tx, written)
        raise ZeroDivisionError

    def refused(tx: neo4j.Transaction, written: RefreshContext) -> None:
        embed(tx, written)
        tx.run("MATCH (n RETURN n").consume()

    changed = letters("fails", "ABCDEFG")
    with pytest.raises(ZeroDivisionError):
        refresh(store, changed, write_back=fails)
    with pytest.raises(StoreError, match="refused"):
        refresh(store, changed, write_back=refused)
    assert everything(store) == before
    refresh(store, changed, write_back=embed, wait=1)  # and nobody holds the source any more
    assert store.snapshot("fails") == changed
    assert len(embedded(store, "fails")) == 2


def test_what_a_model_writes_is_tried_again_with_the_rest(neo4j_server: Endpoint) -> None:
    runs: list[str] = []

    def breaks_once(tx: neo4j.Transaction, written: RefreshContext) -> None:
        embed(tx, written)
        runs.append(written.run_id)
        if len(runs) == 1:
            raise ServiceUnavailable("the connection broke")

    with neo4j_server.open() as store:
        report = refresh(store, letters("breaks", "ABC"), write_back=breaks_once)
        assert runs == [report.run_id] * 2
        assert embedded(store, "breaks") == [[f"breaks:{own}", report.run_id] for own in "abc"]


def test_a_store_of_another_version_is_left_alone(store: Store) -> None:
    graph = catalog("versions", 5)
    refresh(store, graph)
    for schema in (99, None):
        store.query("MATCH (n:Newaisle {key: 'versions#head'}) SET n.schema = $s", {"s": schema}, write=True)
        before = everything(store)
        for do in (lambda: refresh(store, graph), lambda: store.plan(graph), lambda: store.snapshot("versions")):
            with pytest.raises(StoreError, match=r"'versions' .* written by another version of newaisle"):
                do()
        with pytest.raises(StoreError, match="written by another version"):
            refresh(store, catalog("a-new-one", 5))
        assert everything(store) == before
    store.query("MATCH (n:Newaisle {key: 'versions#head'}) SET n.schema = 1", write=True)


def test_eight_sources_at_once(store: Store) -> None:
    graphs = [catalog(f"at-once-{i}", 300, seed=i) for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        reports = list(pool.map(lambda graph: refresh(store, graph), graphs))
    assert [report.added for report in reports] == [300] * 8
    assert [store.snapshot(graph.source) for graph in graphs] == graphs


def test_eight_users_of_a_new_database_do_not_get_in_each_others_way(
    neo4j_server: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    neo4j_server.wipe()
    with neo4j_server.open() as store:
        store.query("DROP CONSTRAINT newaisle_key IF EXISTS", write=True)
        graphs = [catalog(f"user-{i}", 300, seed=i) for i in range(8)]

        def use(graph: CatalogGraph) -> int:
            with neo4j_server.open() as own:
                return refresh(own, graph).added

        monkeypatch.setattr(
            "newaisle.graph.store.transactions.RETRY_SECONDS", ()
        )  # a deadlock would be an error, not another try
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(use, graphs)) == [300] * 8
        assert [store.snapshot(graph.source) for graph in graphs] == graphs


def test_one_source_at_once_and_a_reader_never_sees_a_mixture(store: Store) -> None:
    graphs = [catalog("busy", 120, seed=i) for i in range(2)]
    refresh(store, graphs[0])
    done = threading.Event()

    def write() -> None:
        for turn in range(4):
            refresh(store, graphs[turn % 2], wait=60)

    def read() -> list[CatalogGraph]:
        seen = []
        while not done.is_set():
            seen.append(store.snapshot("busy"))
        return seen

    with ThreadPoolExecutor(3) as pool:
        reading = pool.submit(read)
        for writing in [pool.submit(write), pool.submit(write)]:
            writing.result()
        done.set()
        seen = reading.result()
    assert seen
    assert all(graph in graphs for graph in seen)
    assert store.snapshot("busy") in graphs


def test_a_refresh_in_the_same_process_is_waited_for(store: Store) -> None:
    graph = letters("turns", "ABC")
    inside, done = threading.Event(), threading.Event()

    def hold(_tx: neo4j.Transaction, _written: RefreshContext) -> None:
        inside.set()
        done.wait(60)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(refresh, store, graph, write_back=hold)
        assert inside.wait(60)
        with pytest.raises(StoreLockedError, match=r"'turns' is being refreshed by somebody else \(waited 0.2 s\)"):
            refresh(store, graph, wait=0.2)
        second = pool.submit(refresh, store, graph, wait=60)
        done.set()
        assert first.result().added == 3
        assert not any(second.result().counts.values())


@contextmanager
def holding(store: Endpoint, source: str) -> Iterator[Callable[[], None]]:
    """Somebody else's transaction that has locked a source; gives the function that ends it."""
    auth = (store.credentials.username, store.credentials.password or "")
    with (
        neo4j.GraphDatabase.driver(store.url, auth=auth) as driver,
        driver.session(database=store.credentials.database) as session,
        session.begin_transaction() as tx,
    ):
        tx.run(LOCK_STATE, key=state_key(source), run_id="theirs").consume()
        yield tx.rollback


def test_who_comes_second_waits_or_leaves(neo4j_server: Endpoint) -> None:
    graph = catalog("waited", 5)
    with neo4j_server.open() as store:
        refresh(store, graph)
        with holding(neo4j_server, "waited") as let_go:
            started = time.monotonic()
            with pytest.raises(
                StoreLockedError, match=r"'waited' is being refreshed by somebody else \(waited 0.5 s\)"
            ):
                refresh(store, graph, wait=0.5)
            assert time.monotonic() - started < 10
            threading.Timer(1, let_go).start()
            assert not any(refresh(store, graph, wait=60).counts.values())


def test_what_cannot_be_opened_is_told(neo4j_server: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    right = neo4j_server.credentials
    with pytest.raises(StoreUnavailableError, match="refused the user name or password"):
        open_store(neo4j_server.url, Credentials(right.username, "wrong", right.database))
    with pytest.raises(StoreUnavailableError, match="has no database 'nowhere'; set NEO4J_DATABASE"):
        open_store(neo4j_server.url, Credentials(right.username, right.password, "nowhere"))
    monkeypatch.setattr("newaisle.graph.store.connection.OLDEST_NEO4J", (9999, 1))
    with pytest.raises(StoreUnavailableError, match=r"is Neo4j/\d+\.\d+\.\d+, which .* use Neo4j 9999\.1 or newer"):
        neo4j_server.open()


@pytest.mark.parametrize(
    ("agent", "fits"), [("Neo4j/4.4.38", False), ("Neo4j/5.26.0", True), ("Neo4j/2026.09.0", True)]
)
def test_versions_of_neo4j(agent: str, fits: bool) -> None:
    if fits:
        check_version("here", agent)
    else:
        with pytest.raises(StoreUnavailableError, match=agent):
            check_version("here", agent)
