"""When targets can be had: read from tables of any kind, kept by files, left out of lists and unknown to the model."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from newaisle import CatalogGraph
from newaisle.errors import InputError
from newaisle.graph.catalog.arrow import graph_from_files, graph_tables
from newaisle.loaders import load_tables

DAYS = [None, date(2024, 5, 1), date(2024, 6, 1)]
MAY_FIRST = (date(2024, 5, 1) - date(1970, 1, 1)).days
TABLE = {"id": [1, 2, 3], "name": ["a", "b", "c"]}


@pytest.mark.parametrize(
    "table",
    [
        pa.table({**TABLE, "available_from": DAYS}),
        pl.DataFrame({**TABLE, "available_from": DAYS}),
        pd.DataFrame({**TABLE, "available_from": DAYS}),
        pd.DataFrame({**TABLE, "available_from": pd.to_datetime(DAYS)}),
        pd.DataFrame({**TABLE, "available_from": pd.to_datetime(DAYS).tz_localize("UTC")}),
        pd.DataFrame({**TABLE, "available_from": [None, "2024-05-01", "2024-06-01T00:00"]}),
        pl.DataFrame({**TABLE, "available_from": [None, MAY_FIRST, MAY_FIRST + 31]}),
    ],
)
def test_dates_times_texts_and_numbers_say_the_same(table: object) -> None:
    graph = CatalogGraph.from_tables(table)
    assert graph == CatalogGraph.from_tables(pa.table({**TABLE, "available_from": DAYS}))
    np.testing.assert_array_equal(graph.availability["available_from"], [np.nan, MAY_FIRST, MAY_FIRST + 31])
    assert graph.features == {}
    assert graph.attributes == ()


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (date(2024, 4, 30), [True, False, True, False]),
        (date(2024, 5, 1), [True, True, True, True]),
        ("2024-05-01", [True, True, True, True]),
        (np.datetime64("2024-05-01"), [True, True, True, True]),
        (MAY_FIRST, [True, True, True, True]),
        (datetime(2024, 5, 2, 23, 59), [True, True, True, True]),  # a date lasts to its end
        (datetime(2024, 5, 3), [True, True, False, False]),
        (datetime(2024, 5, 3, 1, tzinfo=timezone(timedelta(hours=2))), [True, True, True, True]),  # 23:00 UTC
        (datetime(2024, 5, 3, tzinfo=UTC), [True, True, False, False]),
    ],
)
def test_both_ends_are_included_and_missing_ones_are_no_limit(at: object, expected: list[bool]) -> None:
    first, last = date(2024, 5, 1), date(2024, 5, 2)
    graph = CatalogGraph.from_tables(
        pa.table(
            {
                "id": [1, 2, 3, 4],
                "name": ["a", "b", "c", "d"],
                "available_from": [None, first, None, first],
                "available_to": [None, None, last, last],
            }
        )
    )
    assert graph.available(at).tolist() == expected  # type: ignore[arg-type]  # all kinds of moments
    assert CatalogGraph.from_tables(pa.table(TABLE)).available(at).all()  # type: ignore[arg-type]  # the same


def test_times_end_when_they_say() -> None:
    table = pa.table({**TABLE, "available_to": [datetime(2024, 5, 2, 12), datetime(2024, 5, 2, 13), None]})
    assert CatalogGraph.from_tables(table).available("2024-05-02T12:30").tolist() == [False, True, True]


@pytest.mark.parametrize("cells", [["soon", None, None], [True, False, None], [float("inf"), 1.0, 2.0]])
def test_what_is_no_moment_is_refused_with_its_row(cells: list[object]) -> None:
    with pytest.raises(InputError, match=r"Row 1 of the categories table \(id 1\), available_to: .* give a date"):
        CatalogGraph.from_tables(pd.DataFrame({**TABLE, "available_to": cells}))


@pytest.mark.parametrize("at", ["soon", "", float("nan"), float("inf"), True, ["2024-05-01"]])
def test_another_moment_than_a_date_or_number_is_refused(at: object) -> None:
    graph = CatalogGraph.from_tables(pa.table({**TABLE, "available_from": DAYS}))
    with pytest.raises(InputError, match="give a date"):
        graph.available(at)  # type: ignore[arg-type]  # that is what is tested


def test_availability_is_part_of_the_content_and_survives_files() -> None:
    with_dates = CatalogGraph.from_tables(pa.table({**TABLE, "available_from": DAYS}))
    assert with_dates != CatalogGraph.from_tables(pa.table(TABLE))
    again = graph_from_files(with_dates.source, graph_tables(with_dates))
    assert again == with_dates
    np.testing.assert_array_equal(again.availability["available_from"], with_dates.availability["available_from"])
    assert again.features == {}


def test_csv_files_may_say_it_too(tmp_path: Path) -> None:
    (tmp_path / "categories.csv").write_text(
        "id,name,available_from,size\n1,a,,3\n2,b,2024-05-01,4\n3,c,2024-06-01,5\n"
    )
    graph = load_tables(tmp_path).graph
    assert set(graph.features) == {"size"}
    assert graph.attributes == ()
    assert graph.available("2024-05-15").tolist() == [True, True, False]
