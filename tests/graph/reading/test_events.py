"""Events as they come: guests are no customer, kinds and ratings have weights, nothing is dropped in silence."""

import tracemalloc
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import newaisle
from newaisle import CatalogGraph, Interactions, Recommender
from newaisle.errors import InputError, InteractionsError
from newaisle.graph.event_weights import EventWeights, WeightedHistory


def table(**columns: Any) -> pa.Table:
    return pa.table({"target": ["a"] * len(next(iter(columns.values())))} | columns)


# guests


def test_marks_in_place_of_a_user_are_guests() -> None:
    users = ["nan", "NaN", "NULL", "null", "None", "N/A", "u1", "", None]
    events = Interactions.from_table(table(user=users))
    assert events.users.values == ("u1",)
    assert events.report.dropped == {"missing id": 2, "guest": 6}
    assert events.report.examples["guest"] == ("row 1 (user nan)", "row 2 (user NaN)", "row 3 (user NULL)")


def test_zero_is_a_guest_where_it_does_most_of_all() -> None:
    many = pa.table({"user": [0] * 200 + list(range(1, 51)), "target": list(range(250))})
    assert 0 not in Interactions.from_table(many).users
    texts = pa.table({"user": ["-1"] * 200 + [f"u{i}" for i in range(50)], "target": list(range(250))})
    assert Interactions.from_table(texts).report.dropped == {"guest": 200}
    few = pa.table({"user": [0, 0, *range(50)], "target": list(range(52))})
    assert 0 in Interactions.from_table(few).users
    alone = Interactions.from_table(pa.table({"user": [0] * 30, "target": list(range(30))}))
    assert len(alone) == 30
    assert alone.report.notes == (
        "The user 0 has 30 of 30 rows: give it as missing in the schema where it stands for guests.",
    )


def test_the_schema_says_who_is_a_guest() -> None:
    events = Interactions.from_table(
        pa.table({"user": [0, 1, 2, 0], "target": [0, 1, 2, 3]}), schema={"interactions": {"missing": ["0"]}}
    )
    assert events.users.values == (1, 2)
    assert events.report.dropped == {"guest": 2}


def test_ids_written_as_decimals_are_noted() -> None:
    events = Interactions.from_table(table(user=["17850.0", "17851.0"]))
    assert "texts such as '17850.0', integers written as decimals" in events.report.notes[0]


# targets that the catalog does not have


def test_unknown_targets_are_listed_with_what_they_may_mean() -> None:
    graph = CatalogGraph.from_tables(pa.table({"id": ["A-1", "007", "x"]}))
    targets = ["a1"] * 3 + ["7.0"] * 2 + ["nowhere", "x"]
    users = [f"u{i}" for i in range(7)]
    known = Interactions.from_table(pa.table({"user": users, "target": targets})).restrict(graph)
    assert known.report.dropped == {"unknown target": 6}
    assert known.report.examples["unknown target"] == (
        "'a1' (3 rows; the catalog has 'A-1')",
        "'7.0' (2 rows; the catalog has '007')",
        "'nowhere' (1 row)",
    )
    with pytest.raises(InteractionsError, match=r"for example 'a1' \(3 rows; the catalog has 'A-1'\) is not in the"):
        Interactions.from_table(pa.table({"user": users[:3], "target": targets[:3]})).restrict(graph)


# kinds


def test_kinds_are_known_in_many_spellings() -> None:
    weights = EventWeights()
    for kind in ("add_to_cart", "addtocart", "AddToCart", "Add to cart"):
        assert weights.weight(kind) == 0.5
    for kind in ("purchase", "transaction", "order"):
        assert weights.weight(kind) == 1
    for kind in ("remove_from_cart", "refund", "return", "Remove-from-Cart"):
        assert weights.weight(kind) == 0
    assert EventWeights({"addtocart": 0.3}).weight("add_to_cart") == 0.3
    assert EventWeights({"add_to_cart": 0.2, "addtocart": 0.3}).weight("add_to_cart") == 0.2


def test_what_is_removed_or_returned_is_no_purchase_and_that_is_said() -> None:
    events = Interactions.from_table(
        pa.table({"user": [1, 1, 2, 3], "target": list("abab"), "event": ["purchase", "return", "zoom", "return"]}),
        event="event",
    )
    assert events.report.notes == (
        "Events of the kind 'zoom' (1) weigh 1, like a purchase, as no weight of theirs is known: give one as kinds, "
        "such as zoom=0.5.",
        "Events of the kind 'return' (2) weigh 0 and are left out: they are no purchases.",
    )
    graph = CatalogGraph.from_tables(pa.table({"id": ["a", "b"]}))
    assert WeightedHistory.of(events, graph).bought.nnz == 2


def test_weights_of_the_schema_travel_with_the_events() -> None:
    columns = {"user": [1, 2], "target": ["a", "b"], "event": ["look", "purchase"]}
    schema = {"kinds": {"look": 0.25}}
    events = Interactions.from_table(pa.table(columns), schema=schema)
    assert events.kinds == {"look": 0.25}
    graph = CatalogGraph.from_tables(pa.table({"id": ["a", "b"]}))
    assert WeightedHistory.of(events.restrict(graph), graph).signed.data.tolist() == [0.25, 1.0]
    assert WeightedHistory.of(events, graph, {"look": 0.5}).signed.data.tolist() == [0.5, 1.0]


@pytest.mark.parametrize("column", [[["x"]], [{"a": 1}], [b"x"]], ids=["list", "dict", "bytes"])
def test_kinds_are_texts(column: Any) -> None:
    with pytest.raises(
        InteractionsError, match=r"'e' of the interactions table is of type .*; kinds of events are texts"
    ):
        Interactions.from_table(table(user=["u"], e=column), event="e")


def test_one_long_kind_does_not_make_every_row_long() -> None:
    rows = 200_000
    random = np.random.default_rng(0)
    kinds = np.full(rows, "purchase", dtype=object)
    kinds[3] = "x" * 5000
    frame = pd.DataFrame(
        {"user": random.integers(0, 9000, rows), "target": random.integers(0, 50, rows), "event": kinds}
    )
    tracemalloc.start()
    events = Interactions.from_table(frame, event="event")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 100_000_000  # as texts of one width they would be 4 GB
    assert events.event is not None
    assert sorted(set(events.event.tolist())) == ["purchase", "x" * 5000]
    assert events.kinds_of_events[0] == ["purchase", "x" * 5000]


# ratings


def test_ratings_become_likes_and_dislikes() -> None:
    columns = {"user": [1, 2, 3, 4, 5], "target": list("abcde"), "stars": [5, 4, 3, 1, None]}
    ratings = {"column": "stars", "liked": 4, "disliked": 2}
    events = Interactions.from_table(pa.table(columns), schema={"ratings": ratings})
    assert events.event is not None
    assert events.event.tolist() == ["like", "like", "rated", "dislike", "rated"]
    graph = CatalogGraph.from_tables(pa.table({"id": list("abcde")}))
    assert WeightedHistory.of(events, graph).signed.data.tolist() == [1.0, 1.0, 0.2, -1.0, 0.2]
    (column,) = (each for each in events.report.columns if each.column == "stars")
    assert column.reason == "4 and above like, 2 and below dislike, others rated"
    beside = Interactions.from_table(
        pa.table(columns | {"event": ["view"] * 5}), schema={"ratings": {"column": "stars", "liked": 4}}
    )
    assert beside.event is not None
    assert beside.event.tolist() == ["like", "like", "rated", "rated", "view"]


# columns, weights, numbers


def test_a_schema_names_the_columns_and_arguments_come_before_it() -> None:
    columns = {
        "CustomerID": [1, 2],
        "StockCode": ["a", "b"],
        "qty": ["1,5", "2"],
        "weight": [1, 1],
        "Country": ["x", "y"],
    }
    schema = {"interactions": {"user": "CustomerID", "target": "StockCode", "weight": "qty", "decimal": ","}}
    events = Interactions.from_table(pa.table(columns), schema=schema)
    assert events.weight.tolist() == [1.5, 2.0]
    assert {column.column: column.role for column in events.report.columns} == {
        "CustomerID": "user",
        "StockCode": "target",
        "qty": "weight",
        "weight": "ignored",
        "Country": "ignored",
    }
    assert Interactions.from_table(pa.table(columns), weight="weight", schema=schema).weight.tolist() == [1.0, 1.0]
    ignored = {"interactions": {"user": "CustomerID", "target": "StockCode", "roles": {"weight": "ignore"}}}
    assert Interactions.from_table(pa.table(columns), schema=ignored).weight.tolist() == [1.0, 1.0]
    with pytest.raises(InputError, match=r"no column 'CustomerId' .*; did you mean 'CustomerID'"):
        Interactions.from_table(pa.table(columns), schema={"interactions": {"user": "CustomerId"}})
    wrong = {"interactions": {"user": "CustomerID", "target": "StockCode", "weight": "Country", "decimal": ","}}
    with pytest.raises(InteractionsError, match=r"Row 1 .* has the Country 'x', no number with the decimal sign ','"):
        Interactions.from_table(pa.table(columns), schema=wrong)


def test_weights_that_add_up_beyond_all_numbers_are_named() -> None:
    with pytest.raises(
        InteractionsError, match=r"add up to more than a number holds, the greatest in row 2 \(user 'v'"
    ):
        Interactions.from_table(table(user=["u", "v"], w=[1e308, 1.7e308]), weight="w")


@pytest.mark.parametrize("seed", [-1, 1.5, "a", None])
def test_seeds_are_whole_numbers_of_0_or_more(seed: Any) -> None:
    with pytest.raises(InputError, match=f"seed is {seed!r}; give a whole number, 0 or more"):
        Recommender(seed=seed)
    events = Interactions.from_table(table(user=["u", "v"]))
    with pytest.raises(InputError, match="seed is"):
        events.sample_users(1, seed=seed)


# groups


def test_groups_are_the_same_from_files_and_from_frames(tmp_path: Any) -> None:
    categories = pd.DataFrame(
        {
            "id": ["drinks", "tea", "milk", "juice"],
            "parent_id": [None, "drinks", "drinks", "drinks"],
            "served": [None, "hot", "cold", "cold"],
        }
    )
    sales = pd.DataFrame({"user": [1, 1, 2, 3], "target": ["tea", "milk", "milk", "tea"]})
    categories.to_csv(tmp_path / "categories.csv", index=False)
    sales.to_csv(tmp_path / "interactions.csv", index=False)
    loaded = newaisle.load(f"tables:{tmp_path}")
    assert loaded.graph.groups_known
    assert dict(zip(loaded.graph.ids, loaded.graph.is_group.tolist(), strict=True))["drinks"]
    graph, history = CatalogGraph.from_tables(categories), Interactions.from_table(sales)
    assert not graph.groups_known
    model = Recommender(encoder=None).fit(graph, history)
    assert model.fitted.graph.is_group.tolist() == loaded.graph.is_group.tolist()
    assert model.recommend(1, k=9, among="all")["target"].tolist() == ["juice"]
    marked = CatalogGraph.from_tables(categories.assign(group=False))
    assert marked.groups_known
    assert not Recommender(encoder=None).fit(marked, history).fitted.graph.is_group.any()
