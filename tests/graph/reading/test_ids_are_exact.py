"""Own ids go in exact or not at all: no integer is rounded, none overflows, and texts are cleaned alike everywhere."""

import datetime
import decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from newaisle import CatalogGraph, Interactions
from newaisle.errors import DuplicateIdError, InputError, InteractionsError, UnknownIdError
from newaisle.graph import Ids
from newaisle.graph.catalog.extend import read_addition

BIG = 1234567890123456788
"""Beyond 2^53: BIG and BIG + 1 are one number as decimals."""


def users_of(column: Any) -> tuple[Any, ...]:
    frame = pd.DataFrame({"user": column, "target": [f"t{i}" for i in range(len(column))]})
    return Interactions.from_table(frame).users.values


def test_large_integers_stay_what_they_are() -> None:
    assert users_of(pd.array([BIG, BIG + 1, None], dtype="Int64")) == (BIG, BIG + 1)
    assert users_of(pd.Series([BIG, BIG + 1, None], dtype=object)) == (BIG, BIG + 1)
    table = pl.DataFrame({"user": [BIG, BIG + 1, None], "target": ["a", "b", "c"]})
    assert Interactions.from_table(table).users.values == (BIG, BIG + 1)
    graph = CatalogGraph.from_tables(
        pd.DataFrame({"id": [BIG, BIG + 1], "parent_id": pd.array([None, BIG], dtype="Int64")})
    )
    assert graph.ids.values == (BIG, BIG + 1)
    assert graph.levels.tolist() == [0, 1]


def test_integers_that_pandas_has_made_decimals_are_refused() -> None:
    with pytest.raises(
        InteractionsError, match=r"Row 1 .* user: .* beyond 2\^53.*read the column as Int64 or as texts"
    ):
        users_of([BIG, BIG + 1, None])
    with pytest.raises(InputError, match=r"Row 2 .*\(id 2\), parent_id: .* beyond 2\^53"):
        CatalogGraph.from_tables(pd.DataFrame({"id": [1, 2], "parent_id": [None, BIG]}))


WRONG: dict[str, tuple[pa.Array, str]] = {
    "beyond 64 bits": (pa.array([1, 2**63 + 5], pa.uint64()), "Row 2 .*9223372036854775813 has more than 64 bits"),
    "no whole number": (pa.array([1.0, 1.5]), "Row 2 .*1.5 is no whole number"),
    "infinite": (pa.array([np.inf, 1.0]), "Row 1 .*inf is no whole number"),
    "bool": (pa.array([True, False]), "'id' .*of type bool; ids are texts or integers"),
    "decimal": (pa.array([decimal.Decimal(1), decimal.Decimal(2)]), "'id' .*of type decimal"),
    "date": (pa.array([datetime.date(2024, 1, 1)] * 2), "'id' .*of type date32"),
    "list": (pa.array([["a"], ["b"]]), "'id' .*of type list"),
    "dict": (pa.array([{"a": 1}, {"a": 2}]), "'id' .*of type struct"),
    "bytes": (pa.array([b"a", b"b"]), "'id' .*of type binary"),
}


@pytest.mark.parametrize("case", WRONG)
def test_other_ids_are_refused_in_one_sentence_wherever_they_are(case: str) -> None:
    column, message = WRONG[case]
    with pytest.raises(InputError, match=message):
        CatalogGraph.from_tables(pa.table({"id": column}))
    with pytest.raises(InteractionsError, match=message.replace("'id'", "'user'")):
        Interactions.from_table(pa.table({"user": column, "target": ["a", "b"]}))
    with pytest.raises(InputError, match=message):
        CatalogGraph.from_tables(
            pa.table({"id": ["a"]}), pa.table({"id": column, "name": ["x", "x"], "value": ["y", "z"]})
        )
    if case != "list":  # parents may be lists
        with pytest.raises(InputError, match=message.replace("'id'", "'parent_id'")):
            CatalogGraph.from_tables(pa.table({"id": ["a", "b"], "parent_id": column}))


def test_integers_of_any_size_in_an_object_column_are_one_sentence() -> None:
    with pytest.raises(InputError, match=r"'user' .* an integer of more than 64 bits; give the column as texts"):
        users_of(pd.Series([2**70, 1], dtype=object))


def test_names_of_columns_are_texts_once_each() -> None:
    twice = pd.DataFrame([["a", "b", "c"]], columns=["user", "target", "target"])
    with pytest.raises(InputError, match="two columns of one name"):
        Interactions.from_table(twice)
    with pytest.raises(InputError, match=r"has the name 7 \(int\); name it by a text"):
        CatalogGraph.from_tables(pd.DataFrame({"id": ["a"], 7: [1]}))


def test_half_a_surrogate_is_named() -> None:
    frame = pd.DataFrame({"id": ["a", "b"], "name": pd.Series(["a\ud800", "b"], dtype=object)})
    with pytest.raises(
        InputError, match=r"'name' of the categories table has a cell that is no valid Unicode \('a\\ud800'"
    ):
        CatalogGraph.from_tables(frame)


def test_true_is_no_id_though_it_equals_1() -> None:
    ids = Ids.of([0, 1], "user")
    assert True not in ids
    with pytest.raises(UnknownIdError, match="True"):
        ids.positions([True])
    with pytest.raises(InputError, match=r"\['a'\] is no id; ids are texts or integers"):
        ids.positions([["a"]])


# texts


def test_ids_are_cleaned_like_all_texts_and_counted() -> None:
    table = pa.table({"user": [" u1", "u1", "u2"], "target": ["Cafe\u0301", "Caf\u00e9", "tea  pot "]})
    events = Interactions.from_table(table)
    assert events.users.values == ("u1", "u2")
    assert events.targets.values == ("Caf\u00e9", "tea pot")
    assert events.report.changed == {
        "ids normalised": 3,
        "user ids that are one with another once normalised": 1,
        "target ids that are one with another once normalised": 1,
    }
    assert events.report.examples["ids normalised"] == ("' u1'", "'Cafe\u0301'", "'tea  pot '")
    assert events.report.dropped == {"exact duplicate": 1}
    graph = CatalogGraph.from_tables(
        pa.table({"id": ["Caf\u00e9 ", "tea pot"], "parent_id": [None, " Cafe\u0301"]}),
        pa.table({"id": ["tea pot "], "name": ["kind"], "value": ["pot"]}),
    )
    assert graph.ids.values == ("Caf\u00e9", "tea pot")
    assert graph.levels.tolist() == [0, 1]
    assert events.restrict(graph).report.dropped == {"exact duplicate": 1}
    assert graph.ids.position("tea pot ") == 1
    more = read_addition(graph, pa.table({"id": ["mug "], "parent_id": ["Cafe\u0301"]}), None)
    assert list(more.nodes) == ["mug"]
    assert more.nodes["mug"].parents == ["Caf\u00e9"]


def test_two_ids_that_become_one_are_both_named() -> None:
    with pytest.raises(DuplicateIdError, match=r"The ids 'a' \(row 1\) and 'a ' \(row 2\) .* become one"):
        CatalogGraph.from_tables(pa.table({"id": ["a", "a "], "name": ["A", "B"]}))
    same = CatalogGraph.from_tables(pa.table({"id": ["a", "a "], "name": ["A", "A"]}))
    assert same.report.dropped == {"exact duplicate": 1}


# what parents may mean

PARENTS = {
    "NULL": "leave the cell empty for a root",
    "nan": "leave the cell empty for a root",
    "0": "leave the cell empty for a root",
    "-1": "leave the cell empty for a root",
    "1.0": "it looks like the id 1 written as a decimal",
    "z": "add that category or correct the id",
}


@pytest.mark.parametrize("parent", PARENTS)
def test_a_parent_that_does_not_exist_comes_with_a_hint(parent: str) -> None:
    table = pa.table({"id": ["1", "2"], "parent_id": [None, parent]})
    with pytest.raises(InputError, match=f"names the parent '{parent}', which does not exist; {PARENTS[parent]}"):
        CatalogGraph.from_tables(table)
    if parent != "z":
        graph = CatalogGraph.from_tables(table, schema={"categories": {"missing": [parent]}})
        assert graph.levels.tolist() == [0, 0]
