"""What a column of a catalog is: an attribute, a number, left out; found by its cells, or as the schema says."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import newaisle
from newaisle import CatalogGraph
from newaisle.errors import GraphError, InputError
from newaisle.graph import Attribute
from newaisle.graph.catalog.extend import read_addition
from newaisle.graph.cleaning import ColumnReading


def read(schema: Any = None, **columns: Any) -> CatalogGraph:
    size = len(next(iter(columns.values())))
    return CatalogGraph.from_tables(pa.table({"id": list(range(size))} | columns), schema=schema)


def reading(graph: CatalogGraph, column: str) -> ColumnReading:
    (found,) = (each for each in graph.report.columns if each.column == column)
    return found


# numbers among texts


def test_decimal_commas_and_marks_of_missing_cells_are_numbers(tmp_path: Path) -> None:
    (tmp_path / "categories.csv").write_text(
        'id,name,price,weight_kg\n1,Tea,"3,50",0.2\n2,Milk,"1,20",1.0\n3,Jam,"2,75",-\n4,Cake,"4,10",0.7\n',
        encoding="utf-8",
    )
    graph = newaisle.load(f"tables:{tmp_path}").graph
    assert graph.attributes == ()
    assert graph.features["price"].tolist() == [3.5, 1.2, 2.75, 4.1]
    np.testing.assert_array_equal(graph.features["weight_kg"], [0.2, 1.0, math.nan, 0.7])
    assert graph.report.changed == {"cells that are no number read as missing": 1}
    assert graph.report.examples["cells that are no number read as missing"] == ("weight_kg '-'",)
    assert reading(graph, "price").reason == "numbers with the decimal sign ',' in 100% of its cells"


NUMBERS: dict[str, tuple[list[str], list[float]]] = {
    "thousands and points": (["1,234.50", "2.5"], [1234.5, 2.5]),
    "thousands and commas": (["1.234,50", "2,5"], [1234.5, 2.5]),
    "whole numbers beside a mark": (["3", "n/a"], [3.0, math.nan]),
    "a stray among many": ([*["1.5"] * 39, "cheap"], [*[1.5] * 39, math.nan]),
    "signs and exponents": (["-1.5", "+2e3"], [-1.5, 2000.0]),
}


@pytest.mark.parametrize("case", NUMBERS)
def test_texts_that_are_numbers(case: str) -> None:
    texts, numbers = NUMBERS[case]
    np.testing.assert_array_equal(read(price=texts).features["price"], numbers)


TEXTS: dict[str, tuple[list[str], str]] = {
    "codes": (["3", "14"], "whole numbers given as texts, thus codes"),
    "codes with zeros": (["007", "n/a"], "codes with zeros in front"),
    "a comma of either kind": (["1,234", "2,500"], "'1,234' may have a decimal or a thousands comma: give decimal"),
    "too many strays": ([*["1.5"] * 9, "cheap"], "numbers in only 90% of its cells, 'cheap' is none"),
    "words": (["red", "2"], "numbers in only 50% of its cells, 'red' is none"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_texts_that_are_no_numbers_say_why(case: str) -> None:
    texts, reason = TEXTS[case]
    graph = read(size=texts)
    assert not graph.features
    assert reading(graph, "size").role == "attribute"
    assert reading(graph, "size").reason.startswith(reason)


def test_the_schema_decides_before_the_cells() -> None:
    say = {"categories": {"decimal": ",", "roles": {"code": "number", "year": "attribute", "url": "ignore"}}}
    graph = read(say, code=["003", "14"], year=[2024.0, 2025.0], url=["a", "b"], price=["1,234", "2,500"])
    assert graph.features["code"].tolist() == [3.0, 14.0]
    assert graph.features["price"].tolist() == [1.234, 2.5]
    assert graph.attributes == (Attribute("year", "2024"), Attribute("year", "2025"))
    assert reading(graph, "url") == ColumnReading("categories", "url", "ignored", "the schema ignores it")
    with pytest.raises(InputError, match=r"'code' of the categories table is no number as the schema says: .*'red'"):
        read({"categories": {"roles": {"code": "number"}}}, code=["red", "2"])
    with pytest.raises(InputError, match=r"no column 'colr' .*; did you mean 'colour'"):
        read({"categories": {"roles": {"colr": "ignore"}}}, colour=["red", "blue"])
    with pytest.raises(InputError, match=r"no column 'Name' .*"):
        read({"categories": {"name": "Name"}}, colour=["red", "blue"])


def test_a_text_of_the_schema_is_read_behind_the_text() -> None:
    graph = read({"categories": {"roles": {"more": "text"}}}, name=["A", "B"], text=["a", None], more=["x", None])
    assert graph.texts == ("a, x", "B")
    assert not graph.attributes


# columns under other names


def test_columns_of_other_names() -> None:
    frame = pd.DataFrame({"StockCode": [1, 2], "Description": ["Tea", "Mug"], "above": [None, 1], "id": ["x", "y"]})
    schema = {"categories": {"id": "StockCode", "name": "Description", "parent_id": "above"}}
    graph = CatalogGraph.from_tables(frame, schema=schema)
    assert (graph.ids.values, graph.names, graph.levels.tolist()) == ((1, 2), ("Tea", "Mug"), [0, 1])
    assert not graph.attributes
    assert reading(graph, "id").reason == "the schema names 'StockCode' as id"
    assert reading(graph, "Description").reason == "the schema names it as name"


def test_missing_marks_of_the_schema_are_missing_everywhere() -> None:
    schema = {"missing": ["?", "-1"]}
    graph = read(
        schema, parent_id=[None, -1, 0], colour=["red", "?", "red"], price=[1.0, -1.0, 2.0], name=["?", "b", "c"]
    )
    assert graph.levels.tolist() == [0, 0, 1]
    assert graph.attributes == (Attribute("colour", "red"),)
    np.testing.assert_array_equal(graph.features["price"], [1.0, math.nan, 2.0])
    assert graph.names == ("0", "b", "c")


# what is left out, and what should be looked at


def test_nearly_unique_attributes_are_left_out_unless_the_schema_keeps_them() -> None:
    columns = {"sku": [f"s{i}" for i in range(30)], "colour": ["red", "blue"] * 15}
    graph = read(None, **columns)
    assert {attribute.name for attribute in graph.attributes} == {"colour"}
    left_out = reading(graph, "sku")
    assert (left_out.role, left_out.distinct) == ("ignored", 30)
    assert left_out.reason.startswith("30 different values in 30 filled cells tie no targets together")
    kept = read({"categories": {"roles": {"sku": "attribute"}}}, **columns)
    assert sum(attribute.name == "sku" for attribute in kept.attributes) == 30
    few = read(None, sku=[f"s{i}" for i in range(20)])
    assert len(few.attributes) == 20


def test_a_column_without_a_name_or_cells_is_left_out() -> None:
    frame = pd.DataFrame({"Unnamed: 0": [0, 1], "id": ["a", "b"], "nothing": [None, None]})
    graph = CatalogGraph.from_tables(frame)
    assert not graph.features
    assert not graph.attributes
    assert reading(graph, "Unnamed: 0").reason == "it has no name, like the row numbers of an exported table"
    assert reading(graph, "nothing").reason == "all its cells are empty"


def test_every_column_is_reported() -> None:
    graph = read(name=["A", "B"], parent_id=[None, 0], group=[True, False], price=[1.5, 2.0], colour=["red", None])
    roles = {column.column: (column.role, column.distinct, column.missing) for column in graph.report.columns}
    assert roles == {
        "id": ("id", 2, 0),
        "name": ("name", 2, 0),
        "parent_id": ("parent", 1, 1),
        "group": ("group", 2, 0),
        "price": ("number", 2, 0),
        "colour": ("attribute", 1, 1),
    }


def test_spellings_that_differ_little_are_noted_not_merged() -> None:
    graph = read(colour=["Red", "red", "blue", "n/a"])
    assert len(graph.attributes) == 4
    assert graph.report.notes == (
        "categories: colour has 1 value in spellings that differ by case or punctuation only, such as 'Red' and 'red': "
        "write them alike where they mean the same.",
        "categories: colour has the value 'n/a': give it as missing in the schema where it stands for an empty cell.",
    )


# tables in the wrong place or shape


def test_products_given_as_attributes_are_named() -> None:
    categories, products = pa.table({"id": ["c"]}), pa.table({"id": ["p"], "name": ["P"], "category_id": ["c"]})
    with pytest.raises(
        InputError, match=r"second table is attributes \(id, name, value\); give products as products=…"
    ):
        CatalogGraph.from_tables(categories, products)


def test_weights_that_add_up_beyond_all_numbers_are_named() -> None:
    edges = pa.table({"id": ["a", "a"], "name": ["x"] * 2, "value": ["v"] * 2, "weight": [1e308, 1.7e308]})
    with pytest.raises(InputError, match="The weights of x=v of the id 'a' in the attributes table add up to more"):
        CatalogGraph.from_tables(pa.table({"id": ["a"]}), edges)


@pytest.mark.parametrize("column", [[["x"]], [{"a": 1}], [b"x"]], ids=["list", "dict", "bytes"])
def test_names_are_texts(column: Any) -> None:
    with pytest.raises(InputError, match=r"'name' of the categories table is of type .*; give texts"):
        CatalogGraph.from_tables(pa.table({"id": ["a"], "name": column}))
    with pytest.raises(InputError, match=r"'value' of the attributes table is of type .*; give texts"):
        CatalogGraph.from_tables(pa.table({"id": ["a"]}), pa.table({"id": ["a"], "name": ["x"], "value": column}))


def test_reserved_names_may_be_ignored() -> None:
    with pytest.raises(GraphError, match="'buyers'"):
        read(buyers=[1, 2])
    assert not read({"categories": {"roles": {"buyers": "ignore"}}}, buyers=[1, 2]).features


def test_what_is_added_is_read_as_all_was() -> None:
    rows = range(30)
    graph = read(price=["1,5", "-"] * 15, sku=[f"s{i}" for i in rows], year=["2024", "2025"] * 15)
    more = pa.table({"id": [99, 100], "price": ["3,25", "2"], "sku": ["s98", "s99"], "year": [2024, 2025]})
    added = read_addition(graph, more, None).nodes
    assert added[99].features == {"price": 3.25}
    assert list(added[99].attributes) == [Attribute("year", "2024")]
