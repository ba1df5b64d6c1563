"""A table schema from a ``schema.toml`` or a mapping of the same form, every key and value checked."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from ...arguments import is_number
from ...errors import InputError
from ...toml_file import Place, read_toml
from .table_schema import STANDARD, CellFormat, Ratings, Role, TableReading, TableSchema, TimeUnit
from .verb import Verb

GivenSchema = TableSchema | Mapping[str, Any] | str | Path
"""A schema, a mapping of the form of its TOML file, or the path of one."""

_CELLS = ("delimiter", "decimal", "encoding", "missing")
_OF_SCHEMA = (*_CELLS, "verb", "verb_past", "kinds", "ratings", *STANDARD)
_OF_TABLE = (*_CELLS, "file", "time_format", "time_unit", "roles")
_OF_RATINGS = ("column", "liked", "disliked")
_WITHOUT_ROLES = ("attributes", "attribute_parents")


def read_schema(given: GivenSchema | None) -> TableSchema:
    """Read a schema; None is an empty one.

    Raises:
        InputError: the file cannot be read, or a key or value is invalid; the message names file, line and key.
    """
    if given is None:
        return TableSchema()
    if isinstance(given, TableSchema):
        return given
    place, table = (Place("The schema"), given) if isinstance(given, Mapping) else read_toml(Path(given))
    place.check_keys((), table, _OF_SCHEMA, "the schema")
    return TableSchema(
        tables={name: _table(place, name, table[name]) for name in STANDARD if name in table},
        cells=_cells(place, (), table),
        kinds=_kinds(place, table.get("kinds", {})),
        ratings=_ratings(place, table["ratings"]) if "ratings" in table else None,
        verb=_verb(place, "verb", table) or TableSchema.verb,
        verb_past=_verb(place, "verb_past", table),
    )


def _table(place: Place, name: str, given: object) -> TableReading:
    table = _mapping(place, (name,), given)
    place.check_keys((name,), table, (*STANDARD[name], *_OF_TABLE), f"the {name} table")
    columns = {own: _column(place, (name, own), table[own]) for own in STANDARD[name] if own in table}
    for standard, column in columns.items():
        first = next(own for own, other in columns.items() if other == column)
        if first != standard and name != "orders":
            raise place.error(
                (name, standard), f"the column {column!r} has two roles, {first} and {standard}; leave one of them out."
            )
    roles = _roles(place, name, table.get("roles", {}))
    for column in columns.values():
        if column in roles:
            raise place.error(
                (name, "roles", column),
                f"the column {column!r} has two roles, {_standard(columns, column)} and {roles[column]}; "
                "leave one of them out.",
            )
    unit = table.get("time_unit")
    if unit is not None and unit not in get_args(TimeUnit):
        raise place.error((name, "time_unit"), f"time_unit is {unit!r}; give one of {_listed(get_args(TimeUnit))}.")
    form = _optional_text(place, (name, "time_format"), table)
    if form is not None and "%" not in form:
        raise place.error(
            (name, "time_format"), f"time_format is {form!r}; give one such as %d/%m/%Y %H:%M, with % before each part."
        )
    return TableReading(
        file=_optional_text(place, (name, "file"), table),
        columns=columns,
        roles=roles,
        time_format=form,
        time_unit=unit,
        cells=_cells(place, (name,), table),
    )


def _roles(place: Place, name: str, given: object) -> dict[str, Role]:
    allowed: tuple[Role, ...] = ("ignore",) if name == "interactions" else get_args(Role)
    table = _mapping(place, (name, "roles"), given)
    if table and name in _WITHOUT_ROLES:
        raise place.error((name, "roles"), f"columns of the {name} table have no roles; leave them out.")
    found: dict[str, Role] = {}
    for column, role in table.items():
        if role not in allowed:
            raise place.error((name, "roles", column), f"the role of {column!r} is {role!r}; give {_listed(allowed)}.")
        found[column] = role
    return found


def _cells(place: Place, keys: tuple[str, ...], table: Mapping[str, Any]) -> CellFormat:
    delimiter, encoding = (_optional_text(place, (*keys, key), table) for key in ("delimiter", "encoding"))
    if delimiter is not None and len(delimiter) != 1:
        raise place.error((*keys, "delimiter"), f"delimiter is {delimiter!r}; give one character.")
    if encoding is not None:
        try:
            codecs.lookup(encoding)
        except LookupError:
            raise place.error(
                (*keys, "encoding"), f"the encoding {encoding!r} does not exist; give one such as utf-8 or cp1252."
            ) from None
    decimal = table.get("decimal")
    if decimal not in (None, ".", ","):
        raise place.error((*keys, "decimal"), f'decimal is {decimal!r}; give "." or ",".')
    missing = table.get("missing", ())
    if not isinstance(missing, list | tuple) or not all(isinstance(each, str | int) for each in missing):
        raise place.error((*keys, "missing"), f'missing is {missing!r}; give a list of texts such as ["-", "n/a"].')
    return CellFormat(delimiter, decimal, encoding, tuple(map(str, missing)))


def _kinds(place: Place, given: object) -> dict[str, float]:
    return {
        kind: _number(place, ("kinds", kind), weight) for kind, weight in _mapping(place, ("kinds",), given).items()
    }


def _ratings(place: Place, given: object) -> Ratings:
    table = _mapping(place, ("ratings",), given)
    place.check_keys(("ratings",), table, _OF_RATINGS, "ratings")
    for key in ("column", "liked"):
        if key not in table:
            raise place.error(("ratings",), f"ratings lacks {key}; give it, or leave ratings out.")
    liked = _number(place, ("ratings", "liked"), table["liked"])
    disliked = _number(place, ("ratings", "disliked"), table["disliked"]) if "disliked" in table else None
    if disliked is not None and disliked >= liked:
        raise place.error(
            ("ratings", "disliked"), f"disliked is {disliked:g}, not below liked ({liked:g}); correct one of them."
        )
    return Ratings(_column(place, ("ratings", "column"), table["column"]), liked, disliked)


def _mapping(place: Place, keys: tuple[str, ...], given: object) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise place.error(keys, f"{'.'.join(keys)} is {given!r}; give a table.")
    return given


def _column(place: Place, keys: tuple[str, ...], given: object) -> str:
    """The name of a column; of several (levels of categories) one text, with commas between them."""
    if keys == ("orders", "category") and isinstance(given, list) and given:
        return ",".join(_text(place, keys, each) for each in given)
    return _text(place, keys, given)


def _optional_text(place: Place, keys: tuple[str, ...], table: Mapping[str, Any]) -> str | None:
    return None if table.get(keys[-1]) is None else _text(place, keys, table[keys[-1]])


def _verb(place: Place, key: str, table: Mapping[str, object]) -> str | None:
    form = _optional_text(place, (key,), table)
    if form is not None:
        try:
            Verb(form)
        except InputError as error:
            raise place.error((key,), str(error)) from None
    return form


def _text(place: Place, keys: tuple[str, ...], given: object) -> str:
    if not isinstance(given, str) or not given:
        raise place.error(keys, f"{'.'.join(keys)} is {given!r}; give a text.")
    return given


def _number(place: Place, keys: tuple[str, ...], given: object) -> float:
    if isinstance(given, bool) or not is_number(given):
        raise place.error(keys, f"{'.'.join(keys)} is {given!r}; give a finite number.")
    return float(given)


def _standard(columns: Mapping[str, str], column: str) -> str:
    return next(standard for standard, own in columns.items() if own == column)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:-1]) + " or " + names[-1] if len(names) > 1 else names[0]
