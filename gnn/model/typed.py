"""Dataclasses from tables of JSON or TOML: every key, type and range is checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from types import UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from ...toml_file import Place

_T = TypeVar("_T")
_WORDS: Mapping[type, tuple[Any, str]] = {
    int: (int, "a whole number"),
    float: (int | float, "a number"),
    str: (str, "a text"),
    bool: (bool, "true or false"),
}
_LARGEST = 2**63
_PLURALS = {int: "whole numbers", float: "numbers", str: "texts"}


@dataclass(frozen=True)
class Limits:
    """Ranges of numbers by dotted key, such as ``settings.factors.rank``; those in a list or mapping by its key."""

    at_least: Mapping[str, float]
    above_zero: frozenset[str]


SETTINGS_LIMITS = Limits(
    at_least={
        "seed": 0,
        "settings.factors.rank": 1,
        "settings.factors.second": 0,
        "settings.factors.iterations": 1,
        "settings.factors.rounds": 0,
        "settings.kernel.weights": 0,
        "settings.calibration.slopes": 0,
        "settings.level": 0,
        "settings.new_customers.slope": 0,
    },
    above_zero=frozenset(
        {
            "settings.factors.alpha",
            "settings.factors.regularization",
            "settings.kernel.ridge",
            "settings.strength",
            "settings.seen_strength",
            "settings.tau",
        }
    ),
)
"""Ranges of the seed and of :class:`~newaisle.gnn.model.settings.ModelSettings`."""


def from_table(kind: type[_T], given: object, place: Place, limits: Limits, keys: tuple[str, ...] = ()) -> _T:
    """A dataclass from a mapping by its fields, dataclasses inside it likewise; missing fields are defaults.

    ``keys`` lead to it from the top of ``place``; an InputError names the key that is wrong.
    """
    name = ".".join(keys) or "the configuration"
    if not isinstance(given, Mapping):
        raise place.error(keys, f"{name} is {given!r}; give a table.")
    types = get_type_hints(kind)
    place.check_keys(keys, given, types, name)
    for own in fields(cast("Any", kind)):
        if own.name not in given and own.default is own.default_factory:
            remedy = f"give it, or leave {keys[-1]} out" if keys else "give it"
            raise place.error(keys, f"{name} lacks {own.name}; {remedy}.")
    return kind(**{key: _value(types[key], value, place, limits, (*keys, key)) for key, value in given.items()})


def _value(kind: Any, given: object, place: Place, limits: Limits, keys: tuple[str, ...]) -> Any:
    origin, inner, name = get_origin(kind), get_args(kind), ".".join(keys)
    if origin is UnionType:
        return None if given is None else _value(inner[0], given, place, limits, keys)
    if is_dataclass(kind):
        return from_table(cast("type[Any]", kind), given, place, limits, keys)
    if origin is tuple:
        if not isinstance(given, list | tuple):
            raise place.error(keys, f"{name} is {given!r}; give a list of {_PLURALS.get(inner[0], 'values')}.")
        return tuple(_value(inner[0], each, place, limits, keys) for each in given)
    if origin is Mapping:
        if not isinstance(given, Mapping):
            raise place.error(keys, f"{name} is {given!r}; give a table of {_PLURALS.get(inner[1], 'values')}.")
        return {str(key): _value(inner[1], each, place, limits, (*keys, str(key))) for key, each in given.items()}
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        if given not in list(kind):
            raise place.error(keys, f"{name} is {given!r}; give one of {', '.join(kind)}.")
        return kind(str(given))
    wanted, words = _WORDS[kind]
    if not isinstance(given, wanted) or (isinstance(given, bool) and kind is not bool):
        raise place.error(keys, f"{name} is {given!r}; give {words}.")
    if isinstance(given, int) and abs(given) >= _LARGEST:
        raise place.error(keys, f"{name} is too large; give a number below 2 to the power of 63.")
    if kind in (int, float):
        _check_range(kind(given), place, limits, keys)
    return kind(given)


def _check_range(number: float, place: Place, limits: Limits, keys: tuple[str, ...]) -> None:
    name = ".".join(keys)
    names = (name, ".".join(keys[:-1]))
    least = next((limits.at_least[own] for own in names if own in limits.at_least), -math.inf)
    if not math.isfinite(number):
        raise place.error(keys, f"{name} is {number}; give a finite number.")
    if number < least:
        raise place.error(keys, f"{name} is {number}; give {least} or more.")
    if limits.above_zero.intersection(names) and number <= 0:
        raise place.error(keys, f"{name} is {number}; give a number above 0.")
