"""Times of events in every form: dates, texts, whole numbers of days, seconds or milliseconds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...arrays import IntArray
from ...errors import InteractionsError
from .cells import distinct, first_row, is_text
from .table_schema import TableReading, TimeUnit

_MICROSECONDS: dict[TimeUnit, float] = {"D": 86_400e6, "s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}
_UNITS = {"D": "days", "s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
_MOST_DAYS = 1_000_000
_FIRST, _LAST = 315_532_800, 4_102_444_800  # 1980 and 2100, in seconds since 1970
_EARLIEST, _LATEST = (int(np.datetime64(edge, "us").astype(np.int64)) for edge in ("0001-01-01", "9999-12-31"))
_LOOKED_AT = 10_000
_FORM = re.compile(r"(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})(?:([ T])\d{1,2}:\d{2}(:\d{2})?( ?[AaPp][Mm])?)?")


@dataclass(frozen=True)
class Times:
    """Times in UTC, datetime64[us] (rows,), and how they were read, as a part of a sentence."""

    values: npt.NDArray[np.datetime64]
    reason: str


def read_times(cells: Any, what: str, column: str, reading: TableReading) -> Times:
    """Read a column of times; times with a zone are turned into UTC.

    Raises:
        InteractionsError: a time is missing, no time, or outside of the years 1 to 9999; the message names its row.
    """
    if cells.null_count:
        row = int(cells.is_null().to_numpy().argmax()) + 1
        raise InteractionsError(f"Row {row} of the {what} table has no {column}; fill it or remove the row.")
    if pa.types.is_dictionary(cells.type):
        cells = cells.cast(cells.type.value_type)
    kind = cells.type
    if is_text(kind):
        return _texts(cells, what, column, reading)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _numbers(cells, what, column, reading)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return Times(_moments(cells, what, column), "times" if pa.types.is_timestamp(kind) else "dates")
    raise InteractionsError(f"Column {column!r} of the {what} table is of type {kind}; give dates.")


def _moments(cells: Any, what: str, column: str) -> npt.NDArray[np.datetime64]:
    """Arrow dates or times, exact to the microsecond."""
    days = pa.types.is_date32(cells.type)
    unit: TimeUnit = "D" if days else "ms" if pa.types.is_date64(cells.type) else cells.type.unit
    counts = cells.cast(pa.int32() if days else pa.int64()).to_numpy().astype(np.int64)
    factor = _MICROSECONDS[unit]
    _check_range(counts, factor, what, column, unit)
    return _microseconds(counts * int(factor) if factor >= 1 else counts // 1000)


def _microseconds(counts: npt.NDArray[Any]) -> npt.NDArray[np.datetime64]:
    return np.asarray(counts, dtype=np.int64).view("datetime64[us]")


def _check_range(counts: npt.NDArray[Any], factor: float, what: str, column: str, unit: TimeUnit) -> None:
    wrong = (counts < _EARLIEST / factor) | (counts > _LATEST / factor) | (counts != counts)
    if wrong.any():
        row = int(wrong.argmax())
        raise InteractionsError(
            f"Row {row + 1} of the {what} table has the {column} {counts[row]} ({_UNITS[unit]} since 1970), which lies "
            "outside of the years 1 to 9999; a missing time turned into an integer looks like this: correct the cell "
            "or remove the row."
        )


def _numbers(cells: Any, what: str, column: str, reading: TableReading) -> Times:
    counts = cells.to_numpy()
    if reading.time_format is not None:
        whole = pa.chunked_array([pa.array([str(int(count)) for count in counts.tolist()], pa.string())])
        return _texts(whole, what, column, reading)
    unit = reading.time_unit or _unit_of(counts, what, column)
    factor = _MICROSECONDS[unit]
    _check_range(counts, factor, what, column, unit)
    if np.issubdtype(counts.dtype, np.floating):
        scaled = np.rint(counts * factor)
    else:
        scaled = counts.astype(np.int64) * int(factor) if factor >= 1 else counts.astype(np.int64) // 1000
    by = "by the schema" if reading.time_unit else "recognised by their size"
    since = "" if unit == "D" else " since 1970"
    return Times(_microseconds(scaled), f"{_UNITS[unit]}{since}, {by}")


def _unit_of(counts: npt.NDArray[Any], what: str, column: str) -> TimeUnit:
    """Days up to a million; seconds, milliseconds, ... where all are between 1980 and 2100."""
    days = np.abs(counts.astype(np.float64)) <= _MOST_DAYS
    if days.all():
        return "D"
    units: tuple[tuple[TimeUnit, int], ...] = (("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9))
    inside = {unit: (counts >= _FIRST * each) & (counts <= _LAST * each) for unit, each in units}
    for unit, fits in inside.items():
        if fits.all():
            return unit
    most = max(inside.values(), key=lambda fits: int(fits.sum()))
    wrong = ~(days if days.sum() >= most.sum() else most)
    row = int(wrong.argmax())
    written = str(counts[row])
    if re.fullmatch(r"(19|20)\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])", written):
        hint = f'for {written[:4]}-{written[4:6]}-{written[6:]} set time_format = "%Y%m%d" in the schema'
    else:
        hint = (
            "set time_unit to D, s, ms, us or ns in the schema where this is a time; a missing time turned into an "
            "integer looks like this, too: then correct the cell or remove the row"
        )
    raise InteractionsError(
        f"Row {row + 1} of the {what} table has the {column} {written}: whole numbers are days, or seconds, "
        f"milliseconds, microseconds or nanoseconds between 1980 and 2100, all of one unit; {hint}."
    )


def _texts(cells: Any, what: str, column: str, reading: TableReading) -> Times:
    if reading.time_format is not None:
        return _formatted(cells, what, column, reading.time_format)
    for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            return Times(_moments(cells.cast(kind), what, column), "texts of dates or times (ISO 8601)")
        except pa.ArrowInvalid:
            continue
    values, codes = distinct(cells)
    if all(re.fullmatch(r"[+-]?\d{1,19}", value.strip()) for value in values):
        whole = [int(value) for value in values]
        if max(map(abs, whole)) < 2**63:
            return _numbers(pa.chunked_array([pa.array(np.array(whole)[codes])]), what, column, reading)
    raise _not_iso(values, codes, what, column)


def _not_iso(values: Sequence[str], codes: IntArray, what: str, column: str) -> InteractionsError:
    """The error that names the first text that is no date, and the format in which it may be written."""
    in_order = [int(code) for code in codes[np.sort(np.unique(codes, return_index=True)[1])]]
    zoned = {at: zone for at in in_order if (zone := _zone(values[at])) is not None}
    bad = next((at for at in in_order if at not in zoned), None)
    if bad is None:
        other = next(at for at in in_order if zoned[at] != zoned[in_order[0]])
        return InteractionsError(
            f"Column {column!r} of the {what} table has times with and without a time zone (rows "
            f"{first_row(codes, in_order[0])} and {first_row(codes, other)}); write all of them alike."
        )
    formats = _formats([values[at] for at in in_order], values[bad])
    if zoned and formats:
        recipe = "write all of them alike"
    elif not formats:
        recipe = "write it so, or set time_format in the schema"
    else:
        recipe = f'set time_format = "{formats[0]}" in the schema'
        recipe += f', or "{formats[1]}" if the day comes first' if len(formats) > 1 else ""
    return InteractionsError(
        f"Row {first_row(codes, bad)} of the {what} table has the {column} {values[bad]!r}, no date such as 2017-12-31 "
        f"or 2017-12-31T23:59:59{', as others are' if zoned else ''}; {recipe}."
    )


def _zone(text: str) -> bool | None:
    """Whether a text is a date or time with a zone; None where it is neither."""
    for kind, zoned in ((pa.timestamp("us"), False), (pa.timestamp("us", "UTC"), True)):
        try:
            pa.array([text]).cast(kind)
        except pa.ArrowInvalid:
            continue
        return zoned
    return None


def _formats(texts: Sequence[str], cell: str) -> list[str]:
    """The formats in which a text like ``12/1/2010 8:26`` may be written, by all texts of its form."""
    found = _FORM.fullmatch(cell.strip())
    if found is None:
        return []
    first, sign, _, last, gap, seconds, half = found.groups()
    clock = "" if gap is None else f"{gap}{'%I' if half else '%H'}:%M{':%S' if seconds else ''}"
    clock += "" if not half else " %p" if half.startswith(" ") else "%p"
    if len(first) == 4:
        return [f"%Y{sign}%m{sign}%d{clock}"]
    alike = [match for text in islice(texts, _LOOKED_AT) if (match := _FORM.fullmatch(text.strip()))]
    year = "%Y" if len(last) == 4 else "%y"
    formats = []
    if all(int(match[1]) <= 12 for match in alike) and sign != ".":
        formats.append(f"%m{sign}%d{sign}{year}{clock}")
    if all(int(match[3]) <= 12 for match in alike):
        formats.append(f"%d{sign}%m{sign}{year}{clock}")
    return formats


def _formatted(cells: Any, what: str, column: str, form: str) -> Times:
    """Texts in a format of :func:`datetime.datetime.strptime`."""
    values, codes = distinct(cells)
    found, wrong = [], []
    for at, value in enumerate(values):
        try:
            moment = datetime.strptime(value.strip(), form)
        except ValueError:
            wrong.append(at)
            continue
        utc = moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
        found.append(np.datetime64(utc, "us"))
    if wrong:
        row = min(first_row(codes, at) for at in wrong)
        cell = values[int(codes[row - 1])]
        fits = "which fits no cell" if not found else "but not of all"
        raise InteractionsError(
            f"Row {row} of the {what} table has the {column} {cell!r}, not of the format {form!r} that the schema "
            f"gives {column} ({fits}); correct the cell or time_format."
        )
    return Times(np.array(found, dtype="datetime64[us]")[codes], f"texts of the format {form}")
