"""When a target is available: dates and times, kept as days since 1970-01-01, or numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from ...arguments import is_number
from ...display import short
from ...errors import InputError

AVAILABLE_FROM = "available_from"
AVAILABLE_TO = "available_to"
AVAILABILITY = frozenset({AVAILABLE_FROM, AVAILABLE_TO})
"""Columns with the first and last moment at which a target is available; the model reads neither."""

Moment = date | datetime | np.datetime64 | str | float
"""A date, a time (UTC without a time zone), one of these as a text such as 2024-05-31, or a number."""

_EPOCH = datetime(1970, 1, 1)


def as_number(moment: Any) -> float:
    """A moment as days since 1970-01-01, numbers as they are, NaN for a missing cell; else :class:`InputError`."""
    if moment is None or (isinstance(moment, str) and not moment):
        return math.nan
    try:
        value = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        if isinstance(value, np.datetime64):
            value = None if np.isnat(value) else _exact(value)
        if isinstance(value, datetime):
            utc = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
            return (utc - _EPOCH) / timedelta(days=1)
        if isinstance(value, date):
            return float(value.toordinal() - _EPOCH.toordinal())
        if isinstance(value, Decimal | np.integer | np.floating):
            value = math.nan if isinstance(value, Decimal) and value.is_nan() else float(value)
    except (ValueError, OverflowError):
        value = None
    if isinstance(value, float) and math.isnan(value):
        return value
    if is_number(value) and not isinstance(value, bool):
        return float(value)
    raise InputError(
        f"{short(moment)} is neither a date nor a number; give a date such as 2024-05-31, a time or number."
    )


def _exact(moment: np.datetime64) -> datetime:
    """A moment of any unit; ValueError outside of the years 1 to 9999, to which conversion would wrap around."""
    years = moment.astype("datetime64[Y]")
    value = moment.astype("datetime64[us]").item()
    if not isinstance(value, datetime) or value.year != years.astype(np.int64) + 1970:
        raise ValueError
    return value


def available(columns: Mapping[str, npt.NDArray[np.float64]], at: Moment, size: int) -> npt.NDArray[np.bool_]:
    """Which of ``size`` targets are available, bool (size,), by ``available_from`` and ``available_to`` inclusive.

    A whole number, thus a date, lasts to its end; a missing cell is no limit. ``columns`` are float64 (size,).
    """
    moment = as_number(at)
    if math.isnan(moment):
        raise InputError("at is empty; give a date, a time or a number.")
    unknown = np.full(size, math.nan)
    first, last = (columns.get(name, unknown) for name in (AVAILABLE_FROM, AVAILABLE_TO))
    over = np.where(last == np.floor(last), moment >= last + 1, moment > last)
    return ~((moment < first) | over)
