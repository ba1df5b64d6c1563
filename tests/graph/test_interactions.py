"""Interactions: cleaning that is counted, errors that name the row, the user's own ids."""

import math
from datetime import date, datetime, timedelta, timezone
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from newaisle import CatalogGraph, Interactions
from newaisle.errors import InputError, InteractionsError, UnknownIdError
from newaisle.graph import Ids
from newaisle.graph.frames import library_of, to_frame

EVENTS: dict[str, list[Any]] = {
    "user": ["u2", "u1", "u1", None, "u1", "u2", "u1", "u2"],
    "target": ["b", "a", "a", "a", "", "c", "a", "b"],
    "weight": [1.0, 2.0, 2.0, 1.0, 1.0, 0.0, 3.0, -1.0],
    "timestamp": [date(2024, 1, 2)] * 7 + [date(2024, 1, 3)],
    "event": ["bought", "seen", "seen", "seen", None, "seen", None, "seen"],
}
COLUMNS = {"weight": "weight", "timestamp": "timestamp", "event": "event"}


def read(columns: dict[str, list[Any]], **names: str) -> Interactions:
    return Interactions.from_table(pa.table(columns), **names)


def rows(events: Interactions) -> list[tuple[Any, ...]]:
    return [
        (events.users.values[u], events.targets.values[t], w)
        for u, t, w in zip(events.user, events.target, events.weight.tolist(), strict=True)
    ]


# cleaning


def test_cleaning_is_counted_and_the_rest_sorted() -> None:
    events = read(EVENTS, **COLUMNS)
    assert rows(events) == [("u1", "a", 3.0), ("u1", "a", 2.0), ("u2", "b", 1.0)]
    assert events.event is not None
    assert events.event.tolist() == ["", "seen", "bought"]
    assert events.targets.values == ("a", "b")
    assert events.report.rows_read == 8
    assert events.report.rows_kept == len(events) == 3
    assert events.report.dropped == {"missing id": 2, "weight of 0 or below": 2, "exact duplicate": 1}
    assert events.report.describe() == (
        "8 rows read, 3 kept; dropped: 2 missing id, 2 weight of 0 or below, 1 exact duplicate"
    )


def test_rows_that_differ_anywhere_are_no_duplicates() -> None:
    assert len(read(EVENTS)) == 3  # only users and targets count here
    assert len(read({name: EVENTS[name][:3] for name in EVENTS}, weight="weight")) == 2


@pytest.mark.parametrize("library", ["pandas", "polars", "arrow"])
def test_every_table_library_gives_the_same(library: str) -> None:
    arrow = pa.table(EVENTS)
    table = {"arrow": arrow, "pandas": arrow.to_pandas(), "polars": pl.from_arrow(arrow)}[library]
    events, expected = Interactions.from_table(table, **COLUMNS), read(EVENTS, **COLUMNS)
    assert rows(events) == rows(expected)
    np.testing.assert_array_equal(events.timestamp, expected.timestamp)
    assert events.report == expected.report
    assert events.backend == {"arrow": "pyarrow"}.get(library, library)


@pytest.mark.parametrize("library", [pd, pl, pa])
def test_tables_go_out_in_the_library_they_came_in(library: ModuleType) -> None:
    columns = {"user": ["u"], "score": np.array([0.5])}
    made = to_frame(columns, library.__name__)
    assert type(made).__module__.startswith(library.__name__)
    assert made.shape == (1, 2)
    assert library_of(made) == library.__name__


def test_row_order_does_not_matter() -> None:
    shuffled = pa.table(EVENTS).take([3, 7, 1, 0, 6, 2, 5, 4])
    assert rows(Interactions.from_table(shuffled, **COLUMNS)) == rows(read(EVENTS, **COLUMNS))


def test_kinds_may_be_categories() -> None:
    kinds = pd.Categorical(["view", "purchase", "view"])
    events = Interactions.from_table(
        pd.DataFrame({"user": list("abc"), "target": list("ttt"), "event": kinds}), event="event"
    )
    assert events.event is not None
    assert events.event.tolist() == ["view", "purchase", "view"]
    assert events.report.columns[2].distinct == 2


def test_categorical_columns_and_foreign_names() -> None:
    frame = pd.DataFrame({"who": pd.Categorical(["x", None, "x"]), "what": pd.Categorical(["b", "a", "a"])})
    events = Interactions.from_table(frame, user="who", target="what")
    assert rows(events) == [("x", "a", 1.0), ("x", "b", 1.0)]


def test_other_columns_may_hold_anything() -> None:
    frame = pd.DataFrame({"user": [1], "target": ["a"], "note": [object()]})
    assert len(Interactions.from_table(frame)) == 1


# ids


def test_integer_ids_stay_integers_even_as_floats() -> None:
    events = Interactions.from_table(pd.DataFrame({"user": [2.0, 1.0, np.nan], "target": [10, 20, 30]}))
    assert events.users.values == (1, 2)
    assert events.targets.values == (10, 20)
    assert all(type(own) is int for own in (*events.users, *events.targets))


def test_text_ids_stay_texts() -> None:
    assert read({"user": ["01", "1"], "target": ["a", "a"]}).users.values == ("01", "1")


def test_own_ids_and_positions() -> None:
    ids = Ids.of([30, 10, 20, 10], "user")
    assert ids.values == (10, 20, 30)
    assert ids.positions([30, 10]).tolist() == [2, 0]
    assert ids.find([5, 20, None]).tolist() == [-1, 1, -1]
    assert ids.parse("20") == 20
    assert 10 in ids
    with pytest.raises(UnknownIdError, match=r"Unknown user id '10': .* 3 known ids \(they are int, not str\)"):
        ids.position("10")
    with pytest.raises(UnknownIdError, match=r"ids 1, 2, 3, 4, 5 and 1 more"):
        ids.positions(range(1, 7))
    with pytest.raises(UnknownIdError, match="user ids are integers"):
        ids.parse("ten")
    with pytest.raises(InputError, match="mix types"):
        Ids.of([1, "1"])


# what is refused


@pytest.mark.parametrize("weight", [math.nan, math.inf, -math.inf, None])
def test_weights_are_finite_or_the_row_is_named(weight: float | None) -> None:
    with pytest.raises(InteractionsError, match=r"Row 2 of .* \(user 'u', target 'b'\) has the weight (nan|-?inf)"):
        read({"user": ["u", "u"], "target": ["a", "b"], "weight": [1.0, weight]}, weight="weight")


def test_the_weight_of_a_row_that_is_dropped_anyway_does_not_matter() -> None:
    events = read({"user": ["u", None], "target": ["a", "b"], "weight": [1, None]}, weight="weight")
    assert rows(events) == [("u", "a", 1.0)]


REFUSED: dict[str, tuple[dict[str, list[Any]], dict[str, str], type[Exception], str]] = {
    "no column": ({"user": ["u"]}, {}, InputError, "no column 'target' .its columns: 'user'"),
    "no named column": ({"user": ["u"], "target": ["a"]}, {"weight": "w"}, InputError, "no column 'w'"),
    "no rows": ({"user": [], "target": []}, {}, InputError, "interactions table is empty"),
    "nothing left": (
        {"user": ["u", None], "target": ["a", "a"], "w": [0, 1]},
        {"weight": "w"},
        InteractionsError,
        "No interaction is left.*1 missing id, 1 weight of 0 or below",
    ),
    "no ids at all": ({"user": [None], "target": ["a"]}, {}, InteractionsError, "1 missing id"),
    "text weight": ({"user": ["u"], "target": ["a"], "w": ["3"]}, {"weight": "w"}, InteractionsError, "give numbers"),
    "odd ids": ({"user": [date(2024, 1, 1)], "target": ["a"]}, {}, InteractionsError, "'user' .* texts or integers"),
    "list ids": ({"user": ["u"], "target": [["a"]]}, {}, InteractionsError, "'target' .* texts or integers"),
    "no date": (
        {"user": ["u"], "target": ["a"], "t": ["soon"]},
        {"timestamp": "t"},
        InteractionsError,
        "soon.*2017-12",
    ),
    "number as date": (
        {"user": ["u"], "target": ["a"], "t": [20240101]},
        {"timestamp": "t"},
        InteractionsError,
        "Row 1 .* has the t 20240101: whole numbers are days",
    ),
    "truth as date": (
        {"user": ["u"], "target": ["a"], "t": [True]},
        {"timestamp": "t"},
        InteractionsError,
        "of type bool; give dates",
    ),
    "date missing": (
        {"user": ["u", "u"], "target": ["a", "b"], "t": [date(2024, 1, 1), None]},
        {"timestamp": "t"},
        InteractionsError,
        "Row 2 .* has no t",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_interactions_are_refused(case: str) -> None:
    columns, names, error, told = REFUSED[case]
    with pytest.raises(error, match=told):
        read(columns, **names)


# timestamps


@pytest.mark.parametrize(
    "cell",
    [
        "2024-01-31T12:30:00",
        "2024-01-31 12:30:00",
        "2024-01-31T13:30:00+01:00",
        datetime(2024, 1, 31, 12, 30),  # a time without a zone is meant
        datetime(2024, 1, 31, 14, 30, tzinfo=timezone(timedelta(hours=2))),
        np.datetime64("2024-01-31T12:30:00", "ns"),
    ],
    ids=str,
)
def test_timestamps_are_microseconds_and_zones_utc(cell: object) -> None:
    events = read({"user": ["u"], "target": ["a"], "t": [cell]}, timestamp="t")
    assert events.timestamp is not None
    assert events.timestamp.dtype == np.dtype("datetime64[us]")
    assert events.timestamp[0] == np.datetime64("2024-01-31T12:30:00")


def test_days_are_midnights() -> None:
    for day in ("2024-01-31", date(2024, 1, 31), (date(2024, 1, 31) - date(1970, 1, 1)).days):
        events = read({"user": ["u"], "target": ["a"], "t": [day]}, timestamp="t")
        assert events.timestamp is not None
        assert events.timestamp[0] == np.datetime64("2024-01-31T00:00:00")


# together with a graph


@pytest.fixture
def graph() -> CatalogGraph:
    return CatalogGraph.from_tables(pa.table({"id": ["c", "b", "a", "top"], "name": ["C", "B", "A", "T"]}))


@pytest.fixture
def events() -> Interactions:
    columns: dict[str, list[Any]] = {
        "user": [3, 1, 1, 2, 1],
        "target": ["a", "c", "gone", "a", "c"],
        "w": [1, 2, 1, 1, 4],
        "t": ["2024-01-01"] * 5,
        "e": list("xyxyz"),
    }
    return read(columns, weight="w", timestamp="t", event="e")


def test_matrix_sums_weights_per_user_and_target(events: Interactions, graph: CatalogGraph) -> None:
    matrix = events.matrix(graph)
    assert matrix.shape == (3, 4)
    assert matrix.dtype == np.float64
    assert matrix.toarray().tolist() == [[0, 0, 6, 0], [1, 0, 0, 0], [1, 0, 0, 0]]


def test_restrict_drops_and_counts_unknown_targets(events: Interactions, graph: CatalogGraph) -> None:
    known = events.restrict(graph)
    assert len(known) == 4
    assert known.report.dropped == {"unknown target": 1}
    assert known.restrict(graph).report == known.report
    assert known.matrix(graph).toarray().tolist() == events.matrix(graph).toarray().tolist()
    smaller = CatalogGraph.from_tables(pa.table({"id": ["a"], "name": ["A"]}))
    assert known.restrict(smaller).report.dropped == {"unknown target": 3}
    other = CatalogGraph.from_tables(pa.table({"id": [1], "name": ["A"]}))
    with pytest.raises(InteractionsError, match=r"No interaction is on a known target .*'a'"):
        events.restrict(other)


def test_sample_users_keeps_whole_histories(events: Interactions) -> None:
    one = events.sample_users(1, seed=3)
    (own,) = one.users.values
    assert rows(one) == [row for row in rows(events) if row[0] == own]
    assert one.users.values == events.sample_users(1, seed=3).users.values
    assert {events.sample_users(1, seed=seed).users.values for seed in range(20)} == {(1,), (2,), (3,)}
    assert events.sample_users(3) is events
    with pytest.raises(InputError, match="0 users"):
        events.sample_users(0)


def test_where_filters_every_array(events: Interactions) -> None:
    kept = events.where(events.weight > 1)
    assert rows(kept) == [(1, "c", 2.0), (1, "c", 4.0)]
    assert kept.event is not None
    assert kept.event.tolist() == ["y", "z"]
    assert kept.timestamp is not None
    assert len(kept.timestamp) == 2
    assert kept.users is events.users
