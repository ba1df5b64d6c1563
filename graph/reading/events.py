"""A table of events read as arrays: ids, weights, times and kinds, every dropped row counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...arrays import BoolArray, FloatArray, IntArray
from ...errors import InteractionsError
from ..cleaning import DUPLICATE, EXAMPLES, MISSING_ID, CleaningReport, ColumnReading, Tally
from ..frames import Table, column_names, read_frame
from ..ids import Id, Ids
from .cells import distinct, is_text, without_missing
from .guests import GUEST, find_guests
from .kinds import DISLIKED, LIKED, RATED, kind_notes
from .names import own_names
from .numbers import parse_number
from .own_ids import read_ids
from .rows import repeated_rows, sorted_rows
from .table_schema import Ratings, TableReading, TableSchema
from .times import Times, read_times

WHAT = "interactions"
NOTHING = "weight of 0 or below"
MERGED = "ids that are one with another once normalised"
_FIRST = 1000


@dataclass(frozen=True, eq=False)
class ReadEvents:
    """Cleaned events, sorted; fields as in :class:`newaisle.Interactions`."""

    users: Ids
    targets: Ids
    user: IntArray
    target: IntArray
    weight: FloatArray
    timestamp: npt.NDArray[np.datetime64] | None
    event: npt.NDArray[np.object_] | None
    report: CleaningReport


@dataclass(frozen=True, eq=False)
class _Kinds:
    """The kind of each row: a position among the texts, which are in ascending order."""

    texts: Sequence[str]
    codes: IntArray


def event_columns(table: Table, schema: TableSchema, named: Mapping[str, str]) -> dict[str, str]:
    """Standard name -> own name of the columns that a table has, as the schema names them, and ``named`` before it."""
    reading = schema.table(WHAT)
    reading = replace(reading, columns={**reading.columns, **named})
    return own_names(column_names(table, WHAT), WHAT, reading, ("user", "target"))


def read_events(table: Table, columns: Mapping[str, str], schema: TableSchema) -> ReadEvents:
    """Read columns (standard name -> own name) of a table; errors as of :meth:`newaisle.Interactions.from_table`."""
    reading, ratings, tally = schema.table(WHAT), schema.ratings, Tally()
    wanted = [*columns.values(), *([ratings.column] if ratings else ())]
    rows: pa.Table = read_frame(table, WHAT, wanted, rest=False).to_native()
    given = {standard: rows.column(own) for standard, own in columns.items()}
    users, who, unnamed = _ids(given, "user", columns, reading, tally)
    targets, what, _ = _ids(given, "target", columns, reading, tally)
    guests, notes = find_guests(users, who)
    guest = unnamed | ((who >= 0) & np.append(guests, False)[who])
    weights = _weights(given["weight"], columns["weight"], reading) if "weight" in given else np.ones(len(rows))
    times = read_times(given["timestamp"], WHAT, columns["timestamp"], reading) if "timestamp" in given else None
    kinds = _kinds(given["event"], columns["event"], tally) if "event" in given else None
    if ratings is not None:
        kinds = _rated(rows.column(ratings.column), ratings, reading, kinds)
    numbers = {"user": len(users) - users.count(None), "target": len(targets) - targets.count(None)}
    tally.columns += _columns(rows, columns, reading, times, column_names(table, WHAT), ratings, numbers)
    tally.notes += (*notes, *_decimal_notes(columns["user"], users), *_decimal_notes(columns["target"], targets))

    tally.read = len(rows)
    identified = (who >= 0) & (what >= 0) & ~guest
    _check_weights(weights, identified, lambda row: f"user {users[who[row]]!r}, target {targets[what[row]]!r}")
    positive = weights > 0
    _drop(tally, MISSING_ID, ~identified & ~guest, lambda row: f"row {row + 1}")
    _drop(tally, GUEST, guest, lambda row: f"row {row + 1} ({columns['user']} {rows.column(columns['user'])[row]})")
    _drop(tally, NOTHING, identified & ~positive, lambda row: f"row {row + 1} ({columns['weight']} {weights[row]:g})")
    kept = np.flatnonzero(identified & positive)
    user_ids, user_at = _positions(users, who[kept], "user", tally)
    target_ids, target_at = _positions(targets, what[kept], "target", tally)
    further = (None if times is None else times.values, None if kinds is None else kinds.codes, weights)
    keys = [user_at, target_at, *(column[kept] for column in further if column is not None)]
    order = sorted_rows(keys)
    repeated = repeated_rows([key[order] for key in keys])
    again = np.zeros(len(rows), dtype=np.bool_)
    again[kept[order[repeated]]] = True
    _drop(
        tally,
        DUPLICATE,
        again,
        lambda row: f"row {row + 1} (user {users[who[row]]!r}, target {targets[what[row]]!r})",
    )
    order = order[~repeated]
    tally.kept = len(order)
    if not len(kept):
        raise InteractionsError(f"No interaction is left after cleaning: {tally.report.describe()}.")
    if kinds is not None:
        tally.notes += _kind_notes(kinds, kept[order], schema)
    return ReadEvents(
        user_ids,
        target_ids,
        user_at[order],
        target_at[order],
        weights[kept][order],
        None if times is None else times.values[kept][order],
        None if kinds is None else np.array(kinds.texts, dtype=np.object_)[kinds.codes[kept][order]],
        tally.report,
    )


def _ids(
    given: Mapping[str, Any], standard: str, columns: Mapping[str, str], reading: TableReading, tally: Tally
) -> tuple[list[Id | None], IntArray, BoolArray]:
    """Distinct ids, each row's position among them, and the rows that the schema calls missing."""
    raw = given[standard]
    cells = without_missing(raw, reading.cells.missing)
    ids, codes = read_ids(cells, WHAT, columns[standard], tally, InteractionsError)
    unnamed = np.zeros(len(codes), dtype=np.bool_)
    if cells is not raw:
        unnamed = cells.is_null().to_numpy() & ~raw.is_null().to_numpy()
    return ids, codes, unnamed


def _drop(tally: Tally, reason: str, rows: BoolArray, describe: Any) -> None:
    found = np.flatnonzero(rows)
    if len(found):
        tally.drop(reason, len(found), (describe(row) for row in found[:EXAMPLES].tolist()))


def _positions(own: list[Id | None], codes: IntArray, what: str, tally: Tally) -> tuple[Ids, IntArray]:
    used = np.flatnonzero(np.bincount(codes, minlength=len(own)))
    values = [value for i in used.tolist() if (value := own[i]) is not None]
    ids = Ids.of(values, what)
    if len(ids) < len(values):
        tally.change(f"{what} {MERGED}", len(values) - len(ids))
    place = np.full(len(own), -1, dtype=np.int64)
    at = {value: position for position, value in enumerate(ids)}
    place[used] = [at[value] for value in values]
    return ids, place[codes]


def _weights(cells: Any, column: str, reading: TableReading) -> FloatArray:
    # a quantity of 0 stays one where 0 is written for guests
    return _numbers(without_missing(cells, reading.cells.missing) if is_text(cells.type) else cells, column, reading)


def _numbers(cells: Any, column: str, reading: TableReading) -> FloatArray:
    """A column of numbers, NaN where missing; texts only under the decimal sign of the schema."""
    kind, decimal = cells.type, reading.cells.decimal
    if is_text(kind) and decimal is not None:
        values, codes = distinct(cells)
        parsed = [parse_number(value.strip(), decimal) for value in values]
        wrong = [at for at, (value, number) in enumerate(zip(values, parsed, strict=True)) if number is None and value]
        if wrong:
            row = min(int((codes == at).argmax()) for at in wrong)
            raise InteractionsError(
                f"Row {row + 1} of the {WHAT} table has the {column} {values[codes[row]]!r}, no number with the "
                f"decimal sign {decimal!r}; correct it."
            )
        return np.array([*(np.nan if number is None else number for number in parsed), np.nan])[codes]
    try:
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
            raise pa.ArrowTypeError("no numbers")
        return np.asarray(cells.cast(pa.float64()).to_numpy(), dtype=np.float64)
    except pa.ArrowException:
        hint = "; texts need a decimal sign in the schema" if is_text(kind) else ""
        raise InteractionsError(
            f"Column {column!r} of the {WHAT} table is of type {kind}; give numbers{hint}."
        ) from None


def _check_weights(weights: FloatArray, identified: BoolArray, describe: Any) -> None:
    if (bad := identified & ~np.isfinite(weights)).any():
        row = int(bad.argmax())
        raise InteractionsError(
            f"Row {row + 1} of the {WHAT} table ({describe(row)}) "
            f"has the weight {weights[row]}; weights must be finite numbers: correct or remove the row."
        )
    with np.errstate(over="ignore"):
        total = weights[identified & (weights > 0)].sum()
    if not np.isfinite(total):
        row = int(np.where(identified, weights, 0.0).argmax())
        raise InteractionsError(
            f"The weights of the {WHAT} table add up to more than a number holds, the greatest in row {row + 1} "
            f"({describe(row)}): {weights[row]:g}; correct it."
        )


def _kinds(cells: Any, column: str, tally: Tally) -> _Kinds:
    kind = cells.type.value_type if pa.types.is_dictionary(cells.type) else cells.type
    plain = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    if not (is_text(kind) or plain or pa.types.is_null(kind)):
        raise InteractionsError(f"Column {column!r} of the {WHAT} table is of type {kind}; kinds of events are texts.")
    values, codes = distinct(cells)
    texts = [tally.text(int(value) if isinstance(value, float) and value.is_integer() else value) for value in values]
    return _sorted_kinds([*texts, ""], np.where(codes < 0, len(texts), codes))


def _sorted_kinds(texts: Sequence[str], codes: IntArray) -> _Kinds:
    order = sorted(set(texts))
    place = {text: at for at, text in enumerate(order)}
    return _Kinds(order, np.array([place[text] for text in texts], dtype=np.int64)[codes])


def _rated(cells: Any, ratings: Ratings, reading: TableReading, kinds: _Kinds | None) -> _Kinds:
    """The kinds of rows by their ratings; rows without one keep the kind that they have."""
    stars = _numbers(without_missing(cells, reading.cells.missing), ratings.column, reading)
    own = [LIKED, RATED, DISLIKED, *(kinds.texts if kinds is not None else ())]
    disliked = stars <= (-np.inf if ratings.disliked is None else ratings.disliked)
    rated = np.where(stars >= ratings.liked, 0, np.where(disliked, 2, 1))
    unrated = 1 if kinds is None else kinds.codes + 3
    return _sorted_kinds(own, np.where(np.isnan(stars), unrated, rated))


def _kind_notes(kinds: _Kinds, kept: IntArray, schema: TableSchema) -> list[str]:
    counts = np.bincount(kinds.codes[kept], minlength=len(kinds.texts)).tolist()
    present = {text: count for text, count in zip(kinds.texts, counts, strict=True) if count}
    return kind_notes(present, schema.kinds)


def _columns(
    rows: pa.Table,
    columns: Mapping[str, str],
    reading: TableReading,
    times: Times | None,
    every: Sequence[str],
    ratings: Ratings | None,
    numbers: Mapping[str, int],
) -> list[ColumnReading]:
    """How each column of the table was read; ``numbers``: standard name -> number of distinct values, where known."""
    roles = {own: standard for standard, own in columns.items()}
    if ratings is not None:
        roles[ratings.column] = "rating"
    found = []
    for own in every:
        role = roles.get(own)
        if role is None:
            reason = "the schema ignores it" if own in reading.roles else "no column of interactions has this name"
            found.append(ColumnReading(WHAT, own, "ignored", reason))
            continue
        reason = "by its name" if role == own else f"named as {role}"
        if role == "timestamp" and times is not None:
            reason += f"; {times.reason}"
        if role == "rating" and ratings is not None:
            below = "" if ratings.disliked is None else f", {ratings.disliked:g} and below dislike"
            reason = f"{ratings.liked:g} and above like{below}, others {RATED}"
        cells = rows.column(own)
        number = numbers.get(role)
        if number is None and role not in ("weight", "timestamp"):
            number = len(cells.unique().drop_null())
        found.append(ColumnReading(WHAT, own, role, reason, number, cells.null_count, _examples(cells)))
    return found


def _examples(cells: Any) -> tuple[str, ...]:
    """Some different cells, looked for among the first ones if there are any."""
    first = cells.slice(0, _FIRST).drop_null()
    found = first if len(first) else cells.drop_null().slice(0, _FIRST)
    return tuple(dict.fromkeys(str(cell) for cell in found.to_pylist()))[:EXAMPLES]


def _decimal_notes(column: str, ids: Sequence[Id | None]) -> list[str]:
    """A sentence where most ids are texts such as ``17850.0``."""
    looked_at = [own for own in ids[:1000] if isinstance(own, str)]
    odd = [own for own in looked_at if own.endswith(".0") and own[:-2].isdecimal()]
    if 2 * len(odd) <= len(looked_at):
        return []
    return [
        f"The ids of the column {column!r} are texts such as {odd[0]!r}, integers written as decimals: they fit no id "
        f"{odd[0][:-2]!r} elsewhere; read the column as integers where it comes from."
    ]
