"""Ties between targets, read from the graph, are the ways that the query ``way`` finds in every kind of store."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from newaisle import CatalogGraph
from newaisle.graph import Store
from newaisle.graph.catalog.connections import Connections
from newaisle.graph.store.queries.named import named_queries

SIZE = 14


def woven(seed: int) -> CatalogGraph:
    """Categories with several parents, products below them, and attributes whose values have wider ones."""
    random = np.random.default_rng(seed)
    ids = [f"c{i:02}" for i in range(SIZE)]
    parents = [[ids[j] for j in random.choice(i, min(i, random.integers(0, 3)), replace=False)] for i in range(SIZE)]
    products = {"id": [f"p{i}" for i in range(6)], "category_id": random.choice(ids, 6).tolist()}
    values = [f"v{j}" for j in range(6)]
    has = {(random.choice([*ids, *products["id"]]), random.choice(["hue", "taste"]), v) for v in values * 4}
    wider = [(name, f"v{j}", f"v{k}") for name in ("hue", "taste") for j, k in ((0, 2), (1, 2), (2, 4), (3, 4))]
    return CatalogGraph.from_tables(
        pa.table({"id": ids, "name": [f"Shelf {i % 5}" for i in range(SIZE)], "parent_id": parents}),
        pa.table(dict(zip(("id", "name", "value"), map(list, zip(*sorted(has), strict=True)), strict=True))),
        products=pa.table({**products, "name": products["id"]}),
        attribute_parents=pa.table(
            dict(zip(("name", "value", "parent_value"), map(list, zip(*wider, strict=True)), strict=True))
        ),
        source=f"woven{seed}",
    )


@pytest.mark.parametrize("seed", [0, 1])
def test_the_store_finds_the_same_ways(any_store: Store, seed: int) -> None:
    graph = woven(seed)
    any_store.write(graph)
    ties, query, found = Connections(graph), named_queries()["way"], 0
    for one in range(len(graph)):
        for other in range(one % 3 + 1, len(graph), 4):
            if one == other:
                continue
            answer = query.run(any_store, {"key": graph.keys[one], "other": graph.keys[other]})
            rows = {}
            for row in answer.rows:
                told = dict(zip(answer.columns, row, strict=True))
                rows[told["tie"], tuple(told["keys"])] = told
            between = ties.between(one, other)
            for tie in between:
                row = rows[tie.kind, tuple(map(ties.key, tie.nodes))]
                assert (row["path"], row["via"]) == (ties.describe(tie), ties.name(tie.over))
                assert row["steps"] == len(tie.nodes) - 1
                found += 1
            assert bool(rows) is bool(between)
    assert found > 50


def test_only_the_nearest_ties_are_told_the_rarest_attributes_first() -> None:
    graph = CatalogGraph.from_tables(
        pa.table(
            {
                "id": ["top", "shelf", "jam", "tea", "salt"],
                "name": ["top", "shelf", "jam", "tea", "salt"],
                "parent_id": [None, "top", "shelf", "shelf", "top"],
                "hue": [None, None, "red", "red", "red"],
                "taste": [None, None, "honey", "sugar", None],
            }
        ),
        attribute_parents=pa.table({"name": ["taste"] * 2, "value": ["honey", "sugar"], "parent_value": ["sweet"] * 2}),
    )
    ties = Connections(graph)
    jam, tea, salt, shelf = (graph.ids.position(own) for own in ("jam", "tea", "salt", "shelf"))
    between = ties.between(jam, tea)
    assert [ties.describe(tie) for tie in between] == [
        "jam > taste=honey > taste=sweet < taste=sugar < tea",
        "jam > hue=red < tea",
        "jam > shelf < tea",
    ]
    weights = [ties.weight(tie) for tie in between]
    assert weights == pytest.approx([math.log(6 / 2), math.log(6 / 3), 0.25])
    assert [ties.describe(tie) for tie in ties.between(jam, salt)] == [
        "jam > hue=red < salt",
        "jam > shelf > top < salt",
    ]
    assert [ties.describe(tie) for tie in ties.between(shelf, jam)] == ["shelf < jam"]
    assert [ties.describe(tie) for tie in ties.between(jam, shelf)] == ["jam > shelf"]
