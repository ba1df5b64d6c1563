"""Times of events in all forms: read exactly, or refused with the row and what to do."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from newaisle import CatalogGraph, Interactions
from newaisle.errors import InputError, InteractionsError
from newaisle.graph.catalog.availability import as_number


def times_of(column: Any, **schema: Any) -> Interactions:
    table = pa.table(
        {"user": [f"u{i}" for i in range(len(column))], "target": ["a"] * len(column), "timestamp": column}
    )
    return Interactions.from_table(table, schema={"interactions": schema})


MOMENT = np.datetime64("2015-06-02T05:02:12")
SECONDS = 1433221332
UNITS = {
    "s": (1, "seconds"),
    "ms": (10**3, "milliseconds"),
    "us": (10**6, "microseconds"),
    "ns": (10**9, "nanoseconds"),
}


@pytest.mark.parametrize("unit", UNITS)
def test_whole_numbers_since_1970_are_recognised_by_their_size(unit: str) -> None:
    times, name = UNITS[unit]
    for column in ([SECONDS * times] * 2, [str(SECONDS * times)] * 2):
        events = times_of(column)
        assert events.timestamp is not None
        assert events.timestamp.tolist() == [MOMENT.astype("datetime64[us]").item()] * 2
        reason = next(column.reason for column in events.report.columns if column.role == "timestamp")
        assert reason == f"by its name; {name} since 1970, recognised by their size"


def test_decimal_seconds_and_seconds_before_1980_by_their_unit() -> None:
    fraction = times_of([SECONDS + 0.25]).timestamp
    assert fraction is not None
    assert fraction[0] == MOMENT + np.timedelta64(250, "ms")
    early = times_of([86_400], time_unit="s").timestamp
    assert early is not None
    assert early[0] == np.datetime64("1970-01-02")


def test_a_time_format_reads_texts_and_whole_numbers() -> None:
    for column, form in (
        (["12/1/2010 8:26", "12/13/2010 9:00"], "%m/%d/%Y %H:%M"),
        (["01.12.2010 08:26", "13.12.2010 09:00"], "%d.%m.%Y %H:%M"),
        ([201012010826, 201012130900], "%Y%m%d%H%M"),
    ):
        times = times_of(column, time_format=form).timestamp
        assert times is not None
        assert times.tolist() == [np.datetime64("2010-12-01T08:26").item(), np.datetime64("2010-12-13T09:00").item()]


REFUSED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "one in another form": (
        ["2024-01-05", "2024-01-05", "05.01.2024"],
        {},
        "Row 3 .*'05.01.2024', no date such as .*, as others are; write all of them alike",
    ),
    "the day is over 12": (
        ["12/1/2010 8:26", "12/13/2010 9:00"],
        {},
        "Row 1 .*'12/1/2010 8:26'.*set time_format = \"%m/%d/%Y %H:%M\" in the schema.$",
    ),
    "the day is first": (["13/1/2010", "2/1/2010"], {}, 'set time_format = "%d/%m/%Y" in the schema.$'),
    "day or month": (["1/2/2010"], {}, 'set time_format = "%m/%d/%Y" in the schema, or "%d/%m/%Y" if the day'),
    "half days": (["1/13/2010 8:26 PM"], {}, 'time_format = "%m/%d/%Y %I:%M %p"'),
    "points": (["05.01.2024"], {}, 'time_format = "%d.%m.%Y"'),
    "no time at all": (["soon"], {}, "'soon', no date such as 2017-12-31 .*; write it so, or set time_format"),
    "year, month and day in a number": (
        [20101201],
        {},
        'whole numbers are days, or seconds.*for 2010-12-01 set time_format = "%Y%m%d"',
    ),
    "a missing time as an integer": (
        [SECONDS, np.iinfo(np.int64).min],
        {},
        "Row 2 .*-9223372036854775808.*a missing time",
    ),
    "a missing time among days": ([3, np.iinfo(np.int64).min, 4], {}, "Row 2 .*-9223372036854775808"),
    "a missing time of a unit": (
        [SECONDS, np.iinfo(np.int64).min],
        {"time_unit": "s"},
        "Row 2 .*outside of the years 1",
    ),
    "beyond microseconds": (pa.array([2**62, 0], pa.timestamp("s")), {}, "Row 1 .*4611686018427387904 .*outside"),
    "the far future": (pa.array([2**62], pa.timestamp("us")), {}, "Row 1 .*outside of the years 1 to 9999"),
    "with and without a zone": (
        ["2024-01-05", "2024-01-05T00:00:00Z"],
        {},
        "with and without a time zone .rows 1 and 2",
    ),
    "a format that fits nothing": (
        ["12/1/2010"],
        {"time_format": "%Y"},
        "'12/1/2010', not of the format '%Y' .*no cell",
    ),
    "a format that fits some": (["2010", "2011-01"], {"time_format": "%Y"}, "Row 2 .*'2011-01', not of the format"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_time_is_named_with_its_row_and_a_recipe(case: str) -> None:
    column, schema, message = REFUSED[case]
    with pytest.raises(InteractionsError, match=message) as error:
        times_of(column, **schema)
    assert "assume_timezone" not in str(error.value)


def test_a_missing_time_of_pandas_is_missing() -> None:
    frame = pd.DataFrame({"user": ["a", "b"], "target": ["t", "t"], "when": pd.to_datetime(["2024-01-01", None])})
    with pytest.raises(InteractionsError, match=r"Row 2 .* has no when"):
        Interactions.from_table(frame, timestamp="when")


def test_nanoseconds_are_cut_and_no_moment_wraps_around() -> None:
    times = times_of(pa.array([1_433_221_332_000_000_999], pa.timestamp("ns"))).timestamp
    assert times is not None
    assert times[0] == MOMENT
    for moment in (np.datetime64(2**62, "s"), np.datetime64(2**62, "us"), np.datetime64(2**40, "Y")):
        with pytest.raises(InputError, match="neither a date nor a number"):
            as_number(moment)
    assert as_number(np.datetime64("1970-01-02T12", "ns")) == as_number(np.datetime64("1970-01-02T12", "h")) == 1.5
    with pytest.raises(InputError, match=r"'available_from' .* a time outside of the years 1 to 9999"):
        CatalogGraph.from_tables(pa.table({"id": ["a"], "available_from": pa.array([2**61], pa.timestamp("s"))}))
