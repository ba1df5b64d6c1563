"""The catalog graph: what is refused, what the hash sees, how one looks around in it."""

import json
import math
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from newaisle import CatalogGraph
from newaisle.errors import CycleError, DanglingParentError, DuplicateIdError, GraphError, InputError, UnknownIdError
from newaisle.graph import Attribute, Relation
from newaisle.graph.catalog.derive import without
from newaisle.graph.catalog.hashing import edge_hash

CATEGORIES: dict[str, list[Any]] = {
    "id": ["food", "fruit", "jam", "spread", "nut"],
    "name": ["Food", "Fruit", "Jam", "Spreads", "Nuts"],
    "parent_id": [[], ["food"], ["fruit", "spread"], ["food"], None],
    "text": ["", "Fresh  fruit", None, "On bread", "Hard shells"],
    "group": [True, False, False, False, False],
    "colour": [[], ["red", "green"], ["red"], [], ["brown"]],
    "size": [None, 3.0, 4.5, float("nan"), 1.0],
}
PRODUCTS: dict[str, list[Any]] = {
    "id": ["p1", "p2"],
    "name": ["Fig jam", "Pecans"],
    "category_id": ["jam", "nut"],
    "brand": ["Bonne", None],
}
EDGES: dict[str, list[Any]] = {
    "id": ["fruit", "jam", "jam", "p1"],
    "name": ["season"] * 4,
    "value": ["summer", "summer", "summer", "june"],
    "weight": [2.0, 0.5, 1.0, 1.0],
}
ABOVE = {"name": ["season"], "value": ["june"], "parent_value": ["summer"]}


def make(**changes: Any) -> CatalogGraph:
    tables = {"categories": CATEGORIES, "products": PRODUCTS, "attributes": EDGES, "attribute_parents": ABOVE} | changes
    return CatalogGraph.from_tables(
        **{name: pa.table(table) if isinstance(table, dict) else table for name, table in tables.items()}
    )


def table(**columns: list[Any]) -> pa.Table:
    return pa.table({"id": ["a"], "name": ["A"]} | columns)


def _cell(name: str, row: int, value: object) -> dict[str, Any]:
    """A change of one cell; ``name`` is table.column."""
    which, column = name.split(".")
    rows = {"categories": CATEGORIES, "products": PRODUCTS, "attributes": EDGES, "attribute_parents": ABOVE}[which]
    return {which: rows | {column: [*rows[column][:row], value, *rows[column][row + 1 :]]}}


# building


def test_arrays_of_a_small_catalog() -> None:
    graph = make()
    assert graph.ids.values == ("food", "fruit", "jam", "nut", "p1", "p2", "spread")
    assert graph.names == ("Food", "Fruit", "Jam", "Nuts", "Fig jam", "Pecans", "Spreads")
    assert graph.texts == ("Food", "Fresh fruit", "Jam", "Hard shells", "Fig jam", "Pecans", "On bread")
    assert graph.is_product.tolist() == [False] * 4 + [True, True, False]
    assert graph.is_group.tolist() == [True] + [False] * 6
    np.testing.assert_array_equal(graph.features["size"], [np.nan, 3.0, 4.5, 1.0, np.nan, np.nan, np.nan])
    assert graph.attributes == (
        Attribute("brand", "Bonne"),
        Attribute("colour", "brown"),
        Attribute("colour", "green"),
        Attribute("colour", "red"),
        Attribute("season", "june"),
        Attribute("season", "summer"),
    )
    children = graph.edges[Relation.CHILD_OF]
    assert [(graph.ids.values[t], graph.ids.values[h]) for t, h in zip(children.tail, children.head, strict=True)] == [
        ("fruit", "food"),
        ("jam", "fruit"),
        ("jam", "spread"),
        ("spread", "food"),
    ]
    weights = dict(
        zip(graph.edge_keys(Relation.HAS_ATTRIBUTE), graph.edges[Relation.HAS_ATTRIBUTE].weight.tolist(), strict=True)
    )
    assert weights["tables:jam", "tables@season=summer"] == 1.5
    assert len(weights) == 8
    assert graph.report.rows_read == graph.report.rows_kept == 7
    assert graph.report.changed["texts normalised"] == 1


def test_texts_are_normalised_and_rows_without_an_id_dropped() -> None:
    graph = CatalogGraph.from_tables(pa.table({"id": ["a", None, ""], "name": [" Cafe\u0301\n au  lait", "x", "y"]}))
    assert graph.names == ("Café au lait",)
    assert graph.report.describe() == "3 rows read, 1 kept; dropped: 2 missing id; changed: 1 texts normalised"


def test_the_id_stands_in_for_a_missing_or_empty_name() -> None:
    graph = CatalogGraph.from_tables(table(id=["a", "b"], name=["  ", "B"]))
    assert (graph.names, graph.texts) == (("a", "B"), ("a", "B"))
    assert graph.report.changed == {"names missing, the id in their place": 1, "texts normalised": 1}
    assert graph.report.examples["names missing, the id in their place"] == ("row 1 (id 'a')",)
    nameless = CatalogGraph.from_tables(pa.table({"id": [1, 2, 3], "parent_id": [None, 1, 1]}))
    assert nameless.names == nameless.texts == ("1", "2", "3")
    assert nameless.report.changed == {"names missing, the id in their place": 3}


def test_the_same_row_twice_counts_once() -> None:
    graph = CatalogGraph.from_tables(table(id=["a", "a"], name=["A", "A"], size=[1.0, 1.0]))
    assert len(graph) == 1
    assert graph.report.dropped == {"exact duplicate": 1}


def test_integer_ids_survive_missing_cells_in_pandas() -> None:
    graph = CatalogGraph.from_tables(pd.DataFrame({"id": [2, 1], "name": ["A", "B"], "parent_id": [1, None]}))
    assert graph.ids.values == (1, 2)
    assert graph.levels.tolist() == [0, 1]


def test_missing_cells_are_missing_in_pandas_too() -> None:
    frame = pd.DataFrame({"id": ["a", "b"], "name": ["A", "B"], "text": ["t", np.nan], "kind": [pd.NA, "k"]})
    graph = CatalogGraph.from_tables(frame)
    assert graph.texts == ("t", "B")
    assert graph.attributes == (Attribute("kind", "k"),)


# what is refused

REFUSED: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "no table": (lambda: CatalogGraph.from_tables([1]), InputError, "is a list; give a pandas"),
    "no column": (
        lambda: CatalogGraph.from_tables(pa.table({"ids": ["a"]})),
        InputError,
        "no column 'id' .*'ids'.*if it is called 'ids', state it by --columns id=ids",
    ),
    "no rows": (lambda: CatalogGraph.from_tables(table().slice(1)), InputError, "categories table is empty"),
    "no ids": (lambda: CatalogGraph.from_tables(table(id=[""])), GraphError, "no row with an id"),
    "cycle": (
        lambda: CatalogGraph.from_tables(table(id=["a", "b", "c"], name=["A", "B", "C"], parent_id=["b", "c", "a"])),
        CycleError,
        "cycle: . -> . -> . -> .;",
    ),
    "own parent": (lambda: CatalogGraph.from_tables(table(parent_id=["a"])), CycleError, "a -> a"),
    "attribute cycle": (
        lambda: make(attribute_parents={"name": ["s"] * 2, "value": ["x", "y"], "parent_value": ["y", "x"]}),
        CycleError,
        "s=. -> s=. -> s=.",
    ),
    "dangling": (lambda: CatalogGraph.from_tables(table(parent_id=["z"])), DanglingParentError, "Category 'a'.*'z'"),
    "product above": (
        lambda: make(**_cell("categories.parent_id", 0, ["p1"])),
        GraphError,
        "'food' names the product 'p1'",
    ),
    "two contents": (
        lambda: CatalogGraph.from_tables(table(id=["a", "a"], name=["A", "B"])),
        DuplicateIdError,
        "'a' occurs twice with different content .row 2 of the categories",
    ),
    "product and category": (
        lambda: make(products={"id": ["jam"], "name": ["Jam"], "category_id": ["jam"]}),
        DuplicateIdError,
        "'jam' occurs twice.*products",
    ),
    "infinite feature": (lambda: CatalogGraph.from_tables(table(size=[math.inf])), InputError, "Row 1.*infinite size"),
    "reserved column": (lambda: CatalogGraph.from_tables(table(buyers=[1])), GraphError, "'buyers'.*rename"),
    "reserved attribute": (
        lambda: make(attributes={"id": ["jam"], "name": ["state"], "value": ["x"]}),
        GraphError,
        "reserved name 'state'",
    ),
    "mixed ids": (
        lambda: make(products={"id": [1], "name": ["P"], "category_id": ["jam"]}),
        InputError,
        "target ids mix types .int and str",
    ),
    "mixed column": (
        lambda: CatalogGraph.from_tables(pd.DataFrame({"id": ["a", 1], "name": ["A", "B"]})),
        InputError,
        "'id' of the categories table mixes types",
    ),
    "boolean-looking group": (
        lambda: CatalogGraph.from_tables(table(group=["false"])),
        InputError,
        "'group' .*String; give true or false",
    ),
    "dates": (lambda: CatalogGraph.from_tables(table(since=[pd.Timestamp(0)])), InputError, "'since' .*Datetime"),
    "binary id": (lambda: CatalogGraph.from_tables(table(id=[b"1"])), InputError, "ids are texts or integers"),
    "unknown id": (
        lambda: make(attributes={"id": ["x"], "name": ["s"], "value": ["v"]}),
        GraphError,
        "Row 1 of the attributes table names the unknown id 'x'",
    ),
    "empty value": (
        lambda: make(attributes={"id": ["jam"], "name": ["s"], "value": [""]}),
        GraphError,
        "Row 1 of the attributes table .*empty",
    ),
    "empty parent value": (
        lambda: make(attribute_parents={"name": ["s"], "value": ["v"], "parent_value": [None]}),
        GraphError,
        "Row 1 of the attribute parents table",
    ),
    "weight a text": (
        lambda: make(attributes=EDGES | {"weight": ["1"] * 4}),
        InputError,
        "'weight' of the attributes table is of type String",
    ),
    "source name": (lambda: make(source="My Shop"), InputError, "'My Shop'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_catalogs_are_refused(case: str) -> None:
    build, error, told = REFUSED[case]
    with pytest.raises(error, match=told) as caught:
        build()
    assert type(caught.value) is error


@pytest.mark.parametrize("weight", [math.nan, math.inf, 0.0, -1.0, None])
def test_weights_are_positive_and_finite(weight: float | None) -> None:
    with pytest.raises(InputError, match=r"Row 3 of the attributes table \(id 'jam'\) has the weight"):
        make(attributes=EDGES | {"weight": [1.0, 1.0, weight, 1.0]})


# the content hash


def test_the_hash_ignores_order_and_table_library() -> None:
    graph = make()
    tables = {"categories": CATEGORIES, "products": PRODUCTS, "attributes": EDGES, "attribute_parents": ABOVE}
    arrow = {name: pa.table(columns) for name, columns in tables.items()}
    turned = {name: table.take(list(range(len(table)))[::-1]) for name, table in arrow.items()}
    pandas = {name: table.to_pandas() for name, table in arrow.items()}
    polars = {name: pl.from_arrow(table) for name, table in arrow.items()}
    for same in (turned, pandas, polars):
        other = CatalogGraph.from_tables(**same)
        assert other.content_hash == graph.content_hash
        assert other == graph
        assert hash(other) == hash(graph)
    assert len(graph.content_hash) == 64


def test_summed_weights_do_not_depend_on_row_order() -> None:
    rows = {"id": ["a"] * 3, "name": ["s"] * 3, "value": ["v"] * 3, "weight": [0.1, 0.2, 0.3]}
    one = CatalogGraph.from_tables(table(), pa.table(rows))
    other = CatalogGraph.from_tables(table(), pa.table(rows | {"weight": [0.3, 0.2, 0.1]}))
    assert one == other


CHANGES = {
    "id": _cell("categories.id", 4, "nuts") | {"products": PRODUCTS | {"category_id": ["jam", "nuts"]}},
    "name": _cell("categories.name", 1, "Fruits"),
    "text": _cell("categories.text", 1, "Ripe fruit"),
    "parent": _cell("categories.parent_id", 1, ["spread"]),
    "one parent fewer": _cell("categories.parent_id", 2, ["fruit"]),
    "feature": _cell("categories.size", 1, 3.5),
    "feature gone": _cell("categories.size", 1, None),
    "attribute": _cell("categories.colour", 1, ["red"]),
    "attribute name": {"categories": {("hue" if k == "colour" else k): v for k, v in CATEGORIES.items()}},
    "product's category": _cell("products.category_id", 0, "nut"),
    "weight": _cell("attributes.weight", 0, 2.5),
    "value": _cell("attributes.value", 0, "june"),
    "attribute parent": _cell("attribute_parents.parent_value", 0, "season"),
    "kind": {"products": None, "attributes": None, "categories": _cell("categories.id", 4, "p2")["categories"]},
    "source": {"source": "other"},
}


def test_the_hash_sees_every_field() -> None:
    hashes = {case: make(**change).content_hash for case, change in CHANGES.items()} | {"": make().content_hash}
    assert len(set(hashes.values())) == len(CHANGES) + 1


@pytest.mark.parametrize("key", ["s:a", 's:"quoted\\"', "s@é=\0\x1b\n\u2028", "s:half \ud800", "s:🛒"])
@pytest.mark.parametrize("weight", [1.0, 1 / 3, 1e300, 5e-324, 2])
def test_the_hash_of_an_edge_is_that_of_its_json(key: str, weight: float) -> None:
    row = json.dumps(["HAS_ATTRIBUTE", key, f"{key}2", float(weight)], ensure_ascii=False)
    assert (
        edge_hash("HAS_ATTRIBUTE", key, f"{key}2", weight) == sha256(row.encode("utf-8", "surrogatepass")).hexdigest()
    )


def test_state_is_no_content() -> None:
    assert make(**_cell("categories.group", 4, True)) == make()


def test_a_product_is_not_a_category_of_the_same_name() -> None:
    above = {"id": ["c"], "name": ["C"]}
    product = {"id": ["x"], "name": ["X"], "category_id": ["c"]}
    one = CatalogGraph.from_tables(pa.table(above), products=pa.table(product))
    other = CatalogGraph.from_tables(pa.table({"id": ["c", "x"], "name": ["C", "X"], "parent_id": [None, "c"]}))
    assert one.keys == other.keys
    assert one.node_hashes != other.node_hashes


def test_equal_signs_do_not_blur_attributes() -> None:
    graph = CatalogGraph.from_tables(table(), pa.table({"id": ["a", "a"], "name": ["k", "k=v"], "value": ["v=w", "w"]}))
    assert len(set(graph.attribute_keys)) == 2


# looking around


def test_levels_are_distances_to_the_nearest_root() -> None:
    graph = CatalogGraph.from_tables(
        pa.table(
            {
                "id": ["r", "s", "a", "b", "c"],
                "name": list("RSABC"),
                "parent_id": [[], [], ["r"], ["a"], ["b", "s"]],
            }
        )
    )
    assert dict(zip(graph.ids, graph.levels.tolist(), strict=True)) == {"r": 0, "s": 0, "a": 1, "b": 2, "c": 1}
    assert [graph.ids.values[i] for i in graph.below(graph.ids.position("r"))] == ["a", "b", "c"]
    assert graph.below(graph.ids.position("c")).tolist() == []


def test_parents_hold_products_and_categories_alike() -> None:
    graph = make()
    above = graph.parents.toarray()
    assert above.sum() == 6
    assert above[graph.ids.position("p1"), graph.ids.position("jam")] == 1


def test_neighbourhood() -> None:
    graph = make()
    here = graph.neighbourhood("spread", hops=0)
    assert list(here.nodes) == ["spread"]
    near = graph.neighbourhood("p1")
    assert set(near.nodes) == {"p1", "jam", Attribute("brand", "Bonne"), Attribute("season", "june")}
    assert near.nodes["p1"] == {"kind": "product", "name": "Fig jam", "group": False}
    assert near.nodes[Attribute("season", "june")] == {"kind": "attribute", "name": "season=june"}
    assert near.edges["p1", "jam", "IN_CATEGORY"] == {"relation": "IN_CATEGORY", "weight": 1.0}
    assert Attribute("season", "summer") in graph.neighbourhood("p1", hops=2)
    with pytest.raises(UnknownIdError, match="'no'"):
        graph.neighbourhood("no")
    with pytest.raises(InputError, match="-1"):
        graph.neighbourhood("p1", hops=-1)


def test_to_networkx() -> None:
    graph = make()
    whole = graph.to_networkx()
    assert whole.number_of_nodes() == len(graph) + len(graph.attributes)
    assert whole.number_of_edges() == sum(len(edges) for edges in graph.edges.values())
    assert nx.is_directed_acyclic_graph(whole)
    assert whole.edges["jam", Attribute("season", "summer"), "HAS_ATTRIBUTE"]["weight"] == 1.5


def test_arrays_cannot_be_written() -> None:
    for graph in (make(), without(make(), ["colour", "child_of"])):
        arrays = [graph.is_product, graph.is_group, *graph.features.values()]
        arrays += [array for edges in graph.edges.values() for array in (edges.tail, edges.head, edges.weight)]
        assert not any(array.flags.writeable for array in arrays)
        with pytest.raises(AttributeError):
            graph.names = ()  # type: ignore[misc]  # this is what must fail


# with less in it


def test_without_features_and_attributes_is_as_if_they_had_never_been_there() -> None:
    less = {name: column for name, column in CATEGORIES.items() if name not in ("colour", "size")}
    assert without(make(), ["colour", "size"]) == make(categories=less)
    assert without(make(), ["season"]) == make(attributes=None, attribute_parents=None)
    assert without(make(), []) == make()


def test_without_relations_and_texts() -> None:
    graph = make()
    loose = without(graph, ["CHILD_OF", "in_category", "text"])
    assert loose.parents.nnz == 0
    assert loose.levels.tolist() == [0] * len(graph)
    assert set(loose.texts) == {""}
    assert loose.names == graph.names
    assert len(loose.edges[Relation.HAS_ATTRIBUTE]) == len(graph.edges[Relation.HAS_ATTRIBUTE])
    assert without(graph, ["child_of"]).parents.sum() == 2


def test_without_something_unknown() -> None:
    known = "brand, child_of, colour, in_category, season, size, text"
    with pytest.raises(InputError, match=f"'price'; what can be dropped is: {known}"):
        without(make(), ["price", "size"])
