from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from newaisle import CatalogGraph
from newaisle.errors import InputError, StoreError, StoreUnavailableError
from newaisle.graph import Credentials, Relation, Store, home_folder, open_store
from newaisle.graph.store.batches import BATCH_CHARACTERS, BATCH_ROWS, batches, node_rows
from newaisle.graph.store.cypher import NodeLabel
from newaisle.graph.store.records import graph_records
from newaisle.graph.store.unchanged import is_unchanged
from newaisle.graph.store.url import parse_store_url

NASTY = [
    'it\'s "quoted" `ticked` \x1b[31m',
    "}) DETACH DELETE n // \x7f",
    "$rows {key: 1} \\u0041 \\ \x07\u202e",
    "naïve 東京 🛒 é",
    "null\0character",
    "a=b%c@d#e:f",
]


@pytest.fixture(scope="module", name="store")
def every_store(any_store: Store) -> Store:
    """The whole contract holds for every kind of store; every test writes sources of its own names."""
    return any_store


def nodes_of(store: Store, source: str) -> dict[str, dict[str, Any]]:
    found = store.query("MATCH (n:Newaisle {source: $source}) RETURN n", {"source": source}).rows
    return {n["properties"]["key"]: {"labels": n["labels"], **n["properties"]} for (n,) in found}


def names_in_schema(store: Store) -> set[str]:
    labels = {label for (label,) in store.query("CALL db.labels()").rows}
    return labels.union(row[1] for show in ("SHOW INDEXES", "SHOW CONSTRAINTS") for row in store.query(show).rows)


def rich_graph(source: str, ids: list[Any]) -> CatalogGraph:
    """Groups, products, attributes with weights and a hierarchy, features with gaps, and texts made to do harm."""
    top, left, right, both, shoe, hat = ids
    categories = pd.DataFrame(
        {
            "id": [top, left, right, both],
            "name": ["All", NASTY[0], NASTY[1], NASTY[2]],
            "parent_id": [[], [top], [top], [left, right]],
            "text": ["first line\nsecond line", NASTY[3], NASTY[4], NASTY[5]],
            "group": [True, False, True, False],
            NASTY[0]: ["x", "y", None, NASTY[1]],
            "size": [np.nan, 0.1 + 0.2, 5e-324, -0.0],
            "available_to": [None, date(2024, 5, 31), date(1969, 12, 31), None],
            NASTY[2]: [1.0, np.nan, np.nan, 2.0**53 + 2],
        }
    )
    products = pd.DataFrame(
        {"id": [shoe, hat], "name": ["Shoe", "Hat"], "category_id": [[left], [left, both]], "price": [9.5, np.nan]}
    )
    attributes = pd.DataFrame(
        {
            "id": [left, both, shoe],
            "name": [NASTY[5], NASTY[5], "colour"],
            "value": [NASTY[3], NASTY[4], "Blue"],
            "weight": [0.1, 7.0, 1 / 3],
        }
    )
    hierarchy = pd.DataFrame(
        {"name": ["colour", "colour"], "value": ["Blue", "Navy"], "parent_value": ["Dark", "Blue"]}
    )
    return CatalogGraph.from_tables(
        categories, attributes, products=products, attribute_parents=hierarchy, source=source
    )


def small_graph(source: str, names: list[str] | None = None, **columns: list[Any]) -> CatalogGraph:
    names = names or ["All", "Left", "Right"]
    ids = list(range(len(names)))
    table = {"id": ids, "name": names, "parent_id": [None] + [0] * (len(names) - 1), **columns}
    return CatalogGraph.from_tables(pd.DataFrame(table), source=source)


@pytest.mark.parametrize(
    ("source", "ids"),
    [("texts", ["top", *NASTY[:4], "hat"]), ("integers", [0, -5, 7, 2**63 - 1, 11, 12])],
)
def test_snapshot_is_what_was_written(store: Store, source: str, ids: list[Any]) -> None:
    graph = rich_graph(source, ids)
    result = store.write(graph, run_id="run-1")
    again = store.snapshot(source)

    assert again == graph
    assert result.graph_hash == graph.content_hash == again.content_hash
    assert (result.run_id, result.added, result.removed) == ("run-1", 6, 0)
    assert result.edges_added == sum(len(edges) for edges in graph.edges.values())
    assert again.ids.values == graph.ids.values
    assert (again.names, again.texts, again.attributes) == (graph.names, graph.texts, graph.attributes)
    np.testing.assert_array_equal(again.is_group, graph.is_group)
    np.testing.assert_array_equal(again.is_product, graph.is_product)
    assert again.features.keys() == graph.features.keys()
    for name, column in graph.features.items():
        np.testing.assert_array_equal(again.features[name], column)
    for relation in Relation:
        assert len(graph.edges[relation]) > 0
        for end in ("tail", "head", "weight"):
            np.testing.assert_array_equal(
                getattr(again.edges[relation], end), getattr(graph.edges[relation], end), strict=True
            )


def test_schema_of_the_nodes(store: Store) -> None:
    graph = rich_graph("schema", ["top", "left", "right", "both", "shoe", "hat"])
    store.write(graph, run_id="run-7")
    nodes = nodes_of(store, "schema")

    left = nodes["schema:left"]
    assert left["labels"] == ["Category", "Newaisle"]
    assert (left["id"], left["level"], left["state"], left["run_id"]) == ("left", 1, "new", "run-7")
    assert left["size"] == 0.1 + 0.2
    assert left["content_hash"] == graph.node_hashes[graph.ids.position("left")]
    assert NASTY[2] not in left  # a feature that is unknown is no property
    assert nodes["schema:right"]["state"] == "group"
    assert nodes["schema:both"]["level"] == 2
    shoe = nodes["schema:shoe"]
    assert shoe["labels"] == ["Newaisle", "Product"]
    assert "level" not in shoe
    blue = nodes["schema@colour=Blue"]
    assert blue["labels"] == ["Attribute", "Newaisle"]
    assert (blue["name"], blue["value"], blue["run_id"]) == ("colour", "Blue", "run-7")
    head = nodes["schema#head"]
    assert (head["state"], head["run_id"], head["graph_hash"]) == ("done", "run-7", graph.content_hash)
    assert datetime.fromisoformat(head["started"]) <= datetime.fromisoformat(head["finished"]) <= datetime.now(UTC)
    weights = store.query(
        "MATCH (:Newaisle:Product {source: 'schema'})-[r:HAS_ATTRIBUTE]->(a:Newaisle:Attribute) "
        "RETURN a.value, r.weight"
    )
    assert weights.columns == ("a.value", "r.weight")
    assert weights.rows == (["Blue", 1 / 3],)


def test_a_changed_graph_replaces_the_old_one(store: Store) -> None:
    store.write(rich_graph("changing", ["a", "b", "c", "d", "e", "f"]))
    # b is gone, d has another parent and name, e is a category now, the features and attributes are others
    table = pd.DataFrame(
        {
            "id": ["a", "c", "d", "e"],
            "name": ["All", NASTY[1], "New name", "Shoe"],
            "parent_id": [None, "a", "a", "d"],
            "colour": ["Red", "Red", "Blue", None],
            "price": [1.0, 2.0, 3.0, 4.0],
        }
    )
    graph = CatalogGraph.from_tables(table, source="changing")
    result = store.write(graph)

    assert store.snapshot("changing") == graph
    # e counts twice: a product went and a category came
    assert (result.added, result.changed, result.removed) == (1, 3, 3)
    nodes = nodes_of(store, "changing")
    assert nodes.keys() == {*graph.keys, *graph.attribute_keys, "changing#head"}
    assert nodes["changing:a"]["state"] == "new"  # it was a group
    assert "size" not in nodes["changing:c"]
    edges = store.query("MATCH (a:Newaisle {source: 'changing'})-[r]->() RETURN count(r)")
    assert edges.rows == ([sum(len(e) for e in graph.edges.values())],)


def test_writing_again_changes_nothing(store: Store) -> None:
    graph = rich_graph("again", ["a", "b", "c", "d", "e", "f"])
    store.write(graph, run_id="same")
    before = nodes_of(store, "again")
    result = store.write(graph, run_id="same")
    counts = (result.added, result.changed, result.removed, result.edges_added, result.edges_removed)
    assert counts == (0, 0, 0, 0, 0)
    after = nodes_of(store, "again")
    assert before.pop("again#head") != after.pop("again#head")
    assert before == after


def test_the_quick_comparison_misses_nothing(store: Store) -> None:
    graph = rich_graph("quick", ["a", "b", "c", "d", "e", "f"])
    store.write(graph)

    def unchanged() -> bool:
        return store._read_settled("quick", lambda tx, head: is_unchanged(tx, head, graph))

    assert unchanged()
    shoe = "MATCH (n:Newaisle {key: 'quick:e'}) "
    blue = "MATCH (n:Newaisle {key: 'quick@colour=Blue'}) "
    weighted = "MATCH (:Newaisle {key: 'quick:e'})-[r:HAS_ATTRIBUTE]->(:Newaisle {key: 'quick@colour=Blue'}) "
    for change in (
        *(f"{shoe}SET n.{told}" for told in ("name = 'Boot'", "text = ''", "id = 5", "state = 'group'", "price = 9.0")),
        *(f"{shoe}REMOVE n.{name}" for name in ("name", "text", "price")),
        "MATCH (n:Newaisle {key: 'quick:b'}) SET n.level = 2",
        f"{blue}SET n.value = 'Green'",
        f"{blue}CREATE (:Newaisle:Attribute {{key: 'quick@colour=Teal', source: 'quick', name: 'c', value: 'd'}})",
        f"{blue}DETACH DELETE n",
        *(f"{weighted}{told}" for told in ("SET r.weight = 1.0", "SET r.weight = 0.25", "REMOVE r.weight", "DELETE r")),
        f"{weighted}MATCH (a:Newaisle {{key: 'quick:e'}}) MATCH (b:Newaisle {{key: 'quick@colour=Blue'}}) "
        "CREATE (a)-[:HAS_ATTRIBUTE {weight: r.weight}]->(b)",
        *(
            f"MATCH (:Newaisle {{key: '{tail}'}})-[r:{relation}]->() DELETE r"
            for tail, relation in (
                ("quick:b", "CHILD_OF"),
                ("quick:f", "IN_CATEGORY"),
                ("quick@colour=Blue", "CHILD_OF"),
            )
        ),
        "MATCH (a:Newaisle {key: 'quick:c'}) MATCH (b:Newaisle {key: 'quick:b'}) CREATE (a)-[:CHILD_OF]->(b)",
    ):
        store.query(change, write=True)
        assert not unchanged(), change
        store.write(graph)  # which mends it
        assert unchanged(), change


def test_a_new_weight_is_a_new_edge(store: Store) -> None:
    table, edges = pd.DataFrame({"id": [1], "name": ["A"]}), {"id": [1], "name": ["m"], "value": ["v"]}
    for weight in (1.0, 2.5):
        graph = CatalogGraph.from_tables(table, pd.DataFrame({**edges, "weight": [weight]}), source="weights")
        result = store.write(graph)
    assert (result.edges_added, result.edges_removed) == (1, 1)
    assert store.snapshot("weights") == graph


def test_what_the_model_wrote_stays(store: Store) -> None:
    store.write(small_graph("model"))
    store.query(
        "MATCH (n:Newaisle {key: 'model:1'}) SET n.state = 'seen', n.embedding = [0.6, 0.8], n.buyers = 12", write=True
    )
    store.write(small_graph("model", ["All", "Left renamed", "Right"]))
    left = nodes_of(store, "model")["model:1"]
    assert (left["name"], left["state"], left["embedding"], left["buyers"]) == ("Left renamed", "seen", [0.6, 0.8], 12)
    store.write(small_graph("model", group=[True, True, False]))
    assert {key: n["state"] for key, n in nodes_of(store, "model").items() if "level" in n} == {
        "model:0": "group",
        "model:1": "group",
        "model:2": "new",
    }


def test_sources_stand_side_by_side(store: Store) -> None:
    one, two = small_graph("side-one"), rich_graph("side-two", ["a", "b", "c", "d", "e", "f"])
    store.write(one)
    store.write(two)
    store.write(small_graph("side-one", ["All", "Other"]))
    assert store.snapshot("side-two") == two
    assert {"side-one", "side-two"} <= set(store.sources())
    assert store.sources() == sorted(store.sources())


def test_foreign_nodes_and_edges_are_not_touched(store: Store) -> None:
    store.write(small_graph("hosts"))
    store.query(
        "MATCH (n:Newaisle {key: 'hosts:1'}) CREATE (n)<-[:CHILD_OF]-(f:Category {key: 'hosts:2', source: 'hosts'}), "
        "(f)-[:LIKES {much: true}]->(n), (:Shelf {key: 'hosts:9', source: 'hosts', name: 'foreign'})",
        write=True,
    )
    graph = small_graph("hosts", ["All", "Left", "Right", "Middle"])
    store.write(graph)
    assert store.snapshot("hosts") == graph
    foreign = store.query("MATCH (f) WHERE f.source = 'hosts' AND NOT f:Newaisle RETURN labels(f), properties(f)").rows
    assert sorted(foreign) == [
        [["Category"], {"key": "hosts:2", "source": "hosts"}],
        [["Shelf"], {"key": "hosts:9", "source": "hosts", "name": "foreign"}],
    ]
    edges = store.query("MATCH (f:Category)-[r]->(n:Newaisle {key: 'hosts:1'}) WHERE NOT f:Newaisle RETURN type(r)")
    assert sorted(edges.rows) == [["CHILD_OF"], ["LIKES"]]


def test_a_write_that_fails_leaves_everything_as_it_was(store: Store) -> None:
    graph = small_graph("halfway")
    store.write(graph, run_id="good")
    # somebody's node is in the way of an attribute, which comes after the categories: the unique key refuses it
    store.query("CREATE (:Newaisle:Squatter {key: 'halfway@colour=Red'})", write=True)
    with pytest.raises(StoreError, match="refused"):
        store.write(small_graph("halfway", ["All", "Changed", "Right", "New"], colour=["Red"] * 4), run_id="bad")
    assert store.snapshot("halfway") == graph
    assert {n["run_id"] for n in nodes_of(store, "halfway").values()} == {"good"}


def test_snapshot_notices_what_others_changed(store: Store) -> None:
    store.write(small_graph("touched", size=[1.0, 2.0, 3.0]))
    for change in (
        "MATCH (n:Newaisle {key: 'touched:1'}) SET n.name = 'Other'",
        "MATCH (n:Newaisle {key: 'touched:1'}) SET n.size = 2.5",
        "MATCH (n:Newaisle {key: 'touched:1'}) REMOVE n.id",
        "MATCH (:Newaisle {key: 'touched:1'})-[r:CHILD_OF]->() DELETE r",
        "MATCH (a:Newaisle {key: 'touched:0'}), (b:Newaisle {key: 'touched:1'}) CREATE (a)-[:CHILD_OF]->(b)",
        "MATCH (n:Newaisle {key: 'touched:1'}) DETACH DELETE n",
    ):
        store.query(change, write=True)
        with pytest.raises(StoreError, match="'touched' in the store is not the one that was written"):
            store.snapshot("touched")
        graph = small_graph("touched", size=[1.0, 2.0, 3.0])
        store.write(graph)  # which mends it
        assert store.snapshot("touched") == graph


def test_snapshot_of_an_unknown_source(store: Store) -> None:
    with pytest.raises(StoreError, match="no source 'nowhere'"):
        store.snapshot("nowhere")


def test_query_gives_plain_values(store: Store) -> None:
    store.write(small_graph("plain"))
    result = store.query(
        "MATCH p = (n:Newaisle {key: $key})-[r:CHILD_OF]->() RETURN n.name AS name, n, r, p, [1, {a: null}] AS list",
        {"key": "plain:1"},
    )
    assert result.columns == ("name", "n", "r", "p", "list")
    ((name, node, edge, path, listed),) = result.rows
    assert (name, node["properties"]["id"], listed) == ("Left", 1, [1, {"a": None}])
    assert edge == {"type": "CHILD_OF", "start": "plain:1", "end": "plain:0", "properties": {}}
    assert [n["properties"]["key"] for n in path["nodes"]] == ["plain:1", "plain:0"]
    assert path["relationships"] == [edge]
    assert json.loads(json.dumps(result.rows))
    moment = datetime(2017, 12, 31, 23, 59, tzinfo=UTC)
    assert store.query("RETURN $moment, $day", {"moment": moment, "day": moment.date()}).rows == (
        ["2017-12-31T23:59:00.000000000+00:00", "2017-12-31"],
    )


@pytest.mark.parametrize(
    ("cypher", "said"),
    [("MATCH (n RETURN n", "RETURN"), ("RETURN $missing", "missing"), ("RETURN nothing", "nothing")],
)
def test_query_errors_are_the_servers(store: Store, cypher: str, said: str) -> None:
    for write in (False, True):
        with pytest.raises(StoreError, match=said) as caught:
            store.query(cypher, write=write)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "cypher",
    [
        "CREATE (n:Newaisle:Product {key: 'sneaky'}) RETURN n",
        "CREATE (:SneakyLabel)",
        "MATCH (n:Newaisle {key: 'readonly:1'}) SET n.name = 'sneaky' RETURN n",
        "MATCH (n:Newaisle {key: 'readonly:1'}) REMOVE n.text",
        "MATCH (n:Newaisle {source: 'readonly'}) DETACH DELETE n",
        "MATCH (a:Newaisle {key: 'readonly:1'}), (b:Newaisle {key: 'readonly:2'}) CREATE (a)-[:CHILD_OF]->(b)",
        "CREATE INDEX sneaky FOR (n:Newaisle) ON (n.name)",
        "DROP CONSTRAINT newaisle_key",
    ],
)
def test_queries_only_read_unless_told(store: Store, cypher: str) -> None:
    graph = small_graph("readonly")
    store.write(graph)
    schema = names_in_schema(store)
    with pytest.raises(StoreError):
        store.query(cypher)
    assert store.snapshot("readonly") == graph
    assert store.query("MATCH (n) WHERE n.key = 'sneaky' OR n:SneakyLabel RETURN n").rows == ()
    assert names_in_schema(store) == schema


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"id": [2**63]}, "64 bits"),
        ({"name": ["half \ud800"]}, "surrogate"),
        ({"colour": ["half \ud800"]}, "surrogate"),
        ({"@rid": [1.0]}, "feature name"),
        ({"long id": []}, r"The key of the target i{49}… has 8,004 bytes, and a store takes 8,000 at most"),
        ({"colour": ["é" * 4_000]}, "The key of the attribute colour=é+… .*; shorten it"),
        ({"f" * 8_001: [1.0]}, "The key of the feature f+… has 8,001 bytes"),
    ],
)
def test_what_no_store_can_hold_is_refused_before(store: Store, broken: dict[str, list[Any]], said: str) -> None:
    graph = small_graph("broken", ["All"])
    if "long id" in broken:
        graph = CatalogGraph.from_tables(pd.DataFrame({"id": ["i" * 7_997], "name": ["A"]}), source="broken")
    elif "id" in broken:
        graph = CatalogGraph.from_tables(pd.DataFrame({"id": ["1"], "name": ["A"]}), source="broken")
        graph = replace(graph, ids=type(graph.ids)((2**63,), "target"))
    elif "name" in broken:
        graph = replace(graph, names=tuple(broken["name"]))
    elif "colour" in broken:
        graph = small_graph("broken", ["All"], colour=["x"])
        graph = replace(graph, attributes=(graph.attributes[0]._replace(value=broken["colour"][0]),))
    else:
        graph = small_graph("broken", ["All"], **broken)
    with pytest.raises(InputError, match=said):
        store.write(graph)
    assert "broken" not in store.sources()


def test_batches_are_bounded_by_rows_and_by_text() -> None:
    rows = [{"key": str(i), "properties": {"text": "x" * (700_000 if i < 5 else 1)}} for i in range(12_000)]
    cut = list(batches(rows))
    assert [row for batch in cut for row in batch] == rows
    assert [len(batch) for batch in cut[:2]] == [2, 2]
    assert max(map(len, cut)) == BATCH_ROWS
    assert [len(batch) for batch in batches([{"key": "x" * BATCH_CHARACTERS * 2}] * 2)] == [1, 1]


def test_a_text_of_megabytes_is_stored(store: Store) -> None:
    names = ["All", *(f"Category {i}" for i in range(9))]
    graph = small_graph("long", names, text=[f"{i} " + "long text é " * 200_000 for i in range(10)])
    assert len(list(batches(node_rows(graph_records(graph).nodes[NodeLabel.CATEGORY])))) > 1
    store.write(graph)
    assert store.snapshot("long") == graph


@pytest.mark.parametrize(
    "url",
    [
        "",
        "embedded:",
        "http://localhost",
        "bolt://",
        "bolt://localhost:port",
        "bolt://localhost/neo4j",
        "neo4j+ssc://localhost",
        "file:///tmp/x",
        "embedded/x",
    ],
)
def test_wrong_store_urls(url: str) -> None:
    with pytest.raises(StoreError, match=r"use embedded, embedded:DIR, bolt://|names no folder"):
        open_store(url)


def test_credentials_in_a_url_are_refused_and_not_repeated() -> None:
    for url in ("bolt://neo4j:geheim@localhost", "neo4j://geheim@localhost:7687"):
        with pytest.raises(StoreError, match="NEO4J_PASSWORD") as caught:
            open_store(url)
        assert "geheim" not in str(caught.value)


def test_store_urls(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWAISLE_HOME", str(tmp_path))
    assert home_folder() == tmp_path
    assert parse_store_url("embedded") == tmp_path / "store"
    assert parse_store_url("embedded", tmp_path / "other") == tmp_path / "other" / "store"
    monkeypatch.chdir(tmp_path)
    assert parse_store_url("embedded:some folder") == tmp_path / "some folder"
    for url in ("bolt://h:7687", "neo4j://h", "neo4j+s://h.example:1", "bolt+s://[::1]:7687"):
        assert parse_store_url(url) == url


def test_credentials_come_from_the_environment_and_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NEO4J_USERNAME", "NEO4J_PASSWORD", "NEO4J_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    assert Credentials.from_environment() == Credentials("neo4j", None, "neo4j")
    monkeypatch.setenv("NEO4J_USERNAME", "anna")
    monkeypatch.setenv("NEO4J_PASSWORD", "geheim")
    monkeypatch.setenv("NEO4J_DATABASE", "shop")
    credentials = Credentials.from_environment()
    assert (credentials.username, credentials.password, credentials.database) == ("anna", "geheim", "shop")
    assert "geheim" not in f"{credentials!r} {credentials}"


@pytest.mark.parametrize("scheme", ["bolt", "neo4j"])
def test_an_unreachable_server_is_told_soon(scheme: str) -> None:
    started = datetime.now(UTC)
    with pytest.raises(StoreUnavailableError, match=rf"{scheme}://127\.0\.0\.1:1 cannot be reached") as caught:
        open_store(f"{scheme}://127.0.0.1:1", Credentials(password="geheim"))
    assert (datetime.now(UTC) - started).total_seconds() < 15
    assert "geheim" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nan_is_a_value_that_queries_can_return(store: Store) -> None:
    ((value,),) = store.query("RETURN $x", {"x": math.nan}).rows
    assert math.isnan(value)
