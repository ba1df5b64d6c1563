"""A known small change gives what a full refresh gives, whatever it is; against every kind of store."""

from __future__ import annotations

import random
from typing import Any

import pandas as pd
import pytest

from newaisle import CatalogGraph
from newaisle.errors import CycleError, DanglingParentError, GraphError, InputError, NewaisleError, StoreError
from newaisle.graph import GraphChanges, Store

HIERARCHY = pd.DataFrame({"name": ["colour"], "value": ["c0"], "parent_value": ["dark"]})


@pytest.fixture(scope="module", name="store")
def every_store(any_store: Store) -> Store:
    return any_store


def random_rows(draw: random.Random, size: int) -> dict[int, dict[str, Any]]:
    """Categories in a DAG, and products below them."""
    rows: dict[int, dict[str, Any]] = {}
    for own in range(size):
        rows[own] = random_row(draw, own, [other for other in rows if not rows[other]["product"]])
    return rows


def random_row(draw: random.Random, own: int, parents: list[int]) -> dict[str, Any]:
    product = bool(parents) and draw.random() < 0.3
    return {
        "id": own,
        "name": f"Name {draw.randrange(4)}",
        "product": product,
        "parents": draw.sample(parents, min(len(parents), draw.choice([1, 1, 2] if product else [0, 1, 1, 2]))),
        "colour": [f"c{draw.randrange(6)}" for _ in range(draw.randrange(3))],
        "price": draw.choice([float("nan"), draw.random()]),
        "group": not product and draw.random() < 0.2,
    }


def tables(rows: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for what, parent in (("categories", "parent_id"), ("products", "category_id")):
        chosen = [row for row in rows if row["product"] is (what == "products")]
        if chosen:
            table = pd.DataFrame(chosen).rename(columns={"parents": parent}).drop(columns=["product", "group"])
            found[what] = table if what == "products" else table.assign(group=[row["group"] for row in chosen])
    return found


def whole(rows: dict[int, dict[str, Any]], source: str) -> CatalogGraph:
    return CatalogGraph.from_tables(**tables(list(rows.values())), attribute_parents=HIERARCHY, source=source)


def state_of(store: Store, source: str) -> list[Any]:
    """Everything of a source but for its runs and its name."""
    nodes = store.query("MATCH (n:Newaisle {source: $s}) WHERE NOT n:Refresh RETURN labels(n), n", {"s": source}).rows
    kept = [(sorted(labels), {**n["properties"], "run_id": "", "content_hash": ""}) for labels, n in nodes]
    edges = store.query(
        "MATCH (a:Newaisle {source: $s})-[r]->(b) RETURN a.key, type(r), r.weight, b.key", {"s": source}
    ).rows
    said = [repr((labels, sorted((name, repr(value)) for name, value in node.items()))) for labels, node in kept]
    return sorted(text.replace(source, "") for text in [*said, *map(repr, edges)])


@pytest.mark.parametrize("seed", range(4))
def test_apply_gives_what_a_refresh_gives(store: Store, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - no secret
    applied, refreshed = f"applied-{seed}", f"refreshed-{seed}"
    rows = random_rows(draw, 40)
    store.write(whole(rows, applied))
    for turn in range(5):
        rows = dict(rows)
        leaves = [own for own in rows if not any(own in row["parents"] for row in rows.values())]
        gone = draw.sample(leaves, 2)
        for own in gone:
            del rows[own]
        # what stands in front of a row in this order is never below it, so no cycle can come about
        order = list(rows)
        chosen = [*draw.sample(order, 4), 100 + turn]
        for own in chosen:
            before = order[: order.index(own)] if own in rows else order
            row = random_row(draw, own, [other for other in before if not rows[other]["product"]])
            if any(own in other["parents"] for other in rows.values()):
                row["product"] = False
            rows[own] = row
        rows = {own: rows[own] for own in [*order, *(own for own in rows if own not in order)]}
        change = GraphChanges.from_tables(**tables([rows[own] for own in chosen]), removed=[*gone, 999], source=applied)
        report = store.apply(change)
        graph = whole(rows, applied)
        assert report.graph_hash == graph.content_hash
        assert report.removed >= len(gone)
        assert store.snapshot(applied) == graph
        store.write(whole(rows, refreshed))
        assert state_of(store, applied) == state_of(store, refreshed)
        assert not any(store.plan(graph).counts.values())


def base(source: str) -> CatalogGraph:
    table = pd.DataFrame({"id": [1, 2, 3, 4], "name": list("abcd"), "parent_id": [None, 1, 2, 3]})
    products = pd.DataFrame({"id": [9], "name": ["p"], "category_id": [4]})
    return CatalogGraph.from_tables(table, products=products, source=source)


def test_a_subtree_that_moves_takes_its_levels_along(store: Store) -> None:
    store.write(base("levels"))
    change = GraphChanges.from_tables(pd.DataFrame({"id": [2], "name": ["b"], "parent_id": [None]}), source="levels")
    report = store.apply(change, run_id="moving")
    assert (report.moved, report.changed, report.edges_removed) == (1, 0, 1)
    levels = store.query("MATCH (n:Newaisle:Category {source: 'levels'}) RETURN n.id, n.level ORDER BY n.id").rows
    assert levels == ([1, 0], [2, 0], [3, 1], [4, 2])
    assert not any(store.apply(change).counts.values())


@pytest.mark.parametrize(
    ("table", "removed", "error", "said"),
    [
        ({"id": [2], "name": ["b"], "parent_id": [4]}, [], CycleError, "cycle"),
        ({"id": [5, 6], "name": ["x", "y"], "parent_id": [6, 5]}, [], CycleError, "cycle"),
        ({"id": [5], "name": ["x"], "parent_id": [77]}, [], DanglingParentError, "the parent 77, which does not exist"),
        ({"id": [5], "name": ["x"], "parent_id": [9]}, [], GraphError, "the product 9 as its parent"),
        ({"id": [5], "name": ["x"], "parent_id": [1]}, [3], DanglingParentError, "is a child of 'refused:3'"),
        ({"id": [5], "name": ["x"], "parent_id": [1]}, [5], InputError, "given and removed"),
    ],
)
def test_a_change_that_would_break_the_graph_is_refused(
    store: Store, table: dict[str, Any], removed: list[int], error: type[NewaisleError], said: str
) -> None:
    graph = base("refused")
    store.write(graph)
    with pytest.raises(error, match=said):
        store.apply(GraphChanges.from_tables(pd.DataFrame(table), removed=removed, source="refused"))
    assert store.snapshot("refused") == graph


def test_a_change_needs_a_source_in_the_store(store: Store) -> None:
    with pytest.raises(StoreError, match="no source 'unknown'"):
        store.apply(GraphChanges.from_tables(removed=[1], source="unknown"))
    assert "unknown" not in store.sources()
